"""Conversations of any data set: read from lines, chosen by id, refused by place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import (
    Conversation,
    Corpus,
    Question,
    Turn,
    load_corpus,
    load_jsonl,
)

LINE: dict[str, Any] = {
    "id": "c1",
    "turns": [
        {
            "id": "t1",
            "session": "s1",
            "speaker": "Ann",
            "text": "I sail.",
            "time": "2024-03-10T12:00:00",
            "metadata": {"mood": "glad"},
        },
        {"id": "t2", "text": " "},
        {"id": 3, "text": "So do I."},
    ],
    "questions": [
        {"text": "Who sails?", "evidence": ["t1", 3, "t9"], "category": 1},
        {"text": "Who is silent?", "evidence": ["t2"]},
        {"text": "Who flies?", "evidence": []},
        {"text": "When?", "evidence": ["t1"], "asked_at": "2024-05-01T00:00:00+02:00"},
    ],
}
NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.jsonl"


def corpus(*sizes: int) -> Corpus:
    """Conversations 0, 1, ... with so many questions each."""
    turn = Turn("t", "s", "Ann", "I sail.")
    asked = [[Question(f"{c}.{q}", frozenset("t")) for q in range(n)] for c, n in enumerate(sizes)]
    return Corpus([Conversation(str(c), [turn], each) for c, each in enumerate(asked)])


def test_a_line_is_a_conversation(path: Path) -> None:
    path.write_text(json.dumps(LINE) + "\n", encoding="utf-8")
    [found] = load_jsonl(path).conversations
    assert found == Conversation(
        "c1",
        [Turn("t1", "s1", "Ann", "I sail.", NOON, {"mood": "glad"}), Turn("3", "", "", "So do I.")],
        [
            Question("Who sails?", frozenset({"t1", "3"}), "1", NOON),
            Question("When?", frozenset({"t1"}), "", datetime(2024, 4, 30, 22, tzinfo=UTC)),
        ],
        skipped=2,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, r"line 2: \$\.id cannot be used"),
        ({"turns": None}, r"line 2: \$\.turns cannot be used"),
        ({"turns": [{"id": "a"}]}, r"line 2: \$\.turns\[0\]\.text is missing"),
        ({"turns": [{"id": "a", "text": "b", "time": "now"}]}, r"\$\.turns\[0\]\.time"),
        ({"turns": [{"id": "a", "text": "b"}] * 2}, r"the turn a is there twice"),
        ({"questions": [{"text": "b", "evidence": "t1"}]}, r"\$\.questions\[0\]\.evidence"),
        ({}, r"the conversation c1 is there twice"),
    ],
)
def test_a_bad_line_is_named(path: Path, change: dict[str, Any], message: str) -> None:
    lines = [LINE, {**LINE, **change}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        load_corpus(path, "jsonl")


def test_what_is_no_corpus(path: Path) -> None:
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="holds no conversations"):
        load_corpus(path, "jsonl")
    with pytest.raises(InvalidInput, match="no format is called 'csv'"):
        load_corpus(path, "csv")


def test_all_that_have_questions() -> None:
    assert [c.id for c in corpus(2, 0, 1).only([]).conversations] == ["0", "2"]


def test_some_by_their_ids_and_the_first_questions() -> None:
    chosen = corpus(2, 3, 4).only(["2", "0", "2"], limit=5)
    assert [(c.id, len(c.questions)) for c in chosen.conversations] == [("2", 4), ("0", 1)]
    assert [c.id for c in corpus(2, 3).only([], limit=2).conversations] == ["0"]


def test_what_cannot_be_chosen() -> None:
    with pytest.raises(InvalidInput, match="no conversation is called '7'"):
        corpus(1).only(["7"])
    with pytest.raises(InvalidInput, match="no question"):
        corpus(0).only([])


def test_who_speaks_before_what_is_said(path: Path) -> None:
    path.write_text(json.dumps(LINE), encoding="utf-8")
    [plain] = load_jsonl(path).conversations
    found = plain.with_speakers()
    assert [turn.text for turn in found.turns] == ["Ann: I sail.", "So do I."]
    assert found.turns[0].metadata == {"mood": "glad"}
    assert found.questions == plain.questions
