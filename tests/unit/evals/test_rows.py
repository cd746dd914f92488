"""The data of the evaluation: rows that are read or refused by place, unrelated prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.rows import FactRow, generated_rows, load_rows, unrelated_prompts

ROW = {
    "fact": "My name is Yusuf",
    "question": "What is my name?",
    "paraphrase": "How am I called?",
    "answer": "Yusuf",
}

ZSRE = {
    "subject": "Lake Orvo",
    "src": "Which river feeds Lake Orvo?",
    "pred": "Tarn",
    "rephrase": "What flows into Lake Orvo?",
    "alt": "Sillet",
    "loc": "nq question: who wrote the glass harbour",
    "loc_ans": "Ida Moll",
}
COUNTERFACT = {
    "subject": "Ida Moll",
    "prompt": "Ida Moll professionally plays",
    "rephrase_prompt": "It rained. Ida Moll is a master of",
    "target_new": "the oboe",
    "ground_truth": "chess",
    "locality_prompt": "Olaf Brandt professionally plays",
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


def test_the_edits_of_zsre(path: Path) -> None:
    path.write_text(json.dumps([ZSRE, {**ZSRE, "alt": ""}]), encoding="utf-8")
    assert load_rows(path) == [
        FactRow(
            fact='The answer to "Which river feeds Lake Orvo?" is Sillet.',
            question="Which river feeds Lake Orvo?",
            paraphrase="What flows into Lake Orvo?",
            answer="Sillet",
            subject="Lake Orvo",
            locality="who wrote the glass harbour",
        )
    ], "and an edit to nothing is none"


def test_the_edits_of_counterfact(path: Path) -> None:
    path.write_text(json.dumps([COUNTERFACT], indent=1), encoding="utf-8")
    assert load_rows(path) == [
        FactRow(
            fact="Ida Moll professionally plays the oboe.",
            question="Complete this sentence: Ida Moll professionally plays",
            paraphrase="Complete this sentence: It rained. Ida Moll is a master of",
            answer="the oboe",
            subject="Ida Moll",
            locality="Complete this sentence: Olaf Brandt professionally plays",
        )
    ]


@pytest.mark.parametrize("bad", [{**ZSRE, "loc": " "}, {"target_new": "the oboe"}, [1], None])
def test_a_bad_item_of_an_array_is_named(path: Path, bad: Any) -> None:
    path.write_text(json.dumps([ZSRE, bad]), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"item 2 of .*facts\.jsonl is not a fact"):
        load_rows(path)


def test_generated_rows_are_the_same_every_time() -> None:
    rows = generated_rows("relations", 20)
    assert rows == generated_rows("relations", 20)
    assert len({row.fact for row in rows}) == 20
    assert all(row.answer.lower() in row.fact.lower() for row in rows)
    assert any(row.question != row.paraphrase for row in rows)
    assert any(row.neighbour for row in rows)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]"])
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


def test_three_hundred_different_unrelated_prompts() -> None:
    prompts = unrelated_prompts()
    assert len(prompts) == 300
    assert len({prompt.casefold().strip() for prompt in prompts}) == 300
