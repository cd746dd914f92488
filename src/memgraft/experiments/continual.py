"""Experiment 2: tasks one after the other, and what is left of the earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.continual import FAMILIES, LABELS, Examples, Family, family, stream, streams
from memgraft.experiments.retention import Elastic, Reservoir
from memgraft.experiments.runs import once, titled
from memgraft.experiments.systems import MEMNETS, Learner, MemNetLearner, learner
from memgraft.experiments.transfer import transfer
from memgraft.memnet.baselines import count
from memgraft.memnet.config import MemNetConfig
from memgraft.train.loop import LoopConfig, Progress, Task, train

# The transformer with the window, and what is added to it.
REPLAY, ELASTIC = "transformer-replay", "transformer-ewc"
# MemNet all of whose weights learn.
PLASTIC = "memnet-plastic"
SYSTEMS = (*MEMNETS, PLASTIC, "transformer-window", "lstm", REPLAY, ELASTIC)
# What learns in the other MemNets: how the memory is read, and how reads spread. What encodes,
# addresses, writes and concludes stays as it was initialised: slots of an early task must mean the
# same in a late one, and whatever can favour labels or slots of the task at hand learns to (see
# docs/memnet.md). So these networks learn in the memory, not in the weights.
DIALS = ("bank.policy", "bank.sharpness", "graph", "hallucinate", "echo")


@dataclass(frozen=True)
class Continual(Config):
    """The experiment's dials; the same for every system."""

    families: tuple[str, ...] = FAMILIES
    size: int = 2  # of the networks, see MemNetConfig.of_size
    tasks: int = 5
    steps: int = 40  # per task
    batch: int = 4  # streams per step
    examples: int = 8  # per stream
    lr: float = 3e-3
    window: int = 8
    slots: int = 256
    lived: int = 40  # examples of a task that go into the memory first; all tasks must fit
    echo: float = 10.0  # these three: see MemNetConfig
    sharpness: float = 20.0
    familiarity: float = 0.97
    replayed: int = 256  # examples that replay keeps: as many as there are slots
    elastic: float = 100.0  # strength of EWC
    tested: int = 200  # examples of each task's test, at most

    @classmethod
    def quick(cls) -> Continual:
        """Small enough to try things out."""
        return cls(families=("digits-split", "facts-split"), steps=15, tested=100)

    def memnet(self, tasks: Family) -> MemNetConfig:
        return MemNetConfig.of_size(
            self.size,
            vocabulary=tasks.vocabulary,
            features=tasks.features,
            window=self.window,
            slots=self.slots,
            memory_heads=1,
            key_width=64,
            echo=self.echo,
            sharpness=self.sharpness,
            familiarity=self.familiarity,
        )

    @property
    def loop(self) -> LoopConfig:
        return LoopConfig(
            steps=self.steps,
            lr=self.lr,
            warmup=max(1, self.steps // 10),
            decay=max(1, self.steps // 3),
            save_every=self.steps,
            measure_every=self.steps,
        )


class ContinualTask(Task):
    """Streams of one task's examples, and what keeps the earlier ones."""

    def __init__(
        self, model: Learner, config: Continual, tasks: Family, number: int, seed: int
    ) -> None:
        self.model: Learner = model
        self.config, self.seed, self.number = config, seed, number
        self.train, self.test = tasks.tasks[number]
        self.kept: Examples | None = None
        self.elastic: Elastic | None = None

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        rng = np.random.default_rng([self.seed, self.number, step])
        replayed = self.config.batch // 2 if self.kept is not None else 0
        parts = [streams(self.train, self.config.batch - replayed, self.config.examples, rng)]
        if self.kept is not None:
            parts.append(streams(self.kept, replayed, self.config.examples, rng))
        loss, figures = self.model.loss(*_tensors(parts), seed=int(rng.integers(2**31)))
        if self.elastic is not None:
            loss = loss + self.elastic.penalty(self.model)
        return loss, figures

    def measure(self) -> dict[str, float]:
        return {"accuracy": accuracy(self.model, self.test, self.config.tested)}


@torch.no_grad()
def accuracy(model: Learner, test: Examples, most: int) -> float:
    """Share of examples, shown alone, that get their label, among all labels of all tasks.

    A MemNet answers from the memory it has, and writes nothing.
    """
    some = test.at(np.linspace(0, len(test) - 1, min(most, len(test))).astype(np.int64))
    ids, features = torch.from_numpy(some.ids[:, None]), _features(some.features[:, None])
    logits = model.predict(ids, features)[:, 0, :LABELS]
    return float((logits.argmax(dim=-1) == torch.from_numpy(some.labels)).float().mean())


def run_continual(
    config: Continual,
    out: Path,
    seeds: int = 3,
    systems: Sequence[str] = SYSTEMS,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Every system over every family with every seed; one result per run.

    A result holds `family`, `system`, `seed`, `accuracy` (the table R) and the figures of
    `transfer`. Runs that are done in `out` are not done again.
    """
    results = []
    for name in config.families:
        for seed in range(seeds):
            for system in systems:
                folder = out / name / f"{system}-{seed}"
                dials = {k: v for k, v in asdict(config).items() if k != "families"}
                settings = {"family": name, "system": system, "seed": seed, **dials}
                results.append(
                    once(
                        folder,
                        settings,
                        lambda: _run(config, folder, name, system, seed, progress),  # noqa: B023
                    )
                )
    return results


def _run(
    config: Continual,
    folder: Path,
    name: str,
    system: str,
    seed: int,
    progress: Progress | None,
) -> dict[str, Any]:
    tasks = family(name, config.tasks, seed)
    model = _learner(system, config, tasks, seed)
    rng = np.random.default_rng([seed, 1])
    reservoir = Reservoir(config.replayed, rng) if system == REPLAY else None
    elastic = Elastic(config.elastic) if system == ELASTIC else None
    untrained = [accuracy(model, test, config.tested) for _, test in tasks.tasks]
    table = []
    for number in range(config.tasks):
        title = f"{name}, {system}, seed {seed}, task {number + 1} of {config.tasks}"
        task = ContinualTask(model, config, tasks, number, seed)
        task.kept = None if reservoir is None else reservoir.examples
        task.elastic = elastic
        _remember(model, task.train, config, np.random.default_rng([seed, number, 2]))

        train(task, config.loop, folder / f"task-{number}", progress and titled(progress, title))
        if reservoir is not None:
            reservoir.add(task.train)
        if elastic is not None:
            elastic.consolidate(model, _single(model, task.train, rng))
        table.append([accuracy(model, test, config.tested) for _, test in tasks.tasks])
    return {
        "family": name,
        "system": system,
        "seed": seed,
        "parameters": count(model),
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "accuracy": table,
        "untrained": untrained,
        **transfer(table, untrained),
    }


def _learner(system: str, config: Continual, tasks: Family, seed: int) -> Learner:
    if system not in SYSTEMS:
        raise InvalidInput(f"there is no system {system!r}", expected=", ".join(SYSTEMS))
    base = {REPLAY: "transformer-window", ELASTIC: "transformer-window", PLASTIC: "memnet"}
    model = learner(base.get(system, system), config.memnet(tasks), seed)
    if isinstance(model, MemNetLearner) and system != PLASTIC and model.switches.memory:
        for name, parameter in model.network.named_parameters():
            parameter.requires_grad_(name.startswith(DIALS))
    return model


def _remember(
    model: Learner, examples: Examples, config: Continual, rng: np.random.Generator
) -> None:
    """A MemNet lives through some of a task's examples, and carries their memory on.

    Before it is trained on them: what the memory answers already, the weights need not learn, and
    so they need not forget anything for it.
    """
    if isinstance(model, MemNetLearner) and model.switches.memory:
        some = examples.at(rng.permutation(len(examples))[: config.lived])
        ids, features, _ = stream(some)
        model.live(torch.from_numpy(ids[None]), _features(features[None]))


def _single(
    model: Learner, examples: Examples, rng: np.random.Generator, most: int = 64
) -> Iterator[Tensor]:
    """The losses of single examples."""
    for place in rng.permutation(len(examples))[:most]:
        yield model.loss(*_tensors([streams(examples.at(np.array([place])), 1, 1, rng)]))[0]


def _tensors(parts: Sequence[tuple[Any, Any, Any]]) -> tuple[Tensor, Tensor, Tensor | None]:
    """ids, targets and features of streams, as `Learner.loss` takes them."""
    ids, features, targets = (np.concatenate(each) for each in zip(*parts, strict=True))
    return torch.from_numpy(ids), torch.from_numpy(targets), _features(features)


def _features(features: Any) -> Tensor | None:
    return torch.from_numpy(features) if features.shape[-1] else None
