"""The front door: what is kept, what it replaces, and that every home hears of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import (
    Conflict,
    FolderError,
    InvalidInput,
    MemgraftError,
    NotFound,
    StoreBusy,
)
from memgraft.core.recall import Passages, Patch, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory, as_dict, passages_of, patch_of
from memgraft.retrieval.home import PassagesHome
from memgraft.store.base import Entry
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.slots import slot
from toys import ToyEncoder, ToyHome

ME = Scope(user_id="me")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def home() -> ToyHome:
    return ToyHome()


@pytest.fixture
def memory(store: SQLiteStore, home: ToyHome) -> Memory:
    return Memory(store, [home])


def add(memory: Memory, text: Any, **options: Any) -> dict[str, Any]:
    [result] = memory.add(text, **{"user_id": "me", **options})["results"]
    return result


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def texts(memory: Memory, **scope: str) -> list[str]:
    return [record["memory"] for record in memory.get_all(**scope)["results"]]


def recalled(memory: Memory, scope: Scope = ME) -> list[str]:
    [answer] = memory.recall(Query("anything", scope))
    assert isinstance(answer, Passages)
    return sorted(item.text for item in answer.items)


def from_now(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


class TestAdd:
    def test_a_string_is_one_fact_kept_as_given(self, memory: Memory, home: ToyHome) -> None:
        result = add(memory, "  what a   sentence, not a fact  ", metadata={"from": "mail"})
        assert result["event"] == "ADD"
        assert result["memory"] == "what a sentence, not a fact"
        assert "previous_memory" not in result
        kept = memory.get(result["id"])
        assert kept["memory"] == result["memory"]
        assert kept["metadata"] == {"from": "mail"}
        assert kept["user_id"] == "me"
        assert home.texts == [result["memory"]]
        [receipt] = result["receipts"]
        assert (receipt["home"], receipt["outcome"]) == ("toy", "exact")
        assert receipt["record_id"] == result["id"]

    def test_facts_are_inferred_from_what_the_user_says(self, memory: Memory) -> None:
        messages = [
            {"role": "user", "content": "Hi! My name is Yusuf and I work at Google."},
            {"role": "assistant", "content": "My name is Robot."},
            {"role": "user", "content": "What is the weather?"},
        ]
        results = memory.add(messages, user_id="me")["results"]
        assert [result["memory"] for result in results] == ["My name is Yusuf", "I work at Google"]
        assert texts(memory) == ["My name is Yusuf", "I work at Google"]

    def test_without_infer_every_message_is_kept(self, memory: Memory) -> None:
        messages = [
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": "Fine."},
        ]
        memory.add(messages, user_id="me", infer=False)
        assert texts(memory) == ["What is the weather?", "Fine."]

    def test_without_infer_no_message_replaces_another(self, memory: Memory) -> None:
        told = [*said("I live in Lisbon"), {"role": "assistant", "content": "I live in Porto"}]
        results = memory.add(told, user_id="me", infer=False)["results"]
        assert [result["event"] for result in results] == ["ADD", "ADD"]
        assert add(memory, said("I live in Faro"), infer=False)["event"] == "ADD"
        assert add(memory, said("i live in  faro."), infer=False)["event"] == "NONE"
        assert texts(memory) == ["I live in Lisbon", "I live in Porto", "I live in Faro"]
        assert add(memory, said("I moved to Rome"))["event"] == "UPDATE"

    def test_one_message_need_not_be_in_a_list(self, memory: Memory) -> None:
        memory.add({"role": "user", "content": "My name is Yusuf."}, user_id="me")
        assert texts(memory) == ["My name is Yusuf"]

    def test_nothing_to_notice_keeps_nothing(self, memory: Memory) -> None:
        assert memory.add([{"role": "user", "content": "How are you?"}]) == {"results": []}
        assert memory.add([]) == {"results": []}

    @pytest.mark.parametrize(
        "bad",
        [
            [{"role": "user"}],
            [{"role": "user", "content": ["parts"]}],
            [{"role": "user", "content": "My name is Yusuf."}, "a string"],
            {"content": None},
            b"bytes",
            5,
            None,
        ],
    )
    def test_a_bad_message_is_refused_whole(self, memory: Memory, bad: Any) -> None:
        with pytest.raises(InvalidInput, match="a message must have a role and a text"):
            memory.add(bad, user_id="me")
        assert texts(memory) == []

    def test_a_bad_text_among_good_ones_keeps_none(self, memory: Memory) -> None:
        good = {"role": "user", "content": "My name is Yusuf"}
        with pytest.raises(InvalidInput, match="blank"):
            memory.add([good, {"role": "user", "content": "  "}], user_id="me", infer=False)
        assert texts(memory) == []

    def test_a_duplicate_changes_nothing(self, memory: Memory, home: ToyHome) -> None:
        first = add(memory, "My name is Yusuf")
        told = len(home.calls)
        second = add(memory, "my name  is Yusuf.")
        assert second["event"] == "NONE"
        assert second["id"] == first["id"]
        assert second["memory"] == "My name is Yusuf"
        assert second["receipts"] == []
        assert len(texts(memory)) == 1
        assert len(home.calls) == told

    def test_the_same_text_of_somebody_else_is_another_memory(self, memory: Memory) -> None:
        add(memory, "I like tea")
        assert add(memory, "I like tea", user_id="you")["event"] == "ADD"
        assert add(memory, "I like tea", run_id="r")["event"] == "ADD"


class TestInference:
    """What is inferred is not kept again in other words; and never dropped where it differs."""

    @pytest.fixture
    def retrieving(self, store: SQLiteStore, tmp_path: Path) -> Memory:
        return Memory(store, [PassagesHome(store, ToyEncoder(), tmp_path / "passages")])

    @pytest.fixture(params=["words", "passages"])
    def either(self, request: pytest.FixtureRequest, store: SQLiteStore) -> Memory:
        return Memory(store) if request.param == "words" else request.getfixturevalue("retrieving")

    def test_the_same_in_other_words_is_known(self, either: Memory) -> None:
        first = add(either, said("I swim on Fridays."))
        again = add(either, said("By the way, on Fridays I swim!"))
        assert (again["event"], again["id"]) == ("NONE", first["id"])
        assert again["memory"] == "I swim on Fridays"
        assert texts(either) == ["I swim on Fridays"]

    def test_the_same_attribute_with_the_same_value_is_known(self, either: Memory) -> None:
        first = add(either, said("I live in Rome with my wife Anna."))
        again = add(either, said("I'm based in Rome."))
        assert (again["event"], again["id"]) == ("NONE", first["id"])

    def test_what_differs_is_kept(self, either: Memory) -> None:
        for text in ("My cat is Tom.", "My cat is Tim.", "My cat is not Tom.", "My cats are Tom."):
            assert add(either, said(text))["event"] != "NONE", text

    def test_within_one_call_it_is_kept_once(self, either: Memory) -> None:
        told = [*said("I swim on Fridays."), *said("on Fridays I swim"), *said("I ski in March.")]
        results = either.add(told, user_id="me")["results"]
        assert [result["event"] for result in results] == ["ADD", "NONE", "ADD"]
        assert results[1]["id"] == results[0]["id"]

    def test_it_is_kept_once_in_calls_with_many_facts(self, either: Memory) -> None:
        told = [one for n in range(200) for one in said(f"I visited place {n} in May.")]
        results = either.add([*told, *said("in May I visited place 7.")], user_id="me")["results"]
        assert [result["event"] for result in results] == ["ADD"] * 200 + ["NONE"]
        assert either.stats()["memories"] == 200

    def test_within_one_call_it_is_known_by_meaning(
        self, store: SQLiteStore, tmp_path: Path
    ) -> None:
        home = PassagesHome(store, ToyEncoder(deaf="big"), tmp_path / "passages")
        told = [*said("My dog Rex is big."), *said("My dog is Rex.")]
        results = Memory(store, [home]).add(told, user_id="me")["results"]
        assert [result["event"] for result in results] == ["ADD", "NONE"]
        assert results[1]["id"] == results[0]["id"]

    def test_all_facts_of_a_call_are_one_transaction(
        self, either: Memory, store: SQLiteStore
    ) -> None:
        assert store._connection
        told = [one for n in range(100) for one in said(f"I visited place {n} in May.")]
        either.add(said("I visited Rome."), user_id="me")
        statements: list[str] = []
        store._connection.set_trace_callback(statements.append)
        results = either.add([*told, *said("in May I visited place 7.")], user_id="me")["results"]
        store._connection.set_trace_callback(None)
        assert statements.count("BEGIN IMMEDIATE") == 1
        assert [result["event"] for result in results] == ["ADD"] * 100 + ["NONE"]
        if either.homes:
            assert all(result["receipts"] for result in results[:-1])
            assert either.homes[0].held().keys() == {one.id for one in store.list()}

    def test_what_another_process_writes_meanwhile_is_known(
        self, either: Memory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the same words: between looking by meaning and keeping."""
        look, told = either._known.like, []

        def late(records: Sequence[Record]) -> Any:
            found = look(records)
            with closing(SQLiteStore(either.store.location)) as other:
                told.append(add(Memory(other), said("I swim on Fridays."))["id"])
            return found

        monkeypatch.setattr(either._known, "like", late)
        result = add(either, said("On Fridays I swim"))
        assert (result["event"], result["id"]) == ("NONE", told[0])
        assert texts(either) == ["I swim on Fridays"]

    def test_another_scope_knows_nothing_of_it(self, either: Memory) -> None:
        add(either, said("I swim on Fridays."))
        for scope in ({"user_id": "you"}, {"user_id": "me", "run_id": "r"}):
            [result] = either.add(said("On Fridays I swim"), **scope)["results"]
            assert result["event"] == "ADD"

    def test_what_was_forgotten_or_changed_is_no_longer_known(self, either: Memory) -> None:
        first = add(either, said("I swim on Fridays."))
        either.delete(first["id"])
        second = add(either, said("On Fridays I swim"))
        assert second["event"] == "ADD"
        either.update(second["id"], "I swim on Mondays")
        assert add(either, said("I swim on Fridays"))["event"] == "ADD"

    def test_as_given_only_the_same_letters_are_known(self, either: Memory) -> None:
        add(either, said("I swim on Fridays."), infer=False)
        assert add(either, said("On Fridays I swim"), infer=False)["event"] == "ADD"
        assert add(either, "By the way, I swim on Fridays")["event"] == "ADD"
        assert add(either, said("i swim on fridays"), infer=False)["event"] == "NONE"

    def test_it_does_not_stand_in_for_another_time(self, either: Memory) -> None:
        add(either, said("I ran a marathon in Rome."), event_time="2024-03-10T00:00:00+00:00")
        later = add(
            either, said("In Rome I ran a marathon."), event_time="2025-03-10T00:00:00+00:00"
        )
        assert later["event"] == "ADD"

    def test_a_fact_without_a_time_is_not_one_of_long_ago(self, either: Memory) -> None:
        add(either, said("I ran a marathon in Rome."), event_time="2020-03-10")
        assert add(either, said("In Rome I ran a marathon."))["event"] == "ADD"

    def test_the_same_moment_may_be_written_otherwise(self, either: Memory) -> None:
        given = {"expires_at": "2999-01-01T02:00:00+02:00", "event_time": "2024-03-10T01:00+01:00"}
        add(either, said("I swim on Fridays."), **given)
        assert add(either, said("On Fridays I swim"), **given)["event"] == "NONE"

    def test_each_speaker_has_facts_of_their_own(self, either: Memory) -> None:
        def told(name: str, text: str) -> str:
            said = [{"role": "user", "content": text, "name": name}]
            return str(add(either, said)["event"])

        assert told("ana", "I live in Rome.") == "ADD"
        assert told("bo", "I live in Rome.") == "ADD"
        assert told("bo", "I'm based in Rome.") == "NONE"
        assert told("bo", "I live in Oslo.") == "UPDATE"
        assert told("cy", "I swim on Fridays.") == "ADD"
        assert told("ana", "On Fridays I swim.") == "ADD"
        rome, *_ = either.get_all()["results"]
        assert (rome["memory"], rome["metadata"]) == ("I live in Rome", {"speaker": "ana"})

    def test_all_that_is_found_gets_what_is_given(self, memory: Memory) -> None:
        told = [{"role": "user", "content": "I swim on Fridays. I ski in March.", "name": "ana"}]
        results = memory.add(
            told, user_id="me", metadata={"from": "mail"}, categories=["sport"],
            expires_at=from_now(days=1), event_time="2024-03-10T00:00:00+00:00",
        )["results"]  # fmt: skip
        assert len(results) == 2
        for result in results:
            kept = memory.get(result["id"])
            assert kept["metadata"] == {"speaker": "ana", "from": "mail"}
            assert tuple(kept["categories"]) == ("sport",)
            assert kept["event_time"] == "2024-03-10T00:00:00.000000+00:00"

    def test_an_agent_without_a_user_tells_of_itself(self, memory: Memory) -> None:
        told = [{"role": "assistant", "content": "I'm Juno. How can I help?"}]
        assert memory.add(told, user_id="me", agent_id="juno")["results"] == []
        [result] = memory.add(told, agent_id="juno")["results"]
        assert result["memory"] == "I'm Juno"

    def test_messages_may_have_parts(self, memory: Memory) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:"}}
        parts = [{"type": "text", "text": "I live in Oslo."}, image]
        told = [{"role": "user", "content": parts}, {"role": "user", "content": [image]}]
        results = memory.add(told, user_id="me", infer=False)["results"]
        assert [result["memory"] for result in results] == ["I live in Oslo."]

    def test_another_extractor(self, store: SQLiteStore) -> None:
        def loud(messages: Any, scope: Scope) -> list[str]:
            return [f"{scope.user_id}: {message['content'].upper()}" for message in messages]

        memory = Memory(store, extractor=loud)
        assert add(memory, said("how are you?"))["memory"] == "me: HOW ARE YOU?"
        assert add(memory, "as given")["memory"] == "as given"


