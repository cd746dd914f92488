"""Writing with a memory encoder: codes on disk, the same terms after a restart, the fall-back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.recall import Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.attach import attach
from memgraft.host.load import Host
from memgraft.injection import encoding
from memgraft.injection.check import Check
from memgraft.injection.closed_form import ClosedFormWriter
from memgraft.injection.config import InjectionConfig
from memgraft.injection.delta import LatentDelta, LowRankDelta
from memgraft.injection.encoder import LEVELS, MemoryEncoder
from memgraft.injection.encoding import EncodingWriter, Latents, Told
from memgraft.injection.home import InjectionHome
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.model import MnemeModel
from memgraft.injection.pretrained import new_encoder
from memgraft.injection.writer import Attempt
from memgraft.injection.written import load_fact
from toys import ToyEncoder

ME = Scope(user_id="me")
SIZES = {"width": 16, "heads": 2, "feed_forward": 32, "code": 8, "token": 8, "head": 16}
QUICK = InjectionConfig(steps=1, questions=1)
FACT, REPLY = "I live in Lisbon", "You live in Lisbon."


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def encoder(host: Host) -> MemoryEncoder:
    return new_encoder(host, MnemeConfig.for_model(host.model.config, **SIZES))


def open_home(host: Host, encoder: MemoryEncoder, folder: Path) -> InjectionHome:
    return InjectionHome(host, ToyEncoder(), folder, QUICK, encoder)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained encoder writes nothing that would pass its check."""
    monkeypatch.setattr(Check, "failed", lambda *_: ())


@pytest.mark.usefixtures("passing")
class TestLatent:
    def test_codes_are_kept_as_int8(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path
    ) -> None:
        told = Record.new(FACT, ME)
        [receipt] = open_home(host, encoder, tmp_path).write([told])
        assert receipt.outcome == "exact"
        delta = load_fact(tmp_path / "records" / f"{told.id}.safetensors").delta
        assert isinstance(delta, LatentDelta)
        assert delta.codes.dtype == torch.int8
        assert delta.codes.shape == (len(delta.tokens) - 1, 8)
        assert host.tokenizer.decode(delta.tokens[1:], skip_special_tokens=True).startswith("You")

    def test_a_restart_wakes_the_same_terms(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path
    ) -> None:
        query = Query("lisbon live", ME)
        home = open_home(host, encoder, tmp_path)
        home.write([Record.new(FACT, ME)])
        before, after = home.read(query), open_home(host, encoder, tmp_path).read(query)
        assert [t.layer for t in before.terms] == list(encoder.config.layers)
        for one, other in zip(before.terms, after.terms, strict=True):
            assert torch.equal(one.a, other.a)
            assert torch.equal(one.b, other.b)

    def test_forgotten_it_is_the_bare_model(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path
    ) -> None:
        home, told = open_home(host, encoder, tmp_path), Record.new(FACT, ME)
        ids = torch.tensor([host.encode("Where do I live?")])
        bare = host.model(input_ids=ids).logits
        home.write([told])
        patch = home.read(Query("lisbon live", ME))
        with attach(host.model, patch):
            assert not torch.equal(host.model(input_ids=ids).logits, bare)
        home.forget([told.id])
        assert not home.read(Query("lisbon live", ME))
        assert torch.equal(host.model(input_ids=ids).logits, bare)

    def test_codes_of_another_encoder_are_refused(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path
    ) -> None:
        open_home(host, encoder, tmp_path).write([Record.new(FACT, ME)])
        other = new_encoder(host, encoder.config, seed=1)
        with pytest.raises(FolderError):
            open_home(host, other, tmp_path)

    def test_the_seeds_names(self, host: Host, encoder: MemoryEncoder, tmp_path: Path) -> None:
        model = MnemeModel(host, ToyEncoder(), encoder, QUICK)
        assert model.inject_memory(FACT).outcome == "exact"
        model.inject_memory("My name is Yusuf")
        assert model.list_memories() == [FACT, "My name is Yusuf"]
        assert isinstance(model.generate("Where do I live?", max_new_tokens=3), str)
        assert model.get_stats()["facts"] == 2
        model.save_encoder(tmp_path / "encoder.safetensors")
        model.load_encoder(tmp_path / "encoder.safetensors")
        assert model.get_stats()["facts"] == 2
        assert model.clear_memories() == 2
        assert model.list_memories() == []
        assert model.get_stats()["facts"] == 0


