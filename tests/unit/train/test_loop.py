"""The loop: it learns, it resumes where it was, and a resumed run is the uninterrupted one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from memgraft.core.errors import FolderError
from memgraft.train.loop import CHECKPOINT, LOG, LoopConfig, Task, train
from memgraft.train.processes import Processes


class Line(Task):
    """Fit y = 3 x from batches that depend on the step alone."""

    def __init__(self, width: int = 1, stop: int | None = None) -> None:
        torch.manual_seed(0)
        self.model = nn.Linear(1, width)
        self.stop = stop

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        if step == self.stop:
            raise KeyboardInterrupt
        x = torch.randn(16, 1, generator=torch.Generator().manual_seed(step))
        return (self.model(x) - 3 * x).square().mean(), {"seen": float(step)}

    def measure(self) -> dict[str, float]:
        return {"weight": float(self.model.weight.detach()[0, 0])}


CONFIG = LoopConfig(steps=40, lr=0.2, warmup=2, decay=10, save_every=10, measure_every=20)


class Second(Processes):
    """The second of two processes, whose fellow has the same gradients."""

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [tensor.clone() for tensor in tensors]

    def share(self, tensors: Sequence[Tensor]) -> None:
        """They have the same values already."""


def test_only_the_main_process_measures_and_writes(tmp_path: Path) -> None:
    one, other = Line(), Line()
    train(one, CONFIG, tmp_path / "one")
    assert train(other, CONFIG, tmp_path / "two", processes=Second(1, 2)) == {}
    assert torch.equal(one.model.weight, other.model.weight)
    assert list((tmp_path / "two").iterdir()) == []


def losses(out: Path) -> dict[int, float]:
    rows = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows}


def test_it_learns_measures_and_logs(tmp_path: Path) -> None:
    task = Line()
    told: list[tuple[str, int, int, str]] = []
    measured = train(task, CONFIG, tmp_path, lambda *step: told.append(step))
    assert measured == task.measure()
    assert abs(task.measure()["weight"] - 3) < 0.5
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 41))
    assert [row["step"] for row in rows if "weight" in row] == [20, 40]
    assert [done for _, done, _, _ in told] == list(range(1, 41))
    notes = [note for *_, note in told]
    assert notes[18] == f"loss {losses(tmp_path)[19]:.3f}"
    assert "recall" in notes[19]
    assert notes[39].endswith(f", recall {measured['weight']:.2f}")


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    one = Line()
    train(one, CONFIG, whole)
    with pytest.raises(KeyboardInterrupt):
        train(Line(stop=25), CONFIG, halves)
    other = Line()
    train(other, CONFIG, halves)
    assert losses(whole) == losses(halves)
    assert torch.equal(one.model.weight, other.model.weight)
    assert torch.equal(one.model.bias, other.model.bias)


def test_a_finished_run_does_nothing(tmp_path: Path) -> None:
    train(Line(), CONFIG, tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    assert set(train(Line(stop=40), CONFIG, tmp_path)) == {"weight"}
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_checkpoint_of_another_size_is_refused(tmp_path: Path) -> None:
    train(Line(), CONFIG, tmp_path)
    with pytest.raises(FolderError):
        train(Line(width=2), CONFIG, tmp_path)


def test_a_batch_without_a_finite_gradient_is_skipped(tmp_path: Path) -> None:
    class Broken(Line):
        def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
            loss, figures = super().loss(step)
            return (loss / 0 if step == 5 else loss), figures

    task = Broken()
    train(task, CONFIG, tmp_path)
    assert abs(task.measure()["weight"] - 3) < 0.5


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [CONFIG.rate(step) for step in range(40)]
    assert rates[0] < rates[1] == 0.2
    assert set(rates[1:30]) == {0.2}
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert 0 < rates[-1] < 0.05
