"""`memgraft train mag`, with a tiny model: phases, resume, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from memgraft.mag.checkpoint import read_branch


@pytest.fixture
def base(tiny_host: Callable[[str], Any], tmp_path: Path) -> str:
    host = tiny_host("llama")
    host.model.save_pretrained(tmp_path / "base")
    host.tokenizer.save_pretrained(tmp_path / "base")
    return str(tmp_path / "base")


def run(base: str, out: Path, *words: str) -> Any:
    sizes = "--layers 1 --heads 2 --width 8 --window 16 --scale 0.12 --steps 2 --readout 2"
    command = f"train mag --out {out} --model {base} {sizes} --save-every 1 --measured 1"
    return CliRunner().invoke(app, [*command.split(), *words], catch_exceptions=False)


def test_phases_follow_each_other_and_resume(base: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(base, out, "--phases", "0a,2a", "--no-half")
    assert result.exit_code == 0, result.output
    assert "memory on" in result.output
    saved = read_branch(out / "branch")
    assert saved.card["phases"] == ["0a", "2a"]
    assert saved.config.layers == (1,) and saved.config.window == 16
    assert {"memory on", "memory off"} <= saved.card["figures"].keys()
    log = (out / "2a" / "log.jsonl").read_text(encoding="utf-8")
    assert run(base, out, "--phases", "0a,2a", "--no-half").exit_code == 0
    assert (out / "2a" / "log.jsonl").read_text(encoding="utf-8") == log
    with pytest.raises(InvalidInput, match="earlier run"):
        run(base, out, "--phases", "0a", "--no-resume")


def test_a_run_goes_on_from_a_branch_and_from_data_of_ones_own(base: str, tmp_path: Path) -> None:
    data = tmp_path / "own.jsonl"
    words = f"data needle --model {base} --tokens 600 --num-samples 30 --output {data}"
    made = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert made.exit_code == 0, made.output
    assert run(base, tmp_path / "first", "--phases", "0a").exit_code == 0
    start = str(tmp_path / "first" / "branch")
    done = run(base, tmp_path / "next", "--data", str(data), "--start", start)
    assert done.exit_code == 0, done.output
    assert read_branch(tmp_path / "next" / "branch").card["phases"] == ["data"]
    assert not (tmp_path / "next" / "readout").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--phases 9z", "no phase"),
        ("--init luck", "--init"),
        ("--optimiser sgd", "no optimiser"),
        ("--layers 40", "no such layers"),
        ("--longest 20", "too long"),
    ],
)
def test_what_cannot_be_is_refused(words: str, told: str, base: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=told):
        run(base, tmp_path / "out", *words.split())