def test_what_fails_falls_back_to_the_closed_form(
    host: Host, encoder: MemoryEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, told = open_home(host, encoder, tmp_path), Record.new(FACT, ME)
    attempt = ClosedFormWriter.attempt

    def solved(*given: Any) -> Attempt:
        return replace(attempt(*given), failed=())

    monkeypatch.setattr(ClosedFormWriter, "attempt", solved)
    home.write([told])
    fact = load_fact(tmp_path / "records" / f"{told.id}.safetensors")
    assert isinstance(fact.delta, LowRankDelta)


def test_refining_brings_the_reply_nearer(host: Host, encoder: MemoryEncoder) -> None:
    from memgraft.injection.forcing import ForcedReplies
    from memgraft.injection.reading import prompt_ids, reply_ids

    writer = EncodingWriter(host, encoder)
    asked = ["Where do I live?", "Which town is mine?"]
    replies = ForcedReplies.run(
        host, [prompt_ids(host, a) for a in asked], [reply_ids(host, REPLY)] * 2
    )

    @torch.no_grad()
    def loss(latents: Latents) -> float:
        logits = replies.logits(replies.hidden(writer.terms(latents)), replies.valid)
        return float(torch.nn.functional.cross_entropy(logits, replies.target[replies.valid]))

    latents = writer.write(FACT, REPLY)
    better = writer.refine(latents, [replies], 8)
    assert loss(better) < loss(latents)
    assert torch.allclose(better.codes * LEVELS, (better.codes * LEVELS).round(), atol=1e-3)


@pytest.mark.parametrize("everywhere", [False, True])
def test_facts_are_refined_together(
    host: Host, encoder: MemoryEncoder, monkeypatch: pytest.MonkeyPatch, everywhere: bool
) -> None:
    monkeypatch.setattr(encoding, "BATCH", 3)
    writer = EncodingWriter(host, encoder)
    told = [
        Told(REPLY, ("Where do I live?", "Which town is mine?")),
        Told("Your name is Yusuf.", ("What is my name?", "Who am I?")),
    ]
    deltas = [
        writer.write(FACT, REPLY).delta(),
        writer.write("My name is Yusuf", told[1].reply).delta(),
    ]
    asked = [(question, fact.reply) for fact in told for question in fact.questions]
    forced = writer._forced(asked, everywhere)

    @torch.no_grad()
    def loss(deltas: list[LatentDelta]) -> float:
        hidden = forced.hidden(writer.terms(Latents.of(deltas)))
        logits = forced.logits(hidden, forced.valid)
        return float(torch.nn.functional.cross_entropy(logits, forced.target[forced.valid]))

    refined = writer.together(deltas, told, everywhere)
    assert loss(refined) < loss(deltas)
    for one, before in zip(refined, deltas, strict=True):
        assert torch.equal(one.tokens, before.tokens)
        assert one.codes.dtype == torch.int8


@pytest.mark.usefixtures("passing")
class TestComposed:
    def test_all_facts_of_the_scope_are_awake(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path
    ) -> None:
        told = [Record.new(text, ME) for text in (FACT, "My name is Yusuf")]
        theirs = Record.new("I own a boat", Scope(user_id="you"))
        for compose in ("sum", "solved"):
            config = replace(QUICK, compose=compose)
            home = InjectionHome(host, ToyEncoder(), tmp_path / compose, config, encoder)
            home.write([*told, theirs])
            patch = home.read(Query("anything at all", ME))
            assert [fact.text for fact in patch.awake] == [record.text for record in told]
            assert sum(t.a.shape[1] for t in patch.terms) == len(encoder.config.layers) * sum(
                len(home._facts[r.id].delta.tokens) - 1  # type: ignore[attr-defined]
                for r in told
            )

    def test_solved_keys_differ_where_there_is_another_fact(
        self,
        host: Host,
        encoder: MemoryEncoder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(encoding, "PASSES_TOGETHER", 0)
        config = replace(QUICK, compose="solved")
        home = InjectionHome(host, ToyEncoder(), tmp_path, config, encoder)
        home.write([Record.new(FACT, ME)])
        alone = home.composed(ME).terms
        home.write([Record.new("My name is Yusuf", ME)])
        for one, joined in zip(alone, home.composed(ME).terms, strict=True):
            rank = one.b.shape[1]
            assert torch.allclose(one.a, joined.a[:, :rank], atol=1e-5)
            assert not torch.allclose(one.b, joined.b[:, :rank])

    def test_facts_are_refined_again_when_one_is_gone(
        self, host: Host, encoder: MemoryEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is left is as if the other had never been told."""
        config = replace(QUICK, compose="solved")
        told = [Record.new(text, ME) for text in (FACT, "My name is Yusuf", "I own a boat")]
        runs: list[int] = []
        together = EncodingWriter.together

        def counted(writer: EncodingWriter, deltas: Any, *others: Any) -> list[LatentDelta]:
            runs.append(len(deltas))
            return together(writer, deltas, *others)

        monkeypatch.setattr(EncodingWriter, "together", counted)
        home = InjectionHome(host, ToyEncoder(), tmp_path / "all", config, encoder)
        home.write(told)
        home.composed(ME)
        home.composed(ME)
        home.forget([told[1].id])
        kept = home.composed(ME)
        assert runs == [3, 2]
        fresh = InjectionHome(host, ToyEncoder(), tmp_path / "fresh", config, encoder)
        fresh.write([told[0], told[2]])
        for one, other in zip(kept.terms, fresh.composed(ME).terms, strict=True):
            assert torch.equal(one.a, other.a)
            assert torch.equal(one.b, other.b)

    def test_an_unknown_composition(self) -> None:
        with pytest.raises(InvalidInput):
            InjectionConfig(compose="shuffled")
