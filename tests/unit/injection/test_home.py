"""The weights home: deltas on disk that follow the store, and wake for their owner only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import save_file

from memgraft.core.errors import FolderError
from memgraft.core.recall import Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.host.session import Session
from memgraft.injection.closed_form import ClosedFormWriter
from memgraft.injection.config import InjectionConfig
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.home import CONSIDERED, InjectionHome
from memgraft.injection.written import WrittenFact, load_fact
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

ME, YOU = Scope(user_id="me"), Scope(user_id="you")
# What is tested is not how well a random model learns.
QUICK = InjectionConfig(steps=1, questions=1)
Open = Callable[..., InjectionHome]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "weights"


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def opened(host: Host, folder: Path) -> Open:
    def open_home(config: InjectionConfig = QUICK, host: Host = host, encoder: str = "toy") -> Any:
        return InjectionHome(host, ToyEncoder(encoder), folder, config)

    return open_home


def record(text: str, scope: Scope = ME) -> Record:
    return Record.new(text, scope)


def files(folder: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (folder / "records").iterdir()}


class TestWrite:
    def test_a_delta_a_file_and_a_receipt(self, opened: Open, folder: Path) -> None:
        home, told = opened(), record("I live in Lisbon")
        [receipt] = home.write([told])
        assert (receipt.record_id, receipt.home) == (told.id, "weights")
        assert receipt.outcome in ("exact", "approximate")
        assert receipt.milliseconds > 0
        assert home.held() == {told.id: 1}
        fact = load_fact(folder / "records" / f"{told.id}.safetensors")
        assert (fact.record_id, fact.version, fact.scope) == (told.id, 1, ME)
        assert fact.text == "I live in Lisbon"
        assert fact.checked == (receipt.outcome == "exact")
        assert isinstance(fact.delta, LowRankDelta)
        [term] = fact.delta.terms
        assert term.layer == ClosedFormWriter(home.host).layer
        assert term.a.dtype == term.b.dtype == torch.float16

    @pytest.mark.parametrize("fails", [True, False])
    def test_the_receipt_tells_whether_the_model_answers_with_it(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch, fails: bool
    ) -> None:
        home, told = opened(), record("I live in Lisbon")
        failed = ("Where do I live?",) if fails else ()
        check = ClosedFormWriter.check
        monkeypatch.setattr(
            ClosedFormWriter, "check", lambda *given: replace(check(*given), failed=failed)
        )
        [receipt] = home.write([told])
        assert receipt.outcome == ("approximate" if fails else "exact")
        assert ("Where do I live?" in receipt.reason) == fails
        assert home.stats()["unchecked"] == int(fails)
        assert home.consolidate().figures == {"unchecked": int(fails)}
        again = opened()
        assert again.stats()["unchecked"] == int(fails)
        [adopted] = again.write([told])
        assert adopted.outcome == receipt.outcome

    def test_another_version_takes_its_place(self, opened: Open, folder: Path) -> None:
        home, told = opened(), record("I live in Lisbon")
        home.write([told])
        home.write([told.changed(text="I own a boat")])
        assert home.held() == {told.id: 2}
        assert files(folder) == {told.id}
        [only] = home.read(Query("boat", ME)).considered
        assert only.text == "I own a boat"

    def test_the_same_version_is_adopted_from_another_process(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here, there, told = opened(), opened(), record("I live in Lisbon")
        here.write([told])

        def never(*_: object) -> None:
            raise AssertionError("computed again")

        monkeypatch.setattr(ClosedFormWriter, "attempt", never)
        assert there.write([told])[0].outcome in ("exact", "approximate")
        assert there.held() == {told.id: 1}
        with pytest.raises(AssertionError, match="computed again"):
            there.write([told.changed(text="I live in Porto")])

    def test_a_damaged_file_is_not_adopted_but_replaced(self, opened: Open, folder: Path) -> None:
        home, told = opened(), record("I live in Lisbon")
        path = folder / "records" / f"{told.id}.safetensors"
        path.write_bytes(b"damaged")
        assert home.write([told])[0].outcome != "refused"
        assert load_fact(path).text == "I live in Lisbon"


class TestRefusal:
    def test_too_long(self, opened: Open, folder: Path) -> None:
        home, told = opened(), record("I have " + "so " * 40 + "many words")
        [receipt] = home.write([told])
        assert receipt.outcome == "refused"
        assert "at most 64 fit" in receipt.reason
        assert home.held() == {told.id: 1}, "for good, so it is not tried with every change"
        assert home.stats()["refused"] == 1
        assert files(folder) == set()
        assert not home.read(Query("so many words", ME)).considered
        home.forget([told.id])
        assert home.held() == {}

    def test_what_no_question_can_be_made_of(self, opened: Open, folder: Path) -> None:
        home, told = opened(), record("!!!")
        [receipt] = home.write([told])
        assert (receipt.outcome, files(folder)) == ("refused", set())
        assert "no question" in receipt.reason
        assert home.held() == {told.id: 1}

    def test_a_refused_version_leaves_nothing_of_the_one_before(
        self, opened: Open, folder: Path
    ) -> None:
        home, told = opened(), record("I live in Lisbon")
        home.write([told])
        long = told.changed(text="I live in " + "so " * 40 + "far away")
        assert home.write([long])[0].outcome == "refused"
        assert home.held() == {told.id: 2}
        assert not home.read(Query("live in Lisbon", ME)).considered
        assert files(folder) == set()

    def test_a_version_that_fits_after_one_that_did_not(self, opened: Open) -> None:
        home, told = opened(), record("I live in " + "so " * 40 + "far away")
        home.write([told])
        home.write([told.changed(text="I live in Lisbon")])
        assert home.held() == {told.id: 2}
        assert home.stats()["refused"] == 0


class TestRead:
    @pytest.fixture
    def home(self, opened: Open) -> InjectionHome:
        home = opened()
        home.write([record("I live in Lisbon"), record("My cat is called Tom")])
        return home

    def test_one_fact_is_awake(self, home: InjectionHome) -> None:
        patch = home.read(Query("Where do I live?", ME))
        assert [fact.text for fact in patch.awake] == ["I live in Lisbon"]
        assert [fact.text for fact in patch.considered] == [
            "I live in Lisbon",
            "My cat is called Tom",
        ]
        assert patch.considered[0] == patch.awake[0]
        assert patch.awake[0].score >= home.config.threshold
        [term] = patch.terms
        assert term.layer == ClosedFormWriter(home.host).layer
        assert term.a.shape[1] == term.b.shape[1] > 0

    def test_it_changes_what_the_model_says(self, home: InjectionHome, host: Host) -> None:
        prompt = host.encode(host.prompt([{"role": "user", "content": "Where do I live?"}]))
        patch = home.read(Query("Where do I live?", ME))
        bare = Session(host).logits(prompt)
        assert not torch.equal(Session(host).logits(prompt, patch), bare)
        asleep = home.read(Query("How tall is the Eiffel Tower?", ME))
        assert torch.equal(Session(host).logits(prompt, asleep), bare)

    def test_below_the_threshold_none_is(self, home: InjectionHome, opened: Open) -> None:
        question = Query("Where do I live?", ME)
        score = home.read(question).awake[0].score
        at = opened(replace(QUICK, threshold=score - 1e-4)).read(question)
        above = opened(replace(QUICK, threshold=score + 1e-4)).read(question)
        assert at.terms
        assert not above
        assert not above.awake
        assert above.considered == at.considered, "for people to see what was nearly awake"

    def test_somebody_elses_fact_is_not_even_considered(self, home: InjectionHome) -> None:
        home.write([record("I live in Porto", YOU), record("I own a boat", YOU)])
        home.write([record("I live in Faro", Scope(agent_id="a"))])
        mine = home.read(Query("Where do I live?", ME))
        assert {fact.text for fact in mine.considered} == {
            "I live in Lisbon",
            "My cat is called Tom",
        }
        theirs = home.read(Query("What is my cat called?", YOU))
        assert {fact.text for fact in theirs.considered} == {"I live in Porto", "I own a boat"}
        assert not home.read(Query("Where do I live?", Scope(user_id="nobody"))).considered

    def test_only_the_best_few_are_reported(self, home: InjectionHome) -> None:
        home.write([record(f"I own boat number {n}") for n in range(CONSIDERED)])
        assert len(home.read(Query("boat", ME)).considered) == CONSIDERED

    def test_an_empty_home_has_nothing_to_say(self, tmp_path: Path, host: Host) -> None:
        home = InjectionHome(host, ToyEncoder(), tmp_path / "empty")
        patch = home.read(Query("Where do I live?", ME))
        assert not patch
        assert patch.considered == ()


class TestFolder:
    def test_reopened_it_answers_the_same(self, opened: Open) -> None:
        home = opened()
        told = [record(f"I keep {n} {noun}") for n, noun in enumerate(("cats", "boats", "keys"))]
        home.write(told)
        again = opened()
        assert again.held() == home.held() == {each.id: 1 for each in told}
        assert again.stats() == home.stats()
        for text in ("How many cats do I keep?", "boats", "keys 2"):
            before, after = home.read(Query(text, ME)), again.read(Query(text, ME))
            by_id = {fact.record_id: fact.score for fact in after.considered}
            for fact in before.considered:
                assert by_id[fact.record_id] == pytest.approx(fact.score, abs=1e-6)
            for first, second in zip(before.terms, after.terms, strict=True):
                assert torch.equal(first.a, second.a)
                assert torch.equal(first.b, second.b)

    def test_forget_removes_every_trace(self, opened: Open, folder: Path) -> None:
        home, gone, kept = opened(), record("My pet is called Tom"), record("I own a boat")
        home.write([gone, kept])
        receipts = home.forget([gone.id, "unknown"])
        assert [(r.record_id, r.outcome) for r in receipts] == [
            (gone.id, "exact"),
            ("unknown", "exact"),
        ]
        assert home.held() == {kept.id: 1}
        assert files(folder) == {kept.id}
        assert not any(b"Tom" in path.read_bytes() for path in folder.rglob("*.*"))
        assert [f.text for f in home.read(Query("my pet", ME)).considered] == ["I own a boat"]
        assert opened().held() == {kept.id: 1}

    def test_another_base_model_or_encoder_is_refused(
        self, opened: Open, tiny_host: Callable[[str], Host]
    ) -> None:
        home, told = opened(), record("I own a boat")
        home.write([told])
        with pytest.raises(FolderError, match=f"base_model {home.host.fingerprint}"):
            opened(host=tiny_host("gpt2"))
        with pytest.raises(FolderError, match="router other"):
            opened(encoder="other")
        assert opened().held() == {told.id: 1}

    def test_a_folder_of_another_kind_is_refused(self, opened: Open, folder: Path) -> None:
        folder.mkdir()
        config = {"kind": "memgraft-passages", "version": 1, "router": "toy"}
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(FolderError, match="memgraft-passages"):
            opened()

    @pytest.mark.parametrize("damage", ["cut", "other"])
    def test_a_damaged_file_is_dropped_and_written_again(
        self, opened: Open, folder: Path, tmp_path: Path, damage: str
    ) -> None:
        with Memory(SQLiteStore(tmp_path / "m.db"), [opened()]) as memory:
            hurt = memory.add("I live in Lisbon", user_id="me")["results"][0]["id"]
            whole = memory.add("My cat is called Tom", user_id="me")["results"][0]["id"]
        path = folder / "records" / f"{hurt}.safetensors"
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-10])
        else:
            save_file({}, path, metadata={"record_id": hurt})
        again = opened()
        assert again.held() == {whole: 1}
        assert files(folder) == {whole}
        with Memory(SQLiteStore(tmp_path / "m.db"), [again]) as memory:
            [patch] = memory.recall(Query("Where do I live?", ME))
            assert [fact.text for fact in patch.awake] == ["I live in Lisbon"]
        assert files(folder) == {whole, hurt}

    def test_a_file_that_goes_while_the_folder_is_read(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone, kept = record("I live in Lisbon"), record("I own a boat")
        opened().write([gone, kept])

        def late(path: Path) -> WrittenFact:
            if path.stem == gone.id:
                path.unlink()
            return load_fact(path)

        monkeypatch.setattr("memgraft.injection.home.load_fact", late)
        assert opened().held() == {kept.id: 1}

    def test_stats(self, opened: Open) -> None:
        home = opened()
        home.write([record("I own a boat")])
        home.save()
        figures = home.stats()
        assert (figures["facts"], figures["model"]) == (1, "tiny-llama")
        assert figures["threshold"] == home.config.threshold
        fact = next(iter(home._facts.values()))
        assert figures["bytes"] == fact.nbytes > 0
