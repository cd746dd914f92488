"""`memgraft eval needle` and its kin, and `memgraft diagnose mag`, with a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from memgraft.host.load import load_host
from memgraft.mag.checkpoint import save_branch
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

CONFIG = PatchConfig(memory_heads=2, memory_head_dim=4, chunk_size=8, window=16, layers=(1, 2))


@pytest.fixture
def branch(tiny_host: Callable[[str], Any], tmp_path: Path) -> str:
    host = tiny_host("llama")
    host.model.save_pretrained(tmp_path / "base")
    host.tokenizer.save_pretrained(tmp_path / "base")
    loaded = load_host(str(tmp_path / "base"))
    model = patch_with_mag(loaded.model, CONFIG)
    with torch.no_grad():
        for each in model.branches().values():
            each.gate.out.weight.normal_(generator=torch.Generator().manual_seed(7))
    save_branch(model, tmp_path / "branch", loaded)
    return str(tmp_path / "branch")


def run(*words: str) -> Any:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    "words",
    [
        "needle --form question --values number,code --distractors 1",
        "hash-hop --hops 1,2 --style agents --cot",
        "dependency --hops 2 --style variables",
        "code-completion",
    ],
)
def test_a_line_of_json_per_cell(words: str, branch: str) -> None:
    command = f"eval {words} --branch {branch} --lengths 600,800 --depths 0,1 --samples 2"
    result = run(*command.split(), "--mode", "on,off,full", "--json")
    cells = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(cells) == 12
    assert {cell["mode"] for cell in cells} == {"on", "off", "full"}
    for cell in cells:
        assert cell["n"] == len(cell["rows"]) == 2
        assert all(cell["length"] - 160 < row["tokens_read"] < 800 for row in cell["rows"])
        assert all(0 <= cell[name] <= 1 for name in ("exact", "contains", "all", "tokens"))


def test_a_report_that_is_gone_on_with(branch: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    command = f"eval needle --branch {branch} --depths 0.5 --samples 1 --report {report}".split()
    out = run(*command, "--lengths", "500").stdout
    assert "write-disabled" in out
    results = report / "results.jsonl"
    before = results.read_text(encoding="utf-8")
    assert len(before.splitlines()) == 3
    run(*command, "--lengths", "500,1k", "--window", "16")
    after = results.read_text(encoding="utf-8")
    assert after.startswith(before) and len(after.splitlines()) == 6
    assert "| 1,024 | on | 1 |" in (report / "report.md").read_text(encoding="utf-8")
    run(*command, "--lengths", "500", "--seed", "1")
    assert len(results.read_text(encoding="utf-8").splitlines()) == 9


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--mode full --window 8", "without a window"),
        ("--mode sideways", "sideways"),
        ("--lengths x", "--lengths cannot be read"),
        ("--depths ,", "--depths is empty"),
        ("--depths 2", "depth"),
        ("--scoring luck", "luck"),
        ("--dtype int3", "int3"),
        ("--values cheese", "cheese"),
    ],
)
def test_options_that_make_no_sense(words: str, reason: str, branch: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        run("eval", "needle", "--branch", branch, *words.split())


class TestDiagnose:
    def test_a_task(self, branch: str, tmp_path: Path) -> None:
        report = tmp_path / "report"
        command = f"diagnose mag --branch {branch} --tokens 500 --samples 2 --depth 0.2"
        out = run(*command.split(), "--report", str(report)).stdout
        assert "surprise" in out and "Of the answer's tokens" in out
        assert (report / "tokens.png").is_file()
        figures = json.loads((report / "figures.json").read_text(encoding="utf-8"))
        assert list(figures["layers"]) == ["1", "2"] and len(figures["each"]) == 2

    def test_a_text(self, branch: str, tmp_path: Path) -> None:
        path = tmp_path / "text.txt"
        path.write_text("The rain fell on the old garden. " * 9, encoding="utf-8")
        command = f"diagnose mag --branch {branch} --text {path} --json".split()
        figures = json.loads(run(*command).stdout)
        assert figures["texts"]["tokens"] == 9 * 33
        assert "needle" not in figures["layers"]["1"]
        assert json.loads(run(*command, "--tokens", "40").stdout)["texts"]["tokens"] == 40

    @pytest.mark.parametrize("task", ["hash-hop", "dependency", "code-completion"])
    def test_other_tasks(self, task: str, branch: str) -> None:
        command = f"diagnose mag --branch {branch} --task {task} --tokens 900 --samples 1 --json"
        assert "answer_gain" in json.loads(run(*command.split()).stdout)["texts"]

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            ("--text x --task needle", "a text of your own and a task"),
            ("--text nowhere", "cannot read nowhere"),
            ("--task juggling", "juggling"),
        ],
    )
    def test_options_that_make_no_sense(self, words: str, reason: str, branch: str) -> None:
        with pytest.raises(InvalidInput, match=reason):
            run("diagnose", "mag", "--branch", branch, *words.split())
