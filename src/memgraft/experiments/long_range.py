"""Experiment 1: what was said far outside the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgraft.core.config import Config
from memgraft.data.long_range import IGNORED, TASKS, LongRangeConfig, sequences
from memgraft.experiments.runs import once, titled
from memgraft.experiments.systems import MEMNETS, SYSTEMS, Learner, MemNetLearner, learner
from memgraft.experiments.watch import habits, pictured
from memgraft.memnet.baselines import count
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import Moment, Switches
from memgraft.train.loop import LoopConfig, Progress, Task, train

# Held-out sequences are drawn from seeds that training never reaches.
HELD_OUT = 10**9


@dataclass(frozen=True)
class LongRange(Config):
    """The experiment's dials; the same for every system."""

    size: int = 2  # of the networks, see MemNetConfig.of_size
    window: int = 8
    slots: int = 32
    synthesis_interval: int = 4
    steps: int = 400
    batch: int = 8  # sequences of each task per step
    lr: float = 3e-3
    farthest: int = 10  # windows; training draws from 1 to here
    distances: tuple[int, ...] = (1, 2, 5, 10, 20)  # that are measured
    measured: int = 200  # sequences per task and distance

    @classmethod
    def quick(cls) -> LongRange:
        """Small enough to try things out."""
        return cls(steps=150, batch=6, distances=(1, 5, 10), measured=60)

    @property
    def sequences(self) -> LongRangeConfig:
        return LongRangeConfig(window=self.window)

    @property
    def memnet(self) -> MemNetConfig:
        return MemNetConfig.of_size(
            self.size,
            vocabulary=self.sequences.vocabulary,
            window=self.window,
            slots=self.slots,
            synthesis_interval=self.synthesis_interval,
        )

    @property
    def loop(self) -> LoopConfig:
        return LoopConfig(
            steps=self.steps,
            lr=self.lr,
            warmup=self.steps // 10,
            decay=self.steps // 2,
            save_every=50,
            measure_every=max(50, self.steps // 8),
        )


class LongRangeTask(Task):
    """Equal parts of recall, copy and latest, over a distance that each step draws."""

    def __init__(self, model: Learner, config: LongRange, seed: int) -> None:
        self.model: Learner = model
        self.config, self.seed = config, seed

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([self.seed, step])
        distance = int(rng.integers(1, self.config.farthest + 1))
        number = int(rng.integers(HELD_OUT))
        parts = [
            sequences(self.config.sequences, task, distance, self.config.batch, number)
            for task in TASKS
        ]
        ids, targets = (torch.from_numpy(np.concatenate(each)) for each in zip(*parts, strict=True))
        return self.model.loss(ids, targets, seed=number)

    def measure(self) -> dict[str, float]:
        few = replace(self.config, measured=40)
        return {
            f"{task} at {self.config.farthest}": accuracy(
                self.model, few, task, self.config.farthest
            )
            for task in TASKS
        }


@torch.no_grad()
def accuracy(
    model: Learner,
    config: LongRange,
    task: str,
    distance: int,
    switches: Switches | None = None,
) -> float:
    """Share of the tokens due that are said, on held-out sequences; one key asked, in recall."""
    asked = replace(config.sequences, asked=1)
    ids, targets = map(
        torch.from_numpy, sequences(asked, task, distance, config.measured, HELD_OUT)
    )
    extra = {"switches": switches} if switches else {}
    said = model.predict(ids, **extra).argmax(dim=-1)
    due = targets != IGNORED
    return float((said[due] == targets[due]).float().mean())


def run_long_range(
    config: LongRange,
    out: Path,
    seeds: int = 3,
    systems: Sequence[str] = SYSTEMS,
    progress: Progress | None = None,
    first: int = 0,
) -> list[dict[str, Any]]:
    """Train and measure every system with every seed; one result per run.

    A result holds `system`, `seed`, `parameters`, `accuracy` by task and distance, and of MemNets
    what the memory did; those of the first seed have what is drawn of its inside. Runs that are
    done in `out` are not done again.
    """
    results = []
    for seed in range(first, first + seeds):
        for system in systems:
            folder = out / f"{system}-{seed}"
            settings = {"system": system, "seed": seed, **asdict(config)}
            drawn = seed == first
            results.append(
                once(folder, settings, lambda: _run(config, folder, system, seed, drawn, progress))  # noqa: B023
            )
    return results


def _run(
    config: LongRange, folder: Path, system: str, seed: int, drawn: bool, progress: Progress | None
) -> dict[str, Any]:
    model = learner(system, config.memnet, seed)

    told = progress and titled(progress, f"{system}, seed {seed}")
    train(LongRangeTask(model, config, seed), config.loop, folder, told)
    result: dict[str, Any] = {
        "system": system,
        "seed": seed,
        "parameters": count(model),
        "accuracy": {
            task: {str(d): accuracy(model, config, task, d) for d in config.distances}
            for task in TASKS
        },
    }
    if isinstance(model, MemNetLearner) and MEMNETS[system].memory:
        result |= _memory(model, config, pictures=drawn)
    return result


@torch.no_grad()
def _memory(model: MemNetLearner, config: LongRange, pictures: bool) -> dict[str, Any]:
    """What the memory did over recall at the farthest distance, and what it is without parts."""
    far = config.farthest
    moments: list[Moment] = []
    ids, _ = sequences(config.sequences, "recall", far, 16, HELD_OUT)
    model.predict(torch.from_numpy(ids), watch=moments.append)
    off = {
        "graph": replace(model.switches, graph=False),
        "dreaming": replace(model.switches, dreaming=False),
        "memory": replace(model.switches, memory=False),
    }
    logits = model.predict(torch.from_numpy(ids))
    without = {
        name: {
            "accuracy": accuracy(model, config, "recall", far, switches),
            "change": float(
                (model.predict(torch.from_numpy(ids), switches=switches) - logits).abs().max()
            ),
        }
        for name, switches in off.items()
    }
    dials = model.network.graph
    return {
        "habits": habits(moments),
        "switched_off": without,
        "influence": dials.influence.sigmoid().mean().item(),
        "pictured": {"ids": ids[0].tolist(), **pictured(moments)} if pictures else None,
    }
