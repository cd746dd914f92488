"""The data of the evaluation: rows that are read or refused by line, unrelated prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.injection import FactRow, load_rows, unrelated_prompts

ROW = {
    "fact": "My name is Yusuf",
    "question": "What is my name?",
    "paraphrase": "How am I called?",
    "answer": "Yusuf",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "facts.jsonl"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


def test_rows_are_read(path: Path) -> None:
    second = {**ROW, "answer": 4471, "neighbour": "What is her name?", "more": "is ignored"}
    path.write_text(f"{json.dumps(ROW)}\n\n  \n{json.dumps(second)}\n", encoding="utf-8")
    assert load_rows(path) == [
        FactRow("My name is Yusuf", "What is my name?", "How am I called?", "Yusuf"),
        FactRow(
            "My name is Yusuf",
            "What is my name?",
            "How am I called?",
            "4471",
            "What is her name?",
        ),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[1, 2]",
        '"text"',
        "null",
        *(json.dumps(without(name)) for name in ROW),
        *(json.dumps({**ROW, name: None}) for name in ROW),
        json.dumps({**ROW, "answer": "  "}),
        json.dumps({**ROW, "neighbour": [5]}),
    ],
)
def test_a_bad_line_is_named(path: Path, line: str) -> None:
    path.write_text(f"{json.dumps(ROW)}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"line 3 of .*facts\.jsonl is not a fact") as caught:
        load_rows(path)
    assert caught.value.got == line[:80]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_facts(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="holds no facts"):
        load_rows(path)


def test_a_file_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        load_rows(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match="cannot read"):
        load_rows(path)


def test_a_hundred_different_unrelated_prompts() -> None:
    prompts = unrelated_prompts()
    assert len(prompts) == 100
    assert len({prompt.casefold().strip() for prompt in prompts}) == 100
