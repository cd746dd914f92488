"""`memgraft train recall`: a run per task, model and seed, shared among processes, and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraft.cli.train import app
from memgraft.core.errors import InvalidInput
from memgraft.train.recall import RecallTraining


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, float]]:
    """Name, steps and rate of each run, none of which is trained."""
    made: list[tuple[str, int, float]] = []

    def run(training: RecallTraining, loop: Any, sizes: Any, out: Path, progress: Any) -> Any:
        made.append((training.name, loop.steps, loop.lr))
        progress("training", 1, loop.steps, "loss 1.0")
        point = {"mode": "on", "factor": 1, "distance": 20.0, "accuracy": 0.5}
        settings = {
            "sizes": sizes.to_dict(), "loop": loop.to_dict(),
            "training": training.to_dict(), "sequences": {},
        }  # fmt: skip
        return {
            "task": training.task, "model": training.model, "seed": training.seed,
            "parameters": 9, "chance": 0.1, "minutes": 0.1, "settings": settings, "curve": [point],
        }  # fmt: skip

    monkeypatch.setattr("memgraft.train.recall.recall", run)
    return made


def call(out: Path, words: str) -> str:
    command = ["recall", "--out", str(out), *words.split()]
    return CliRunner().invoke(app, command, catch_exceptions=False, standalone_mode=False).stdout


def test_every_task_model_and_seed_is_a_run(runs: list[Any], tmp_path: Path) -> None:
    call(tmp_path, "--tasks mqar,hops --models linear,window --seeds 3,4 --steps 7 --no-report")
    names = [f"{t}-{m}-{s}" for s in (3, 4) for t in ("mqar", "hops") for m in ("linear", "window")]
    assert runs == [(name, 7, 3e-3) for name in names]
    assert not list(tmp_path.iterdir())


def test_a_task_has_its_own_number_of_steps(runs: list[Any], tmp_path: Path) -> None:
    call(tmp_path, "--models full --seeds 0 --lr 0.01 --no-report")
    steps = {name: count for name, count, _ in runs}
    assert steps["mqar-full-0"] < steps["hops_cot-full-0"]
    assert {rate for *_, rate in runs} == {0.01}


def test_it_ends_with_a_report(runs: list[Any], tmp_path: Path) -> None:
    told = call(tmp_path, "--tasks mqar --models linear,full --seeds 0,1")
    assert told.strip() == str(tmp_path / "report.md")
    assert "attention to everything | 0.500 ± 0.000" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [("--seeds 0,one", "--seeds"), ("--tasks chess", "no task"), ("--models big", "no model")],
)
def test_what_is_not_known_is_refused_before_any_training(
    runs: list[Any], words: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=told):
        call(tmp_path, words)
    assert runs == []
