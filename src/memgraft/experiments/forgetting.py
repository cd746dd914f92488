"""Experiment 3: what a memory forgets when there is more to hold than it has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgraft.core.config import Config
from memgraft.data.pressure import IGNORED, PressureConfig, sequences
from memgraft.experiments.runs import once, titled
from memgraft.experiments.survival import counted, lives
from memgraft.experiments.systems import MEMNETS, MemNetLearner, learner
from memgraft.experiments.watch import habits, pictured
from memgraft.memnet.baselines import count
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import Moment
from memgraft.train.loop import LoopConfig, Progress, Task, train

HELD_OUT = 10**9
# All but the one without a memory, which has nothing to forget.
SYSTEMS = tuple(name for name, switches in MEMNETS.items() if switches.memory)


@dataclass(frozen=True)
class Forgetting(Config):
    """The experiment's dials; the same for every system."""

    size: int = 2  # of the networks, see MemNetConfig.of_size
    window: int = 8
    slots: int = 16  # of each memory head
    synthesis_interval: int = 4
    pressures: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)  # items per slot
    steps: int = 300
    batch: int = 16
    lr: float = 3e-3
    echo: float = 10.0  # see MemNetConfig; so what is read is said from the first step on
    measured: int = 64  # sequences per pressure

    @classmethod
    def quick(cls) -> Forgetting:
        """Small enough to try things out."""
        return cls(steps=120, batch=12, measured=24)

    @property
    def sequences(self) -> PressureConfig:
        return PressureConfig()

    def items(self, pressure: float) -> int:
        return round(pressure * self.slots)

    @property
    def memnet(self) -> MemNetConfig:
        return MemNetConfig.of_size(
            self.size,
            vocabulary=self.sequences.vocabulary,
            window=self.window,
            slots=self.slots,
            synthesis_interval=self.synthesis_interval,
            echo=self.echo,
        )

    @property
    def loop(self) -> LoopConfig:
        return LoopConfig(
            steps=self.steps,
            lr=self.lr,
            warmup=self.steps // 10,
            decay=self.steps // 2,
            save_every=50,
            measure_every=max(50, self.steps // 4),
        )


class PressureTask(Task):
    """Sequences under a pressure that each step draws."""

    def __init__(self, model: MemNetLearner, config: Forgetting, seed: int) -> None:
        self.model: MemNetLearner = model
        self.config, self.seed = config, seed

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([self.seed, step])
        items = self.config.items(float(rng.choice(self.config.pressures)))
        number = int(rng.integers(HELD_OUT))
        ids, targets, _ = sequences(self.config.sequences, items, self.config.batch, number)
        return self.model.loss(torch.from_numpy(ids), torch.from_numpy(targets), seed=number)

    def measure(self) -> dict[str, float]:
        found = measured(self.model, self.config, 1.0)
        return {"accuracy at 1": found["accuracy"]}


def run_forgetting(
    config: Forgetting,
    out: Path,
    seeds: int = 3,
    systems: Sequence[str] = SYSTEMS,
    progress: Progress | None = None,
    first: int = 0,
) -> list[dict[str, Any]]:
    """Every MemNet with every seed; one result per run.

    A result holds `system`, `seed`, and by pressure what `measured` finds, of the first seed with
    what is drawn of its inside. Runs that are done in `out` are not done again.
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
    config: Forgetting, folder: Path, system: str, seed: int, drawn: bool, progress: Progress | None
) -> dict[str, Any]:
    model = learner(system, config.memnet, seed)
    assert isinstance(model, MemNetLearner)

    told = progress and titled(progress, f"{system}, seed {seed}")
    train(PressureTask(model, config, seed), config.loop, folder, told)
    return {
        "system": system,
        "seed": seed,
        "parameters": count(model),
        "pressure": {
            str(p): measured(model, config, p, pictures=drawn and p == 1.0)
            for p in config.pressures
        },
    }


@torch.no_grad()
def measured(
    model: MemNetLearner, config: Forgetting, pressure: float, pictures: bool = False
) -> dict[str, Any]:
    """What is recalled and what is forgotten at a pressure, on held-out sequences.

    accuracy, of what is asked; by_age, the same for the newest and the older quarters of items;
    gate_asked and gate_never, mean write gates of values whose key may or may never be asked;
    lives, what became of the slots that held values of each kind, as `counted` has them; and
    `habits`.
    """
    items = config.items(pressure)
    ids, targets, ages = sequences(config.sequences, items, config.measured, HELD_OUT)
    moments: list[Moment] = []
    logits = model.predict(torch.from_numpy(ids), watch=moments.append)
    due = targets != IGNORED
    right = (logits.argmax(dim=-1).numpy() == targets)[due].reshape(ages.shape)
    kinds = config.sequences.matters(ids)
    told = np.zeros_like(kinds)
    told[:, 1 : 2 * items : 2] = True  # the values
    after = np.roll(kinds, 1, axis=1)
    gate = torch.cat([moment.asked.gate for moment in moments], dim=-1).mean(dim=1).numpy()
    before_questions = moments[: 2 * items // config.window]
    found = lives(before_questions, model.network.config.key_width, config.window)
    found = [life for life in found if told[life.sequence, life.token]]
    asked = [life for life in found if after[life.sequence, life.token]]
    never = [life for life in found if not after[life.sequence, life.token]]
    return {
        "accuracy": float(right.mean()),
        "by_age": _by_age(right, ages, items),
        "gate_asked": float(gate[told & after].mean()),
        "gate_never": float(gate[told & ~after].mean()) if (told & ~after).any() else None,
        "lives": {"asked": counted(asked), "never": counted(never)},
        **habits(moments),
        "pictured": pictured(moments) if pictures else None,
    }


def _by_age(right: Any, ages: Any, items: int) -> list[float | None]:
    quarters = np.minimum(3, 4 * ages // items)
    return [float(right[quarters == q].mean()) if (quarters == q).any() else None for q in range(4)]
