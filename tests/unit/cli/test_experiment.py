"""`memgraft experiment`: which experiments run, and what their report says made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraft.cli.experiment import _command
from memgraft.cli.main import app
from memgraft.core.errors import InvalidInput
from memgraft.experiments import all as experiments
from memgraft.experiments import report
from memgraft.experiments.continual import SYSTEMS


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The experiments that were started, none of which does anything."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    names: list[str] = []

    def run(name: str, *others: Any) -> list[dict[str, Any]]:
        names.append(name)
        return [{"system": "memnet", "seed": 0}]

    monkeypatch.setattr(experiments, "run", run)
    monkeypatch.setattr(report, "write_report", lambda *_: None)
    return names


@pytest.mark.parametrize(
    ("system", "wanted"),
    [("nearest", ["continual"]), ("lstm", ["long-range", "continual"])],
)
def test_all_leaves_out_experiments_without_the_system(
    system: str, wanted: list[str], started: list[str], tmp_path: Path
) -> None:
    words = ["experiment", "all", "--system", system, "--out", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert started == wanted


def test_a_system_that_is_nowhere_is_refused_before_the_first_run(
    started: list[str], tmp_path: Path
) -> None:
    words = ["experiment", "all", "--system", "memnet", "--system", "typo", "--out", str(tmp_path)]
    assert isinstance(CliRunner().invoke(app, words).exception, InvalidInput)
    assert not started


def test_the_command_is_what_makes_the_results() -> None:
    rows = [{"system": name, "seed": seed} for name in SYSTEMS for seed in range(2)]
    assert _command("continual", False, 2, rows) == (
        "memgraft experiment continual --seeds 2 --out DIR"
    )
    assert _command("continual", True, 3, rows[:2]) == (
        f"memgraft experiment continual --quick --seeds 2 --size 3 --system {SYSTEMS[0]} --out DIR"
    )
