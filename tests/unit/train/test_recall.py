"""Recall from scratch: runs train, are measured at distances, resume, and are not repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.data.checker import check
from memgraft.data.mqar import MQARConfig
from memgraft.data.token_hops import TokenHopsConfig
from memgraft.train.loop import LOG, LoopConfig
from memgraft.train.recall import RESULT, RecallRun, RecallTraining, recall
from memgraft.train.recall_models import RecallSizes
from memgraft.train.recall_tasks import TASKS, RecallTask, batch, samples

SIZES = RecallSizes(width=8, memory_width=8, mlp_width=4, parameters=6000)
LOOP = LoopConfig(steps=4, lr=3e-3, decay=2, save_every=2, measure_every=4)
TINY = RecallTraining(batch=4, asked=3, factors=(1, 3), without=(3,))
EASY = RecallTask(MQARConfig(tokens=20, pairs=1, filler=12, vocabulary=14, noise=1), 1)


@pytest.mark.parametrize("name", list(TASKS))
@pytest.mark.parametrize("factor", [1, 2, 7])
def test_drawn_out_even_the_nearest_answer_is_that_far(name: str, factor: int) -> None:
    task = TASKS[name]
    config = task.at(factor)
    length = task.sequences.tokens
    trained = samples(task.sequences, 1, 0, 40)
    assert max(d for one in trained for d in one.metadata["distances"]) < length
    for sample in samples(config, 0, 0, 20):
        if name in ("mqar", "forgetting"):
            check(sample)
        assert len(sample.input) == config.tokens
        least = factor * length if factor > 1 else task.asked.filler
        assert min(sample.metadata["distances"]) > least
        # The windows and convolutions of all layers relay less than that.
        assert least > RecallSizes().reach + 2 * 1


def test_only_whole_chains_are_asked_for() -> None:
    asked = TASKS["hops"].asked
    assert isinstance(asked, TokenHopsConfig)
    assert (asked.hops, asked.asked) == ((2,), 4)
    assert TASKS["mqar"].asked == TASKS["mqar"].sequences


def test_chance_is_what_guessing_gets() -> None:
    for task in TASKS.values():
        labels = batch(samples(task.asked, 0, 0, 400))[1]
        seen = labels[labels >= 0].unique()
        assert abs(task.chance * len(seen) - 1) < 0.05


@pytest.mark.parametrize("model", ["linear", "mlp", "window", "full"])
def test_a_run_is_measured_in_every_mode(model: str, tmp_path: Path) -> None:
    training = replace(TINY, model=model)
    result = recall(training, LOOP, SIZES, tmp_path)
    points = [(point["mode"], point["factor"]) for point in result["curve"]]
    without = [("read", 3), ("off", 3)] if model in ("linear", "mlp") else []
    assert points == [("on", 1), ("on", 3), *without]
    assert all(point["answers"] == 3 * 8 for point in result["curve"])
    assert all(point["nearest"] > 3 * 48 for point in result["curve"] if point["factor"] == 3)
    assert json.loads((tmp_path / training.name / RESULT).read_text()) == result


def test_a_finished_run_is_not_repeated_nor_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = recall(TINY, LOOP, SIZES, tmp_path)
    monkeypatch.setattr("memgraft.train.recall.train", lambda *_: pytest.fail("trained again"))
    assert recall(TINY, LOOP, SIZES, tmp_path) == first
    with pytest.raises(FolderError, match="other settings"):
        recall(TINY, replace(LOOP, steps=5), SIZES, tmp_path)


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recall(TINY, LOOP, SIZES, tmp_path / "whole")
    plain = RecallRun.loss

    def stopped(self: RecallRun, step: int) -> Any:
        if step == 3:
            raise KeyboardInterrupt
        return plain(self, step)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(RecallRun, "loss", stopped)
        recall(TINY, LOOP, SIZES, tmp_path / "parts")
    parts = recall(TINY, LOOP, SIZES, tmp_path / "parts")
    assert parts["curve"] == whole["curve"]
    log = (tmp_path / "parts" / TINY.name / LOG).read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [1, 2, 3, 4]
    assert parts["minutes"] > 0


@pytest.mark.slow
def test_a_linear_memory_learns_what_a_window_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """About ten seconds; the full comparison is `recipes/mag-recall.sh`."""
    monkeypatch.setitem(TASKS, "mqar", EASY)
    reached = {}
    for model in ("linear", "window"):
        training = RecallTraining(model=model, batch=32, asked=64)
        run = RecallRun(training, RecallSizes(width=16, memory_width=16, parameters=12_000))
        optimiser = torch.optim.AdamW(run.model.parameters(), lr=5e-3)
        for step in range(200):
            loss, _ = run.loss(step)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        reached[model] = run.point(10)["accuracy"]
        if model == "linear":
            reached["read"] = run.point(10, "read")["accuracy"]
    assert reached["linear"] > 0.9
    assert max(reached["window"], reached["read"]) < 0.4


def test_training_and_measuring_see_different_sequences() -> None:
    run = RecallRun(TINY, SIZES)
    first = float(run.loss(0)[0].detach())
    assert first != float(run.loss(1)[0].detach())
    assert first == float(run.loss(0)[0].detach())
    assert run.point(1) == run.point(1)


@pytest.mark.parametrize("values", [{"task": "chess"}, {"model": "quadratic"}])
def test_unknown_names_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"no .* of that name"):
        RecallTraining.from_dict(values)
