"""`memgraft eval retrieval` from its options to its output, with a toy encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from toys import ToyEncoder

SAID = {"t1": "My boat is red", "t2": "My sister sings", "t3": "The rain fell in Oslo"}
ASKED = {"Who sings?": "t2", "Where was rain?": "t3", "Which boat is red?": "t1"}


def line(id: str, **more: Any) -> dict[str, Any]:
    turns = [
        {"id": turn, "session": turn, "speaker": f"Name{turn}", "text": text}
        for turn, text in SAID.items()
    ]
    asked = [
        {"text": text, "evidence": [turn], "category": str(number)}
        for number, (text, turn) in enumerate(ASKED.items(), start=1)
    ]
    asked.append({"text": "Who flies?", "evidence": []})
    return {"id": id, "turns": turns, "questions": asked, **more}


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(line(id)) for id in ("a", "b")), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, data: str) -> Callable[..., Result]:
    """Runs the command on the data; errors come through."""
    monkeypatch.setattr("memgraft.text.minilm.MiniLM", lambda **_: ToyEncoder())

    def runs(*words: str) -> Result:
        command = ["eval", "retrieval", "--format", "jsonl", "--data", data, *words]
        return CliRunner().invoke(app, command, catch_exceptions=False)

    return runs


def test_a_line_of_json_per_system(run: Callable[..., Result]) -> None:
    result = run("--system", "bm25,minilm", "--system", "rrf,bm25", "--json")
    lines = [json.loads(each) for each in result.stdout.splitlines()]
    assert [each["system"] for each in lines] == ["bm25", "minilm", "rrf"]
    for each in lines:
        assert each["recall@5"] == each["recall@10"] == each["recall@50"] == 1
        assert each["session_hit@10"] == each["mrr"] == 1
        assert (each["questions"], each["skipped"], each["conversations"]) == (6, 2, 2)
        assert set(each["by_category"]) == {"1", "2", "3"}
        assert 0 < each["ms_per_query_beyond_embedding"] <= each["ms_per_query"]
        assert 0 < each["ms_per_add_beyond_embedding"] <= each["ms_per_add"]


def test_some_conversations_and_questions(run: Callable[..., Result]) -> None:
    [one] = run("--system", "bm25", "--conversations", "b", "--json").stdout.splitlines()
    assert json.loads(one)["questions"] == 3
    [one] = run("--system", "bm25", "--limit", "4", "--json").stdout.splitlines()
    assert json.loads(one)["questions"] == 4


def test_speakers_are_named(run: Callable[..., Result], data: str) -> None:
    asked = [{"text": "What of Namet3?", "evidence": ["t3"]}]
    Path(data).write_text(json.dumps(line("a", questions=asked)), encoding="utf-8")
    lines = run("--system", "bm25,bm25+speaker,minilm+speaker", "--json").stdout.splitlines()
    recalls = {each["system"]: each["recall@1"] for each in map(json.loads, lines)}
    assert recalls == {"bm25": 0, "bm25+speaker": 1, "minilm+speaker": 1}


def test_a_table_and_a_report(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("--system", "bm25,minilm", "--report", str(tmp_path / "out"))
    assert "6 questions" in result.stdout
    assert "100.0" in result.stdout
    assert {"bm25", "minilm", "session@10"} <= set(result.stdout.replace("┃", " ").split())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.md",
        "results.jsonl",
        "recall.png",
        "categories.png",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--system", "oracle"], "no system is called 'oracle'"),
        (["--system", ","], "no system is named"),
        (["--conversations", "z"], "no conversation is called 'z'"),
        (["--format", "csv"], "no format is called 'csv'"),
        (["--format", "locomo"], "is no JSON"),
    ],
)
def test_what_cannot_be_measured(
    run: Callable[..., Result], words: list[str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        run(*words)
