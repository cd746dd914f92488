"""Following a store: every change is told, once it is dealt with no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.following import Changes, Follower
from memgraft.store.sqlite import SQLiteStore

ME = Scope(user_id="me")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def follower(store: SQLiteStore) -> Follower:
    return Follower(store)


def told(follower: Follower) -> Changes:
    changes = follower.changes()
    assert changes is not None
    follower.done(changes)
    return changes


def test_at_first_everything(store: SQLiteStore, follower: Follower) -> None:
    record, _ = store.add(Record.new("one", ME))
    first = told(follower)
    assert (list(first.live), first.whole) == ([record.id], True)
    assert follower.changes() is None


def test_then_what_is_new_changed_or_gone(store: SQLiteStore, follower: Follower) -> None:
    old, _ = store.add(Record.new("one", ME))
    gone, _ = store.add(Record.new("two", ME))
    told(follower)
    new, _ = store.add(Record.new("three", ME))
    store.update(old.id, {"text": "uno"})
    store.delete(gone.id)
    changes = told(follower)
    assert {i: r.text for i, r in changes.live.items()} == {new.id: "three", old.id: "uno"}
    assert (changes.gone, changes.whole) == ({gone.id}, False)


def test_what_is_superseded_is_gone(store: SQLiteStore, follower: Follower) -> None:
    old, _ = store.add(Record.new("one", ME))
    told(follower)
    new = store.supersede(Record.new("uno", ME), old.id)
    changes = told(follower)
    assert (list(changes.live), changes.gone) == ([new.id], {old.id})


def test_until_done_the_same_is_told_again(store: SQLiteStore, follower: Follower) -> None:
    store.add(Record.new("one", ME))
    first = follower.changes()
    assert first == follower.changes()
    told(follower)
    store.add(Record.new("two", ME))
    assert follower.changes() == follower.changes()


def test_after_a_reset_everything_is_told(store: SQLiteStore, follower: Follower) -> None:
    store.add(Record.new("one", ME))
    told(follower)
    store.reset()
    new, _ = store.add(Record.new("two", ME))
    changes = told(follower)
    assert (list(changes.live), changes.whole) == ([new.id], True)


def test_what_expires_is_gone_without_an_event(
    store: SQLiteStore, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = store.add(replace(Record.new("one", ME), expires_at="2126-01-01T00:00:00+00:00"))
    told(follower)
    assert follower.changes() is None
    later = "2126-01-01T00:00:01.000000+00:00"
    monkeypatch.setattr("memgraft.store.following.now", lambda: later)
    monkeypatch.setattr("memgraft.store.rows.now", lambda: later)
    assert told(follower).gone == {record.id}
    assert follower.changes() is None


def test_from_a_moment_on_only_what_changes_and_what_is_watched(
    store: SQLiteStore, follower: Follower
) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    old, _ = store.add(Record.new("one", ME))
    passing, _ = store.add(Record.new("two", ME, expires_at=soon))
    follower.begin()
    follower.watch([passing])
    assert follower.changes() is None
    new, _ = store.add(Record.new("three", ME))
    changes = told(follower)
    assert (list(changes.live), changes.whole) == ([new.id], False)
    follower.begin()  # nothing is skipped by beginning once more
    store.delete(old.id)
    assert old.id in told(follower).gone
    time.sleep(0.3)
    assert told(follower).gone == {passing.id}
    store.reset()
    assert told(follower).whole