class TestSupersession:
    def test_a_newer_fact_replaces_the_older(self, memory: Memory, home: ToyHome) -> None:
        old = add(memory, "I live in Lisbon")
        add(memory, "I like tea")
        new = add(memory, "I moved to Porto")
        assert new["event"] == "UPDATE"
        assert new["previous_memory"] == "I live in Lisbon"
        assert new["supersedes"] == old["id"]
        assert [receipt["record_id"] for receipt in new["receipts"]] == [new["id"]]
        assert texts(memory) == ["I like tea", "I moved to Porto"]
        assert home.texts == ["I like tea", "I moved to Porto"]
        assert memory.get(old["id"])["superseded_by"] == new["id"]

    def test_history_tells_both_in_order(self, memory: Memory) -> None:
        old = add(memory, "I live in Lisbon")
        new = add(memory, "I moved to Porto")
        events = memory.history(new["id"])
        assert [(e["memory_id"], e["event"]) for e in events] == [
            (old["id"], "ADD"),
            (old["id"], "UPDATE"),
            (new["id"], "ADD"),
        ]
        assert events[1]["old_memory"] == "I live in Lisbon"
        assert events[2]["new_memory"] == "I moved to Porto"
        assert events[0]["user_id"] == "me"

    def test_history_stays_in_order_when_the_old_one_is_deleted_later(self, memory: Memory) -> None:
        old = add(memory, "I live in Lisbon")
        new = add(memory, "I moved to Porto")
        memory.delete(old["id"])
        events = memory.history(new["id"])
        assert [e["event"] for e in events] == ["ADD", "UPDATE", "ADD", "DELETE"]
        assert [int(e["id"]) for e in events] == sorted(int(e["id"]) for e in events)

    def test_history_of_records_that_supersede_each_other_ends(self, memory: Memory) -> None:
        one, two = Record.new("I live in Lisbon", ME), Record.new("I live in Porto", ME)
        pair = [replace(one, supersedes=two.id), replace(two, supersedes=one.id)]
        assert memory.store.restore([Entry(record) for record in pair]) == ["added"] * 2
        assert len(memory.history(one.id)) == 2

    def test_a_chain_of_three(self, memory: Memory) -> None:
        for city in ("Lisbon", "Porto", "Faro"):
            last = add(memory, f"I live in {city}")
        assert texts(memory) == ["I live in Faro"]
        added = [e["new_memory"] for e in memory.history(last["id"]) if e["event"] == "ADD"]
        assert added == ["I live in Lisbon", "I live in Porto", "I live in Faro"]

    @pytest.mark.parametrize("other", [{"user_id": "you"}, {"agent_id": "a"}, {"run_id": "r"}])
    def test_only_within_the_same_scope(self, memory: Memory, other: dict[str, str]) -> None:
        add(memory, "I live in Lisbon")
        assert add(memory, "I moved to Porto", **other)["event"] == "ADD"
        assert texts(memory) == ["I live in Lisbon", "I moved to Porto"]

    def test_a_narrower_scope_is_another_one(self, memory: Memory) -> None:
        add(memory, "I live in Lisbon", run_id="r")
        assert add(memory, "I moved to Porto")["event"] == "ADD"
        assert texts(memory, run_id="r") == ["I live in Lisbon"]

    def test_a_text_that_became_a_contradiction_counts(self, memory: Memory) -> None:
        first = add(memory, "I like tea")
        add(memory, "My name is Yusuf")
        memory.update(first["id"], "I live in Lisbon")
        assert add(memory, "I moved to Porto")["supersedes"] == first["id"]

    def test_a_changed_text_is_what_counts(self, memory: Memory) -> None:
        first = add(memory, "I live in Lisbon")
        assert add(memory, "I like tea")["event"] == "ADD"
        memory.update(first["id"], "I like coffee")
        assert add(memory, "I moved to Porto")["event"] == "ADD"

    def test_a_known_fact_is_no_contradiction_of_a_third(self, memory: Memory) -> None:
        add(memory, "I live in Lisbon")
        other = add(memory, "I like tea")
        memory.update(other["id"], "I live in Porto")  # both live, as the user wanted
        assert add(memory, "I live in Porto")["event"] == "NONE"

    @pytest.mark.parametrize("meanwhile", ["delete", "supersede"])
    def test_the_old_one_changes_in_another_process_meanwhile(
        self, memory: Memory, monkeypatch: pytest.MonkeyPatch, meanwhile: str
    ) -> None:
        old = add(memory, "I live in Lisbon")
        supersede, store = memory.store.supersede, memory.store

        def late(record: Record, old_id: str) -> Record:
            monkeypatch.setattr(store, "supersede", supersede)
            if meanwhile == "delete":
                store.delete(old["id"])
            else:
                supersede(Record.new("I live in Faro", ME), old["id"])
            return supersede(record, old_id)

        monkeypatch.setattr(store, "supersede", late)
        result = add(memory, "I moved to Porto")
        assert texts(memory) == ["I moved to Porto"]
        assert result.get("previous_memory") == (
            None if meanwhile == "delete" else "I live in Faro"
        )

    def test_a_conflict_without_end_is_told(
        self, memory: Memory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(memory, "I live in Lisbon")

        def never(record: Record, old_id: str) -> Record:
            raise Conflict("always")

        monkeypatch.setattr(memory.store, "supersede", never)
        with pytest.raises(Conflict):
            add(memory, "I moved to Porto")


class TestUpdate:
    def test_text(self, memory: Memory, home: ToyHome) -> None:
        added = add(memory, "I like tea")
        updated = memory.update(added["id"], "I like coffee")
        assert updated["memory"] == "I like coffee"
        assert updated["version"] == 2
        assert [receipt["outcome"] for receipt in updated["receipts"]] == ["exact"]
        assert home.texts == ["I like coffee"]
        assert texts(memory) == ["I like coffee"]

    def test_metadata_leaves_the_text(self, memory: Memory) -> None:
        added = add(memory, "I like tea", metadata={"a": 1})
        memory.update(added["id"], metadata={"b": 2})
        kept = memory.get(added["id"])
        assert (kept["memory"], kept["metadata"]) == ("I like tea", {"b": 2})

    def test_compare_and_set(self, memory: Memory) -> None:
        added = add(memory, "I like tea")
        memory.update(added["id"], "I like coffee", expected_version=1)
        with pytest.raises(Conflict):
            memory.update(added["id"], "I like cocoa", expected_version=1)
        assert texts(memory) == ["I like coffee"]

    def test_unknown(self, memory: Memory) -> None:
        with pytest.raises(NotFound):
            memory.update("nobody", "I like tea")


class TestForgetting:
    def test_delete(self, memory: Memory, home: ToyHome) -> None:
        added = add(memory, "I like tea")
        add(memory, "I own a boat")
        gone = memory.delete(added["id"])
        assert gone["event"] == "DELETE"
        assert [receipt["outcome"] for receipt in gone["receipts"]] == ["exact"]
        assert home.texts == texts(memory) == ["I own a boat"]
        with pytest.raises(NotFound):
            memory.get(added["id"])
        with pytest.raises(NotFound):
            memory.delete(added["id"])

    def test_history_outlives_the_memory(self, memory: Memory) -> None:
        added = add(memory, "I like tea")
        memory.delete(added["id"])
        events = memory.history(added["id"])
        assert [e["event"] for e in events] == ["ADD", "DELETE"]
        assert (events[1]["old_memory"], events[1]["new_memory"]) == ("I like tea", None)

    def test_delete_all_needs_a_scope(self, memory: Memory) -> None:
        add(memory, "I like tea")
        with pytest.raises(InvalidInput, match="delete_all needs a scope"):
            memory.delete_all()
        assert texts(memory) == ["I like tea"]

    def test_delete_all_of_a_scope(self, memory: Memory, home: ToyHome) -> None:
        ids = [add(memory, f"fact {n}")["id"] for n in range(3)]
        add(memory, "I own a boat", user_id="you")
        assert memory.delete_all(user_id="me") == {"deleted": 3, "ids": ids}
        assert home.texts == texts(memory) == ["I own a boat"]

    def test_reset(self, memory: Memory, home: ToyHome) -> None:
        added = add(memory, "I like tea")
        add(memory, "I own a boat", user_id="you")
        memory.reset()
        assert texts(memory) == home.texts == []
        assert memory.history(added["id"]) == []
        assert add(memory, "I like tea")["event"] == "ADD"
        assert home.texts == ["I like tea"]


class TestReading:
    def test_get_all_and_search_stay_in_their_scope(self, memory: Memory) -> None:
        add(memory, "I like green tea")
        add(memory, "I like black tea", user_id="you")
        add(memory, "I like iced tea", run_id="r")
        assert texts(memory, user_id="me") == ["I like green tea", "I like iced tea"]
        assert texts(memory, user_id="me", run_id="r") == ["I like iced tea"]
        assert texts(memory, user_id="nobody") == []
        found = memory.search("tea", user_id="you")["results"]
        assert [result["memory"] for result in found] == ["I like black tea"]
        assert memory.search("tea", user_id="nobody") == {"results": []}

    def test_get_all_has_a_limit(self, memory: Memory) -> None:
        for n in range(4):
            add(memory, f"fact {n}")
        assert len(memory.get_all(limit=3)["results"]) == 3
        assert len(memory.get_all(limit=None)["results"]) == 4

    def test_search_ranks_and_explains(self, memory: Memory) -> None:
        add(memory, "The boat is blue")
        add(memory, "My boat engine is a Yanmar")
        add(memory, "I like tea")
        results = memory.search("boat engine", explain=True)["results"]
        assert [r["memory"] for r in results] == ["My boat engine is a Yanmar", "The boat is blue"]
        scores = [r["score"] for r in results]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)
        assert results[0]["signals"]["bm25"] > results[1]["signals"]["bm25"]
        assert "signals" not in memory.search("boat")["results"][0]
        assert len(memory.search("boat", limit=1)["results"]) == 1

    def test_superseded_memories_are_not_found(self, memory: Memory) -> None:
        add(memory, "I live in Lisbon")
        add(memory, "I moved to Porto")
        assert memory.search("Lisbon")["results"] == []

    def test_unknown_id(self, memory: Memory) -> None:
        with pytest.raises(NotFound):
            memory.get("nobody")
        assert memory.history("nobody") == []

    def test_a_record_of_any_depth_can_be_shown(self) -> None:
        """An older store may hold what is refused now."""
        deep: Any = 1
        for _ in range(5_000):
            deep = [deep]
        shown = as_dict(Record.new("one", ME, metadata={"deep": deep}))
        assert (shown["memory"], shown["user_id"]) == ("one", "me")
        assert shown["metadata"]["deep"] is deep

    def test_answers_are_told_apart(self) -> None:
        patch, passages = Patch(awake=()), Passages()
        assert patch_of([passages, patch]) is patch
        assert passages_of([patch, passages]) is passages
        assert patch_of([]) == Patch()
        assert passages_of([]) == Passages()


