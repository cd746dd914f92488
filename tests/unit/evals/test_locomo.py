"""LoCoMo's layout, with its malformed evidence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import Question, Turn, load_corpus
from memgraft.evals.locomo import evidence_ids

SAMPLE: dict[str, Any] = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Bo",
        # Sessions count as numbers do, and dates of sessions without turns are of no use.
        "session_10_date_time": "12:09 am on 13 September, 2023",
        "session_10": [{"speaker": "Bo", "dia_id": "D10:5", "text": "My boat sank."}],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [
            {"speaker": "Ann", "dia_id": "D2:1", "text": "Look!", "blip_caption": "a red boat"},
            {"speaker": "Bo", "dia_id": "D2:2", "text": "Nice."},
        ],
        "session_11_date_time": "1:56 pm on 8 May, 2024",
    },
    "qa": [
        {"question": "Which boat?", "answer": "red", "evidence": ["D2:1; D10:05"], "category": 1},
        {"question": "What sank?", "answer": 1, "evidence": ["D:10:5", "D"], "category": 5},
        {"question": "Who sings?", "answer": "-", "evidence": [], "category": 3},
        {"question": "Who sings?", "answer": "-", "evidence": ["D9:9"], "category": 3},
    ],
}
MAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
SEPTEMBER = datetime(2023, 9, 13, 0, 9, tzinfo=UTC)


def written(tmp_path: Path, *samples: dict[str, Any]) -> Path:
    path = tmp_path / "locomo.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


def test_a_sample_is_read(tmp_path: Path) -> None:
    corpus = load_corpus(written(tmp_path, SAMPLE), "locomo")
    [found] = corpus.conversations
    assert (corpus.apart, corpus.labels["2"]) == ({"5"}, "temporal")
    caption = {"caption": "a red boat"}
    assert found.turns == [
        Turn("D2:1", "session_2", "Ann", "Look! [a red boat]", MAY, caption),
        Turn("D2:2", "session_2", "Bo", "Nice.", MAY),
        Turn("D10:5", "session_10", "Bo", "My boat sank.", SEPTEMBER),
    ]
    assert found.questions == [
        Question("Which boat?", frozenset({"D2:1", "D10:5"}), "1", SEPTEMBER),
        Question("What sank?", frozenset({"D10:5"}), "5", SEPTEMBER),
    ]
    assert found.skipped == 2


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("D1:3", ["D1:3"]),
        ("D8:6; D9:17", ["D8:6", "D9:17"]),
        ("D1:1 D1:2,D1:3", ["D1:1", "D1:2", "D1:3"]),
        ("D30:05", ["D30:5"]),
        ("D:11:26", ["D11:26"]),
        ("D", []),
    ],
)
def test_evidence_is_normalised(text: str, ids: list[str]) -> None:
    assert list(evidence_ids(text)) == ids


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("session_2_date_time", "yesterday", r"\$\[0\]\.conversation\.session_2_date_time"),
        ("session_2", {}, r"\$\[0\]\.conversation\.session_2 cannot be used"),
        ("session_2", [{"dia_id": "D2:1", "speaker": "Ann"}], r"session_2\[0\]\.text is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, key: str, value: Any, message: str) -> None:
    bad = {**SAMPLE, "conversation": {**SAMPLE["conversation"], key: value}}
    with pytest.raises(InvalidInput, match=message):
        load_corpus(written(tmp_path, bad), "locomo")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\$\[0\]\.qa is missing"):
        load_corpus(written(tmp_path, {"fact": "My boat is red"}), "locomo")
