"""What a new fact is compared with: the scopes that were asked for last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memgraft.core.errors import StoreBusy
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.retrieval import attributes
from memgraft.retrieval.attributes import Attributes
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.slots import slot

ONE, TWO, THREE = (Scope(user_id=name) for name in ("one", "two", "three"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


def lives(city: str, scope: Scope) -> Record:
    return Record.new(f"I live in {city}", scope)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed from now on."""
    texts: list[str] = []

    def noted(text: str) -> str | None:
        texts.append(text)
        return slot(text)

    monkeypatch.setattr(attributes, "_attribute", noted)
    return texts


def test_peers_and_wordings_follow_the_store(store: SQLiteStore) -> None:
    known = Attributes(store)
    rome, _ = store.add(lives("Rome", ONE))
    assert known.peers(lives("Oslo", ONE)) == [rome]
    assert known.worded(Record.new("In Rome I live", ONE)) == [rome.id]
    assert known.peers(lives("Oslo", TWO)) == known.peers(Record.new("I like tea", ONE)) == []
    oslo = store.update(rome.id, {"text": "I live in Oslo"})
    assert known.peers(lives("Rome", ONE)) == [oslo]
    assert known.worded(rome) == []
    store.delete(rome.id)
    assert known.peers(lives("Rome", ONE)) == known.worded(oslo) == []


def test_scopes_that_were_not_asked_for_longest_are_forgotten(store: SQLiteStore) -> None:
    known = Attributes(store, scopes=2)
    records = {scope: store.add(lives("Rome", scope))[0] for scope in (ONE, TWO, THREE)}
    for scope in (ONE, TWO, ONE, THREE, ONE, TWO):
        assert known.peers(lives("Oslo", scope)) == [records[scope]]
        assert known.worded(lives("Rome", scope)) == [records[scope].id]
        assert len(known._known) <= 2
        assert set(known._known) == set(known._wordings)
        assert set(known._places) == set(known._worded) == {records[s].id for s in known._known}
    assert set(known._known) == {ONE, TWO}
    store.delete(records[THREE].id)  # of a scope that is known no more
    assert known.peers(lives("Oslo", THREE)) == []


FACTS = [
    "I live in Rome",
    "My name is Ada",
    "I like tea",
    "My favourite colour is red",
    "I work at Acme",
    "The red bus stops here",
    "Tea I like",
]
NEW = ["I moved to Oslo", "Call me Grace", "My favourite colour is blue", "I work for Initech"]


def told(known: Attributes) -> list[tuple[list[Record], list[str]]]:
    fresh = [Record.new(text, ONE) for text in [*NEW, *FACTS]]
    return [(known.peers(record), known.worded(record)) for record in fresh]


def test_what_was_parsed_is_not_parsed_again_after_a_restart(
    store: SQLiteStore, parsed: list[str]
) -> None:
    for text in FACTS:
        store.add(Record.new(text, ONE))
    first = Attributes(store)
    expected = told(first)
    assert [len(peers) for peers, _ in expected[: len(NEW)]] == [1, 1, 1, 1]
    assert set(FACTS) <= set(parsed)
    first.keep()
    parsed.clear()
    again = Attributes(store)
    assert told(again) == expected
    # Only what was asked for, once each by `peers`.
    assert parsed == [*NEW, *FACTS]


def test_only_what_changed_since_is_parsed_again(store: SQLiteStore, parsed: list[str]) -> None:
    records = [store.add(Record.new(text, ONE))[0] for text in FACTS]
    first = Attributes(store)
    told(first)
    first.keep()
    store.update(records[0].id, {"text": "I live in Graz"})
    store.delete(records[1].id)
    store.add(lives("Bonn", ONE))
    store.supersede(Record.new("My favourite colour is green", ONE), records[3].id)
    parsed.clear()
    again = Attributes(store)
    query = Record.new("I like soup", ONE)
    assert again.worded(query) == []
    assert sorted(parsed) == ["I live in Bonn", "I live in Graz", "My favourite colour is green"]
    store.reset()
    store.add(lives("Bern", ONE))
    assert [one.text for one in again.peers(lives("Oslo", ONE))] == ["I live in Bern"]


def test_what_is_parsed_is_kept_now_and_then(
    store: SQLiteStore, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "_UNKEPT", 3)
    known = Attributes(store)
    for city in ("Rome", "Oslo", "Bern", "Graz"):
        store.add(lives(city, ONE))
        known.peers(lives("Bonn", ONE))
    kept, missing = store.parsed(ONE, attributes._RULES)
    assert (len(kept), len(missing)) == (3, 1)


def test_a_store_that_cannot_be_written_is_parsed_all_the_same(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusy("another process is writing")

    monkeypatch.setattr(store, "keep_parsed", busy)
    rome, _ = store.add(lives("Rome", ONE))
    known = Attributes(store)
    assert known.peers(lives("Oslo", ONE)) == [rome]
    known.keep()
    assert known.peers(lives("Oslo", ONE)) == [rome]