class TestHomes:
    def test_one_that_fails_on_a_record_refuses_it_and_serves_the_rest(
        self, memory: Memory, home: ToyHome
    ) -> None:
        add(memory, "one")
        home.failing["two"] = OSError("no room")
        refused = add(memory, "two")
        [receipt] = refused["receipts"]
        assert (receipt["outcome"], receipt["reason"]) == ("refused", "OSError: no room")
        assert memory.get(refused["id"])["memory"] == "two"
        assert recalled(memory) == ["one"]

        home.failing.clear()
        assert recalled(memory) == ["one"], "not before the next change"
        assert [r["outcome"] for r in add(memory, "three")["receipts"]] == ["exact"]
        assert recalled(memory) == ["one", "three", "two"]

    @pytest.mark.parametrize("fault", [StoreBusy("no database"), FolderError("another encoder")])
    def test_one_without_its_store_refuses_nothing_and_catches_up_later(
        self, memory: Memory, home: ToyHome, fault: MemgraftError
    ) -> None:
        home.failing["one"] = fault
        memory.store.add(Record.new("one", ME))
        memory.store.add(Record.new("two", ME))
        for _ in range(2):
            with pytest.raises(type(fault)):
                memory.catch_up()
        assert home.calls == [("write", "one")] * 2, "each is asked once, not record by record"
        home.failing.clear()
        assert recalled(memory) == ["one", "two"]

    def test_one_that_fails_leaves_what_another_process_wrote(
        self, memory: Memory, home: ToyHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def late(records: Any) -> Any:
            home.records |= {record.id: record for record in records}
            raise OSError("no room")

        monkeypatch.setattr(home, "write", late)
        assert [one["outcome"] for one in add(memory, "one")["receipts"]] == ["exact"]
        assert home.texts == ["one"]

    def test_what_is_held_of_a_change_is_asked_at_once(
        self, memory: Memory, home: ToyHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [memory.store.add(Record.new(text, ME))[0].id for text in ("one", "two", "three")]
        memory.catch_up()
        monkeypatch.setattr(home, "held", None)  # a database would answer each of its questions
        asked = []

        def holding(ids: Sequence[str]) -> dict[str, int]:
            asked.append(sorted(ids))
            return {i: home.records[i].version for i in ids if i in home.records}

        monkeypatch.setattr(home, "holding", holding)
        memory.store.delete(ids[0])
        memory.store.update(ids[1], {"text": "four"})
        memory.catch_up()
        assert asked == [sorted(ids[:2])]
        assert home.texts == ["four", "three"]

    def test_one_that_fails_does_not_keep_the_other_homes(self, store: SQLiteStore) -> None:
        bad, good = ToyHome(), ToyHome()
        bad.failing["one"] = ValueError("no")
        memory = Memory(store, [bad, good])
        receipts = add(memory, "one")["receipts"]
        assert [receipt["outcome"] for receipt in receipts] == ["refused", "exact"]
        assert (bad.texts, good.texts) == ([], ["one"])

    def test_one_that_fails_on_an_update_drops_the_outdated_text(
        self, memory: Memory, home: ToyHome
    ) -> None:
        added = add(memory, "I like tea")
        home.failing["I like coffee"] = OSError("no room")
        updated = memory.update(added["id"], "I like coffee")
        assert [receipt["outcome"] for receipt in updated["receipts"]] == ["refused"]
        assert recalled(memory) == []

    def test_a_fresh_one_is_filled_before_it_is_asked(self, store: SQLiteStore) -> None:
        plain = Memory(store)
        add(plain, "one")
        add(plain, "two")
        told: list[tuple[str, int, int]] = []
        late = Memory(store, [ToyHome()])
        late.catch_up(lambda *progress: told.append(progress))
        what = "toy: catching up"
        assert told == [(what, 0, 2), (what, 1, 2), (what, 2, 2)]
        assert recalled(late) == ["one", "two"]
        assert recalled(Memory(store, [ToyHome()])) == ["one", "two"]

    def test_a_lagging_one_is_aligned(self, store: SQLiteStore) -> None:
        plain = Memory(store)
        changed, same, gone = (add(plain, text) for text in ("tea", "boat", "secret"))
        home = ToyHome()
        Memory(store, [home]).save()
        plain.update(changed["id"], "coffee")
        plain.delete(gone["id"])
        home.calls.clear()
        assert recalled(Memory(store, [home])) == ["boat", "coffee"]
        assert home.calls == [("forget", gone["id"]), ("write", "coffee")]
        assert home.held() == {changed["id"]: 2, same["id"]: 1}

    def test_another_process_is_noticed(self, memory: Memory, home: ToyHome) -> None:
        assert recalled(memory) == []
        with closing(SQLiteStore(memory.store.location)) as other:
            other.add(Record.new("from elsewhere", ME))
        assert recalled(memory) == ["from elsewhere"]

    def test_without_changes_nothing_is_asked_of_it(
        self, memory: Memory, home: ToyHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(memory, "one")

        def never() -> dict[str, int]:
            raise AssertionError("asked")

        monkeypatch.setattr(home, "held", never)
        assert recalled(memory) == ["one"]

    def test_what_it_holds_of_no_use_is_forgotten(self, memory: Memory, home: ToyHome) -> None:
        stray = Record.new("stray", ME)
        home.records[stray.id] = stray
        assert recalled(memory) == []

    def test_interrupted_while_writing(self, memory: Memory, home: ToyHome) -> None:
        home.failing["one"] = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            add(memory, "one")
        assert texts(memory) == ["one"]
        assert home.texts == []
        home.failing.clear()
        assert recalled(memory) == ["one"]

    def test_none_is_fine(self, store: SQLiteStore) -> None:
        memory = Memory(store)
        added = add(memory, "I like tea")
        assert added["receipts"] == []
        assert memory.search("tea")["results"][0]["id"] == added["id"]
        assert memory.recall(Query("tea")) == []
        assert memory.delete(added["id"])["receipts"] == []

    def test_upkeep_reaches_them(self, memory: Memory, home: ToyHome) -> None:
        memory.store.add(Record.new("one", ME))
        [report] = memory.consolidate(budget=2.5)
        assert (report["home"], report["figures"]) == ("toy", {"budget": 2.5})
        assert home.texts == ["one"]
        memory.store.add(Record.new("two", ME))
        memory.save()
        assert home.calls[-2:] == [("write", "two"), ("save", "")]
        figures = memory.stats(ME)
        assert (figures["memories"], figures["homes"]) == (2, {"toy": {"facts": 2}})
        assert memory.stats(Scope(user_id="you"))["memories"] == 0


class TestExpiry:
    def test_an_expired_record_leaves_the_homes(
        self, memory: Memory, home: ToyHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        memory.store.add(replace(Record.new("short", ME), expires_at=from_now(hours=1)))
        memory.store.add(Record.new("long", ME))
        assert recalled(memory) == ["long", "short"]
        later = from_now(hours=2)
        monkeypatch.setattr("memgraft.store.following.now", lambda: later)
        monkeypatch.setattr("memgraft.store.rows.now", lambda: later)
        assert recalled(memory) == ["long"]
        assert home.texts == texts(memory) == ["long"]

    def test_an_expired_fact_is_not_contradicted_but_told_again(self, memory: Memory) -> None:
        old = replace(Record.new("I live in Lisbon", ME), expires_at=from_now(hours=-1))
        memory.store.add(old)
        assert texts(memory) == []
        assert add(memory, "I live in Porto")["event"] == "ADD"
        assert texts(memory) == ["I live in Porto"]


def test_closing_twice_and_leaving_the_with_block(tmp_path: Path) -> None:
    with Memory(SQLiteStore(tmp_path / "m.db")) as memory:
        add(memory, "one")
    memory.close()
    with Memory(SQLiteStore(tmp_path / "m.db")) as again:
        assert texts(again) == ["one"]


def test_two_writers_with_one_slot_both_succeed(tmp_path: Path) -> None:
    results: list[dict[str, Any]] = []

    def move(name: str) -> None:
        with Memory(SQLiteStore(tmp_path / "m.db", synchronous="OFF")) as memory:
            for n in range(15):
                results.append(add(memory, f"My name is {name}{n}"))

    threads = [threading.Thread(target=move, args=(name,)) for name in ("Ann", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 30


def test_what_is_known_in_other_letters_is_known(memory: Memory) -> None:
    add(memory, "i live in paris")
    add(memory, "I live in Rome")
    assert add(memory, "I live in Paris")["event"] == "NONE"


def test_filters_and_thresholds_hold_without_a_home_that_retrieves(memory: Memory) -> None:
    add(memory, "green tea at home", metadata={"kind": "home"})
    search = memory.search
    assert not search("tea", user_id="me", filters={"metadata.kind": "work"})["results"]
    assert search("tea", user_id="me", filters={"metadata.kind": "home"})["results"]
    assert not search("tea", user_id="me", threshold=0.99)["results"]
    for limit in (0, -1, True, "3"):
        with pytest.raises(InvalidInput, match="so many memories"):
            search("tea", user_id="me", limit=limit)
    with pytest.raises(InvalidInput, match="a query must be text"):
        search(None)


# Together with the records ----------------------------------------------------------------------


def test_what_is_noted_is_kept_with_the_records_or_neither_is(
    store: SQLiteStore, home: ToyHome, memory: Memory
) -> None:
    told: list[list[dict[str, Any]]] = []

    def noting(results: list[dict[str, Any]]) -> None:
        told.append(results)
        store.put_document("note", str(len(told)), {"ids": [one["id"] for one in results]})

    facts = [*said("I live in Rome"), *said("I like tea")]
    for infer in (False, True):
        told.clear()
        memory.reset()
        added = memory.add(facts, user_id="me", infer=infer, noting=noting)["results"]
        assert len(added) == 2
        assert told == [[{k: v for k, v in one.items() if k != "receipts"} for one in added]]
        assert all(one["receipts"] for one in added)
    assert memory.add([], user_id="me", noting=noting)["results"] == []
    assert told[-1] == []

    def failing(results: list[dict[str, Any]]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        memory.add(said("I live in Oslo"), user_id="me", noting=failing)
    assert texts(memory) == ["I live in Rome", "I like tea"]
    # What was looked at meanwhile is forgotten with it.
    [result] = memory.add(said("I live in Bonn"), user_id="me")["results"]
    assert (result["event"], result["previous_memory"]) == ("UPDATE", "I live in Rome")
    assert recalled(memory) == ["I like tea", "I live in Bonn"]


def test_what_was_parsed_outlives_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fact that names an attribute is compared with all others without reading them."""
    with Memory(SQLiteStore(tmp_path / "m.db")) as memory:
        memory.add(said("I live in Bonn"), user_id="me")
        for number in range(5):
            memory.add(f"I own {number} books", user_id="me")
    parsed: list[str] = []

    def noted(text: str) -> str | None:
        parsed.append(text)
        return slot(text)

    monkeypatch.setattr("memgraft.retrieval.attributes._attribute", noted)
    with Memory(SQLiteStore(tmp_path / "m.db")) as memory:
        assert add(memory, said("I moved to Graz"))["event"] == "UPDATE"
    assert set(parsed) == {"I moved to Graz"}
