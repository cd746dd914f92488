"""The experiments from end to end, tiny: they run, resume, report, and can be drawn again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.core.errors import FolderError, InvalidInput
from memgraft.experiments import all as experiments
from memgraft.experiments.continual import Continual, run_continual
from memgraft.experiments.forgetting import Forgetting, run_forgetting
from memgraft.experiments.long_range import LongRange, LongRangeTask, run_long_range
from memgraft.experiments.report import redraw, write_report
from memgraft.experiments.runs import once
from memgraft.experiments.systems import SYSTEMS, learner
from memgraft.train.loop import LoopConfig, Progress, train

LONG = LongRange(size=1, slots=8, steps=4, batch=2, farthest=2, distances=(1, 2), measured=4)
TASKS = Continual(
    families=("facts-split",), size=1, tasks=2, steps=3, batch=2, examples=4, slots=24, lived=8
)
PRESSED = Forgetting(size=1, slots=8, pressures=(0.5, 2.0), steps=3, batch=2, measured=3)


def results_of(name: str, out: Path) -> list[dict[str, Any]]:
    if name == "long-range":
        return run_long_range(LONG, out, 2, ("memnet", "lstm"))
    if name == "continual":
        systems = ("memnet", "memnet-plastic", "transformer-replay", "transformer-ewc")
        return run_continual(TASKS, out, 1, systems)
    return run_forgetting(PRESSED, out, 1, ("memnet", "memnet-no-graph"))


@pytest.mark.parametrize("name", ["long-range", "continual", "forgetting"])
def test_an_experiment_runs_and_is_reported(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    results = results_of(name, tmp_path / "runs")
    write_report(name, results, tmp_path, "the command")
    text = (tmp_path / "report.md").read_text()
    assert ("the command" in text and "| memnet |" in text) or "### memnet" in text
    for picture in tmp_path.glob("*.png"):
        assert f"({picture.name})" in text
        assert picture.read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "figures.html").read_text()
    assert page.count("<h2>") == len(list(tmp_path.glob("*.png"))) >= 2
    assert 'src="http' not in page
    kept = json.loads((tmp_path / "results.json").read_text())["results"]
    assert len(kept) == len(results)
    before = {path.name for path in redraw(tmp_path)}
    assert before == {p.name for p in tmp_path.iterdir() if p.is_file()} - {"results.json"}


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    told: list[int] = []

    def progress(name: str, done: int, total: int, note: str) -> None:
        told.append(done)

    first = run_long_range(LONG, tmp_path, 1, ("memnet",), progress)
    assert told == [1, 2, 3, 4]
    assert run_long_range(LONG, tmp_path, 1, ("memnet",), progress) == first
    assert len(told) == 4
    (tmp_path / "memnet-0" / "result.json").unlink()  # trained, but not yet measured
    again = run_long_range(LONG, tmp_path, 1, ("memnet",), progress)
    assert again[0]["accuracy"] == first[0]["accuracy"]
    assert len(told) == 4


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    once(tmp_path, {"steps": 1}, lambda: {"done": 1})
    with pytest.raises(FolderError, match="other settings"):
        once(tmp_path, {"steps": 2}, lambda: {"done": 2})


def test_only_the_dials_of_the_memory_learn_unless_all_does() -> None:
    from memgraft.data.continual import family
    from memgraft.experiments.continual import DIALS, _predictor

    tasks = family("facts-split", 2)
    model = _predictor("memnet", TASKS, tasks, 0)
    learns = {n for n, p in model.named_parameters() if p.requires_grad}
    assert all(name.removeprefix("network.").startswith(DIALS) for name in learns)
    assert all(any(name.startswith(f"network.{dial}") for name in learns) for dial in DIALS)
    plastic = _predictor("memnet-plastic", TASKS, tasks, 0)
    assert all(p.requires_grad for p in plastic.parameters())


def test_all_systems_train_on_the_same_sequences_with_as_many_parameters() -> None:
    sizes = [sum(p.numel() for p in learner(s, LONG.memnet).parameters()) for s in SYSTEMS]
    assert max(sizes) / min(sizes) < 1.03
    for system in SYSTEMS:
        loss, figures = LongRangeTask(learner(system, LONG.memnet), LONG, 0).loss(0)
        assert loss.requires_grad
        assert figures["task"] > 0
        auxiliary = {"hallucination", "utilization", "sparsity"} & set(figures)
        assert len(auxiliary) == (3 if system.startswith("memnet") and "zero" not in system else 0)


def test_a_system_or_experiment_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no system"):
        learner("mamba", LONG.memnet)
    with pytest.raises(InvalidInput, match="no experiment"):
        experiments.run("sorting", tmp_path)
    with pytest.raises(InvalidInput, match="none of these"):
        experiments.run("forgetting", tmp_path, systems=["lstm"])
    with pytest.raises(InvalidInput, match="holds no results"):
        redraw(tmp_path)


def test_the_commands_refuse_and_help() -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["experiment", "sorting", "--out", "x"])
    assert isinstance(done.exception, InvalidInput)
    for command in ("experiment", "plot"):
        assert runner.invoke(app, [command, "--help"]).exit_code == 0


def test_logs_become_events(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from memgraft.experiments.events import write_events

    run_long_range(LONG, tmp_path / "runs", 1, ("memnet",))
    for _ in range(2):
        assert write_events(tmp_path / "runs", tmp_path / "events") == 1
    read = EventAccumulator(str(tmp_path / "events" / "memnet-0")).Reload()
    assert {"loss", "task", "hallucination", "utilization", "sparsity"} <= set(
        read.Tags()["scalars"]
    )
    assert [event.step for event in read.Scalars("loss")] == [1, 2, 3, 4]


@pytest.mark.parametrize("system", ["memnet", "memnet-no-graph"])
def test_a_stopped_training_goes_on_exactly(system: str, tmp_path: Path) -> None:
    loop = LoopConfig(steps=4, save_every=2, measure_every=4)

    def trained(out: Path, progress: Progress | None = None) -> list[Tensor]:
        model = learner(system, LONG.memnet)
        train(LongRangeTask(model, LONG, 0), loop, out, progress)
        return list(model.parameters())

    def stop(name: str, done: int, total: int, note: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "stopped", stop)
    pairs = zip(trained(tmp_path / "stopped"), trained(tmp_path / "whole"), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_the_inside_of_the_first_seed_is_drawn_whatever_its_number(tmp_path: Path) -> None:
    far, _ = run_long_range(LONG, tmp_path / "long", 2, ("memnet",), first=3)
    assert far["seed"] == 3 and far["pictured"]
    even = replace(PRESSED, pressures=(1.0,))
    pressed = run_forgetting(even, tmp_path / "pressed", 2, ("memnet",), first=3)
    drawn = [any(level["pictured"] for level in row["pressure"].values()) for row in pressed]
    assert drawn == [True, False]
