"""Recall from scratch: small models learn to recall what lies beyond their attention's window.

Every step has new sequences. A model is trained at one distance and asked at others, many times as
far: with its memory, with a memory that nothing is written to, and without.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from memgraft.core.config import Config
from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import replaced
from memgraft.data.mqar import IGNORED
from memgraft.mag.branch import MODES
from memgraft.train.loop import LOG, LoopConfig, Progress, Task, train
from memgraft.train.recall_models import (
    KINDS,
    WITH_MEMORY,
    RecallSizes,
    answers,
    new_model,
    parameters,
    said,
)
from memgraft.train.recall_tasks import TASKS, batch, samples

RESULT = "result.json"
# Distances at which a trained model is asked, see `RecallTask.at`.
FACTORS = (1, 2, 5, 10, 20, 40)
# The same for a memory that is not written to, or off: guesses are as good at any distance.
FACTORS_WITHOUT = (1, 20)
# Data to measure with has seeds from here on.
HELD_OUT = 1 << 20
# Tokens that are measured at once: long sequences are to take no more memory than short ones.
AT_ONCE = 16384


@dataclass(frozen=True)
class RecallTraining(Config):
    """One run."""

    task: str = "mqar"
    model: str = "linear"
    seed: int = 0
    batch: int = 64  # sequences per step
    asked: int = 128  # sequences per measurement
    factors: tuple[int, ...] = FACTORS
    without: tuple[int, ...] = FACTORS_WITHOUT

    def __post_init__(self) -> None:
        for name, known in (("task", tuple(TASKS)), ("model", KINDS)):
            if getattr(self, name) not in known:
                raise InvalidInput(
                    f"there is no {name} of that name",
                    expected=", ".join(known),
                    got=getattr(self, name),
                )
        for name in ("factors", "without"):  # JSON has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def name(self) -> str:
        return f"{self.task}-{self.model}-{self.seed}"


class RecallRun(Task):
    """A model and what it is trained on."""

    def __init__(self, training: RecallTraining, sizes: RecallSizes) -> None:
        self.training, self.task = training, TASKS[training.task]
        vocabulary = self.task.sequences.vocabulary
        self.model: Any = new_model(training.model, vocabulary, sizes, training.seed)

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        size = self.training.batch
        made = samples(self.task.sequences, self.training.seed, step * size, size)
        logits, due = answers(self.model, *batch(made), IGNORED)
        right = (logits.detach().argmax(-1) == due).float().mean()
        return cross_entropy(logits, due), {"right": float(right)}

    def measure(self) -> dict[str, float]:
        return {"accuracy": self.point(1)["accuracy"]}

    def curve(self) -> list[dict[str, Any]]:
        """A `point` for every distance and everything that the memory may be."""
        points = [self.point(factor) for factor in self.training.factors]
        if self.training.model in WITH_MEMORY:
            others = [mode for mode in MODES if mode != "on"]
            points += [self.point(f, mode) for mode in others for f in self.training.without]
        return points

    @torch.no_grad()
    def point(self, factor: int, mode: str = "on") -> dict[str, Any]:
        """The share of right answers on sequences that are held out, decoded greedily.

        Args:
            factor: of the distance, see `RecallTask.at`.
            mode: of the memory, see `memories_set_to`; a model without one takes "on" only.

        Returns:
            factor, mode, accuracy, answers (their number), nearest and distance (the least and
            the mean number of tokens from what is due to the question).
        """
        config, count = self.task.at(factor), self.training.asked
        at_once = max(1, AT_ONCE // config.tokens)
        seed = HELD_OUT + self.training.seed
        right: list[Tensor] = []
        distances: list[int] = []
        self.model.eval()
        with _set_to(self.model, mode):
            for start in range(0, count, at_once):
                made = samples(config, seed, start, min(at_once, count - start))
                spoken, due = said(self.model, *batch(made), IGNORED)
                right.append(spoken == due)
                distances += [one for sample in made for one in sample.metadata["distances"]]
        self.model.train()
        told = torch.cat(right).float()
        return {
            "factor": factor,
            "mode": mode,
            "accuracy": float(told.mean()),
            "answers": len(told),
            "nearest": min(distances),
            "distance": sum(distances) / len(distances),
        }


def recall(
    training: RecallTraining,
    loop: LoopConfig,
    sizes: RecallSizes,
    out: Path,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a model in a folder of its own in `out` and measure it, or go on where that stopped.

    Returns:
        What `result.json` there holds: the settings, the number of parameters, the minutes of
        training, and the `curve`.

    Raises:
        FolderError: the folder is of a run with other settings.
    """
    folder = out / training.name
    settings = {
        "training": training.to_dict(),
        "loop": loop.to_dict(),
        "sizes": sizes.to_dict(),
        "sequences": TASKS[training.task].sequences.to_dict(),
    }
    settings = json.loads(json.dumps(settings))
    if found := read_result(folder):
        if found["settings"] != settings:
            raise FolderError(
                f"{folder} holds a run with other settings",
                expected=json.dumps(settings),
                got=json.dumps(found["settings"]),
                next_step="use another folder, or remove this one",
            )
        return found
    run = RecallRun(training, sizes)
    train(run, loop, folder, progress)
    result = {
        "settings": settings,
        "task": training.task,
        "model": training.model,
        "seed": training.seed,
        "parameters": parameters(run.model),
        "chance": run.task.chance,
        "minutes": _minutes(folder / LOG),
        "curve": run.curve(),
    }
    with replaced(folder / RESULT) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def read_result(folder: Path) -> dict[str, Any] | None:
    """The result of a finished run; None where there is none."""
    path = folder / RESULT
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _minutes(log: Path) -> float:
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    # Of a step that was repeated after an interruption, the last time counts.
    return sum({row["step"]: row["seconds"] for row in rows}.values()) / 60


def _set_to(model: Any, mode: str) -> AbstractContextManager[None]:
    if not hasattr(model, "memories_set_to"):
        return nullcontext()
    setting: AbstractContextManager[None] = model.memories_set_to(mode)
    return setting
