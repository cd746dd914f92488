"""What is known of a new fact, outside of a transaction and inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.retrieval.home import PassagesHome
from memgraft.retrieval.known import Known, Like
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

ME = Scope("me")


def fact(text: str, scope: Scope = ME, speaker: str = "") -> Record:
    return Record.new(text, scope, metadata={"speaker": speaker} if speaker else {})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "m.db", synchronous="OFF")) as opened:
        yield opened


@pytest.fixture
def home(store: SQLiteStore, tmp_path: Path) -> PassagesHome:
    return PassagesHome(store, ToyEncoder(deaf="big"), tmp_path / "passages")


def test_by_words_without_a_home(store: SQLiteStore) -> None:
    known = Known(store, [])
    swim, _ = store.add(fact("I swim on Fridays"))
    store.add(fact("My dog Rex is big"))
    assert known.like([fact("My dog is Rex"), fact("Tea is green")]) == [Like(), Like()]
    assert known.saying(fact("On Fridays I swim"), Like()) == swim
    assert known.saying(fact("On Fridays I swim", Scope("you")), Like()) is None
    assert known.saying(fact("On Fridays I swim", speaker="ana"), Like()) is None
    later = replace(fact("On Fridays I swim"), event_time="2024-03-10")
    assert known.saying(later, Like()) is None


def test_by_meaning_of_what_is_kept_and_of_what_comes_with_it(
    store: SQLiteStore, home: PassagesHome
) -> None:
    known = Known(store, [home])
    kept, _ = store.add(fact("My dog Rex is big"))
    home.write([kept])
    new = fact("My dog is Rex")
    [like] = known.like([new])
    assert like.ids == (kept.id,)
    assert like.cosines[kept.id] == pytest.approx(1.0)
    assert known.saying(new, like) == kept
    assert known.saying(new, Like()) is None, "not by its words"
    store.delete(kept.id)
    assert known.saying(new, like) is None, "it is gone by now"

    first, other = fact("My dog Rex is big"), fact("Tea is green")
    found = known.like([first, other, new])
    assert [one.ids for one in found] == [(), (), (first.id,)]


def test_what_was_read_in_a_transaction_that_was_undone_is_forgotten(store: SQLiteStore) -> None:
    known = Known(store, [])
    store.add(fact("I live in Rome"))
    known.prepare([fact("I live in Oslo")])
    with pytest.raises(ZeroDivisionError), store.together():
        store.add(fact("I live in Oslo", speaker="ana"))
        told = known.contradicted(fact("I moved to Bonn", speaker="ana"))
        assert told is not None
        raise ZeroDivisionError
    known.start_over()
    store.add(fact("I like tea", speaker="ana"))
    assert known.contradicted(fact("I moved to Bonn", speaker="ana")) is None
    found = known.contradicted(fact("I moved to Bonn"))
    assert found is not None
    assert found.text == "I live in Rome"
    assert known.contradicted(fact("I live in Rome")) is None
