"""What a new fact is compared with: the scopes that were asked for last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.retrieval.attributes import Attributes
from memgraft.store.sqlite import SQLiteStore

ONE, TWO, THREE = (Scope(user_id=name) for name in ("one", "two", "three"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


def lives(city: str, scope: Scope) -> Record:
    return Record.new(f"I live in {city}", scope)


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
