"""The training loop: steps, schedule, log, checkpoints, resume."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays

Progress = Callable[[str, int, int], None]
CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"


@dataclass(frozen=True)
class LoopConfig(Config):
    """AdamW with a warm-up, a plateau, and a linear decay to zero over the last steps.

    The plateau needs no end in advance, so a run can be prolonged without a change to what has
    been trained so far (arXiv 2405.18392).
    """

    steps: int = 1000
    lr: float = 1e-3
    warmup: int = 40
    decay: int = 200  # steps
    weight_decay: float = 0.01
    clip: float = 1.0
    save_every: int = 100
    measure_every: int = 250
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = min(1.0, (self.steps - step) / max(1, self.decay))
        return self.lr * min(rising, falling)


class Task(ABC):
    """What is trained. `loss` must depend on nothing but the parameters, the seed and the step:
    then a resumed run goes on exactly as the uninterrupted one would have."""

    model: nn.Module

    @abstractmethod
    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of a step's batch, and figures for the log."""

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """Figures on held-out data."""


def train(task: Task, config: LoopConfig, out: Path, progress: Progress | None = None) -> None:
    """Train from the last checkpoint in `out`, or from the start, to `config.steps`."""
    out.mkdir(parents=True, exist_ok=True)
    parameters = {name: p for name, p in task.model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(
        parameters.values(), lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay
    )
    first = _resume(out / CHECKPOINT, parameters, optimiser)
    for step in range(first, config.steps):
        started = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = config.rate(step)
        loss, figures = task.loss(step)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters.values(), config.clip)
        if not math.isfinite(float(norm)):
            figures["skipped"] = 1.0
        else:
            optimiser.step()
        done = step + 1
        figures |= {"loss": float(loss.detach()), "norm": float(norm)}
        if done % config.measure_every == 0 or done == config.steps:
            figures |= task.measure()
        _note(out / LOG, {"step": done, **figures, "seconds": time.perf_counter() - started})
        if done % config.save_every == 0 or done == config.steps:
            _save(out / CHECKPOINT, done, parameters, optimiser)
        if progress:
            progress(f"training, loss {figures['loss']:.3f}", done, config.steps)


def _note(path: Path, figures: dict[str, Any]) -> None:
    shown = {k: round(v, 5) if isinstance(v, float) else v for k, v in figures.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(shown) + "\n")


def _save(
    path: Path, step: int, parameters: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> None:
    arrays = {}
    for name, parameter in parameters.items():
        arrays[name] = parameter.detach().cpu().numpy()
        for moment in ("exp_avg", "exp_avg_sq"):
            arrays[f"{moment}.{name}"] = optimiser.state[parameter][moment].cpu().numpy()
    save_arrays(path, arrays, {"step": str(step)})


def _resume(
    path: Path, parameters: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> int:
    """Load a checkpoint if there is one; returns the steps that it has seen."""
    if not path.is_file():
        return 0
    arrays, header = load_arrays(path)
    step = int(header["step"])
    for name, parameter in parameters.items():
        if name not in arrays or arrays[name].shape != tuple(parameter.shape):
            raise FolderError(
                f"{path} is of another model",
                expected=f"{name} of shape {tuple(parameter.shape)}",
                got=str(arrays[name].shape) if name in arrays else "nothing",
                next_step="train into another folder, or use the same sizes",
            )
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(arrays[name]))
        optimiser.state[parameter] = {
            "step": torch.tensor(float(step)),
            **{
                m: torch.from_numpy(arrays[f"{m}.{name}"]).to(parameter)
                for m in ("exp_avg", "exp_avg_sq")
            },
        }
    return step
