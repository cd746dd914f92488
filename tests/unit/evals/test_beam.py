"""BEAM's layouts: folders, rows, and the chats of ten million tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import Conversation, Question, Turn, load_corpus


def message(id: int, content: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant" if id % 2 else "user", "id": id, "content": content, **more}


FIRST = [
    [
        message(0, "I build boats. ->-> 1,1", time_anchor="March-15-2024", index="1,1"),
        message(1, "Splendid."),
    ],
    [message(2, "A red one ->-> is it ->-> 1,2")],
]
SECOND = [[message(3, "What colour now?", time_anchor=None), message(4, "Blue.")]]
CHAT = [{"batch_number": 1, "turns": FIRST}, {"batch_number": 2, "turns": SECOND}]
# The data set keeps the messages of a batch in one list.
FLAT = [[one for pair in batch for one in pair] for batch in (FIRST, SECOND)]
QUESTIONS = {
    "abstention": [{"question": "Do I fly?", "ideal_response": "unknown"}],
    "knowledge_update": [
        {
            "question": "Which colour?",
            "source_chat_ids": {"original_info": [2], "updated_info": [4, 4]},
        }
    ],
    "event_ordering": [{"question": "What first?", "source_chat_ids": [0, [2]]}],
}
MARCH = datetime(2024, 3, 15, tzinfo=UTC)
EXPECTED = Conversation(
    "7",
    [
        Turn("0", "batch_1", "user", "I build boats.", MARCH),
        Turn("1", "batch_1", "assistant", "Splendid.", MARCH),
        Turn("2", "batch_1", "user", "A red one ->-> is it", MARCH),
        Turn("3", "batch_2", "assistant", "What colour now?", MARCH),
        Turn("4", "batch_2", "user", "Blue.", MARCH),
    ],
    [
        Question("Which colour?", frozenset({"2", "4"}), "knowledge_update", MARCH),
        Question("What first?", frozenset({"0", "2"}), "event_ordering", MARCH),
    ],
    skipped=1,
)


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def folder(path: Path, chat: Any = CHAT, questions: Any = QUESTIONS) -> Path:
    put(path / "chat.json", chat)
    put(path / "probing_questions" / "probing_questions.json", questions)
    return path


def test_a_folder_and_a_folder_of_folders(tmp_path: Path) -> None:
    assert load_corpus(folder(tmp_path / "100K" / "7"), "beam").conversations == [EXPECTED]
    folder(tmp_path / "100K" / "10")
    (tmp_path / "100K" / "readme").mkdir()
    found = load_corpus(tmp_path / "100K", "beam").conversations
    assert [each.id for each in found] == ["7", "10"]


@pytest.mark.parametrize("questions", [QUESTIONS, repr(QUESTIONS)])
@pytest.mark.parametrize("chat", [CHAT, FLAT])
def test_rows_of_the_data_set(tmp_path: Path, chat: Any, questions: Any) -> None:
    row = {"conversation_id": "7", "chat": chat, "probing_questions": questions}
    assert load_corpus(put(tmp_path / "b.json", [row]), "beam").conversations == [EXPECTED]
    assert load_corpus(put(tmp_path / "b.json", row), "beam").conversations == [EXPECTED]
    assert load_corpus(put(tmp_path / "b.jsonl", row), "beam").conversations == [EXPECTED]


def test_ids_that_several_messages_have_are_no_evidence(tmp_path: Path) -> None:
    plans = [{"plan-1": CHAT, "plan-2": None}, {"plan-1": None, "plan-2": [CHAT[1]]}]
    [found] = load_corpus(folder(tmp_path / "7", plans), "beam").conversations
    assert [turn.session for turn in found.turns[-3:]] == ["batch_2", "batch_3", "batch_3"]
    assert len({turn.id for turn in found.turns}) == 7
    assert [q.evidence for q in found.questions] == [frozenset({"2"}), frozenset({"0", "2"})]


@pytest.mark.parametrize(
    ("chat", "questions", "message"),
    [
        ([[{"role": "user", "content": "Hello"}]], QUESTIONS, r"\$\[0\]\[0\]\.id is missing"),
        ([[message(0, "Hello", time_anchor="soon")]], QUESTIONS, r"\$\[0\]\[0\]\.time_anchor"),
        (CHAT, [], r"probing_questions\.json: \$ cannot be used"),
        (CHAT, {"a": [{"question": " "}]}, r"\$\.a\[0\]\.question cannot be used"),
        (CHAT, {"a": [{"question": "b", "source_chat_ids": [1.5]}]}, r"source_chat_ids\[0\]"),
        ("talk", QUESTIONS, r"chat\.json: \$ cannot be used"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, chat: Any, questions: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        load_corpus(folder(tmp_path / "7", chat, questions), "beam")


def test_what_holds_no_chats(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no chats"):
        load_corpus(tmp_path, "beam")
    row = {"conversation_id": "7", "chat": CHAT, "probing_questions": "import os"}
    with pytest.raises(InvalidInput, match=r"\$\[0\]\.probing_questions cannot be used"):
        load_corpus(put(tmp_path / "b.json", [row]), "beam")
