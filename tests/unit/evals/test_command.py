"""`memgraft eval injection` from its options to its output, with a tiny model."""

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
from memgraft.evals import injection
from memgraft.host.load import Host
from toys import ToyEncoder

ROWS = [
    {
        "fact": f"My {thing} is called {name}",
        "question": f"What is my {thing} called?",
        "paraphrase": f"How do I call my {thing}?",
        "answer": name,
    }
    for thing, name in (("boat", "Ada"), ("cat", "Tom"), ("car", "Ida"))
]
OLD_KEYS = """home stack n question paraphrase question_exact paraphrase_exact neighbour_unchanged
unrelated_unchanged write_ms_p50 answer_ms_p50 bytes_per_fact"""


@pytest.fixture
def facts(tmp_path: Path) -> str:
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command with a tiny model, few tokens and few prompts; errors come through."""
    monkeypatch.setattr("memgraft.host.load.load_host", lambda *_: tiny_host("llama"))
    monkeypatch.setattr("memgraft.text.minilm.MiniLM", lambda **_: ToyEncoder())
    monkeypatch.setattr(injection, "unrelated_prompts", lambda: ["Tell me a joke about ducks"])
    monkeypatch.setattr(injection, "ANSWER_TOKENS", 3)
    monkeypatch.setattr(injection, "COMPARED_TOKENS", 3)

    def runs(*words: str) -> Result:
        return CliRunner().invoke(app, ["eval", "injection", *words], catch_exceptions=False)

    return runs


def parsed(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_system_and_one_size(run: Callable[..., Result], facts: str) -> None:
    [figures] = parsed(run("--facts", facts, "--limit", "1", "--stack", "1", "--json"))
    assert set(OLD_KEYS.split()) < set(figures)
    assert (figures["home"], figures["writer"]) == ("weights", "closed-form")
    assert (figures["stack"], figures["n"]) == (1, 1)
    assert "misses" not in figures


def test_every_system_with_every_size(run: Callable[..., Result], facts: str) -> None:
    words = ["--facts", facts, "--home", "none", "--home", "passages,none", "--stack", "3,1"]
    lines = parsed(run(*words, "--json"))
    assert [(line["system"], line["stack"]) for line in lines] == [
        ("none", 1),
        ("passages", 1),
        ("none", 3),
        ("passages", 3),
    ]


def test_writers_side_by_side(run: Callable[..., Result], facts: str) -> None:
    words = ["--limit", "1", "--home", "weights", "--writer", "closed-form,grace", "--misses"]
    result = run("--facts", facts, *words)
    assert "weights: closed-form" in result.stdout
    assert "weights: grace" in result.stdout
    assert "due:   Ada" in result.stdout


def test_no_stack_is_larger_than_the_rows(run: Callable[..., Result], facts: str) -> None:
    result = run("--facts", facts, "--home", "none", "--stack", "2,50,100", "--json")
    assert [line["stack"] for line in parsed(result)] == [2, 3]
    assert "There are 3 facts" in result.stderr


def test_unless_it_is_filled(run: Callable[..., Result], facts: str) -> None:
    words = ["--home", "passages", "--stack", "2,20", "--fill", "--json"]
    lines = parsed(run("--facts", facts, *words))
    assert [(line["stack"], line["n"]) for line in lines] == [(2, 3), (20, 3)]


def test_generated_facts(run: Callable[..., Result]) -> None:
    words = ["--split", "phrasing", "--limit", "4", "--home", "none", "--json"]
    [figures] = parsed(run(*words))
    assert (figures["n"], figures["question"]) == (4, 0)


def test_a_report_goes_on_where_it_was(
    run: Callable[..., Result], facts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    words = ["--facts", facts, "--home", "none,passages", "--report", str(out), "--json"]
    once = run(*words, "--stack", "1")
    assert "measured before" not in once.stderr
    assert {path.name for path in out.iterdir()} == {
        "results.jsonl",
        "report.md",
        "recall.png",
        "locality.png",
        "write_time.png",
    }
    again = run(*words, "--stack", "1,2")
    assert again.stderr.count("measured before") == 2
    assert again.stdout.startswith(once.stdout)
    assert len((out / "results.jsonl").read_text().splitlines()) == 4
    monkeypatch.setattr(injection, "evaluate", None)
    assert run(*words, "--stack", "2,1").stdout == again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--home", "attic"], "no home is called 'attic'"),
        (["--writer", "lora,magic"], "no writer is called 'magic'"),
        (["--writer", "seed"], "seed:FILE"),
        (["--stack", "0"], "takes numbers"),
        (["--stack", "ten"], "takes numbers"),
        (["--stack", ","], "takes numbers"),
        (["--split", "values"], "either --facts FILE or --split NAME"),
        (["--compose", "piled"], "cannot be composed"),
    ],
)
def test_what_cannot_be_measured(
    run: Callable[..., Result], facts: str, words: list[str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        run("--facts", facts, *words)
