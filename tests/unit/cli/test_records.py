"""The words of the shell commands: which record is meant, what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memgraft.cli.records import describe_add, describe_stats, find_record
from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.base import Store
from memgraft.store.sqlite import SQLiteStore

ME = Scope(user_id="me")
FACTS = {
    "aaaaaaaa-0001": "My cat is called Tom.",
    "aaaaaaaa-0002": "I own a boat",
    "bbbbbbbb-0003": "I own a boat house",
    "12345678-0004": "My locker is number 17",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    for record_id, text in FACTS.items():
        opened.add(replace(Record.new(text, ME), id=record_id))
    opened.add(replace(Record.new("A cow of yours", Scope(user_id="you")), id="cccccccc-0005"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("which", "record_id"),
    [
        ("1", "aaaaaaaa-0001"),
        (" 4 ", "12345678-0004"),
        ("٤", "12345678-0004"),  # a four all the same
        ("aaaaaaaa-0002", "aaaaaaaa-0002"),
        ("AAAAAAAA-0002", "aaaaaaaa-0002"),
        ("bbbbbbbb", "bbbbbbbb-0003"),
        ("12345678", "12345678-0004"),
        ("my cat is called tom", "aaaaaaaa-0001"),
        ('"My cat is called Tom."', "aaaaaaaa-0001"),
        ("Tom", "aaaaaaaa-0001"),
        ("boat house", "bbbbbbbb-0003"),
        ("i own a boat", "aaaaaaaa-0002"),  # the whole text of one, a part of another
    ],
)
def test_found(store: Store, which: str, record_id: str) -> None:
    assert find_record(store, ME, which).id == record_id


@pytest.mark.parametrize("which", ["0", "5", "17", "-1", "99", "bbbb", "zebra", "cow", "1" * 5000])
def test_missing(store: Store, which: str) -> None:
    with pytest.raises(NotFound, match="nothing that is remembered fits"):
        find_record(store, ME, which)


def test_ambiguous(store: Store) -> None:
    for which, fitting in (("boat", "I own a boat; I own a boat house"), ("aaaaaaaa", "Tom.; I")):
        with pytest.raises(InvalidInput, match="2 memories fit") as caught:
            find_record(store, ME, which)
        assert fitting in str(caught.value)
        assert "number" in caught.value.next_step


@pytest.mark.parametrize("which", ["", "  ", '""', "."])
def test_no_word_about_which(store: Store, which: str) -> None:
    with pytest.raises(InvalidInput, match=r"which one\?"):
        find_record(store, ME, which)


def receipt(home: str, outcome: str, reason: str = "") -> dict[str, Any]:
    return {"record_id": "1", "home": home, "outcome": outcome, "reason": reason}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"event": "NONE", "receipts": []}, ['Already remembered: "I own a boat"']),
        ({"event": "ADD", "receipts": []}, ['Remembered: "I own a boat"']),
        (
            {"event": "ADD", "receipts": [receipt("passages", "exact")]},
            ['Remembered: "I own a boat"'],
        ),
        (
            {"event": "ADD", "receipts": [receipt("weights", "exact")]},
            ['Injected into weights: "I own a boat"'],
        ),
        (
            {"event": "ADD", "receipts": [receipt("weights", "approximate", "not all asked")]},
            ['Injected into weights: "I own a boat"', "Note: not all asked"],
        ),
        (
            {
                "event": "ADD",
                "receipts": [receipt("passages", "exact"), receipt("weights", "refused", "long")],
            },
            ['Remembered, but not in the weights: "I own a boat"', "Note: long"],
        ),
        (
            {
                "event": "UPDATE",
                "previous_memory": "I own a car",
                "receipts": [receipt("weights", "exact")],
            },
            ['Injected into weights: "I own a boat"', 'It replaces: "I own a car"'],
        ),
    ],
)
def test_describe_add(result: dict[str, Any], said: list[str]) -> None:
    assert describe_add({"memory": "I own a boat", **result}).splitlines() == said


def test_describe_stats() -> None:
    figures = {
        "store": "/here/m.db",
        "memories": 3,
        "homes": {"weights": {"facts": 2, "layer": 24}, "passages": {"facts": 3}},
    }
    assert describe_stats(figures).splitlines() == [
        "store: /here/m.db",
        "memories: 3",
        "weights: facts 2, layer 24",
        "passages: facts 3",
    ]
