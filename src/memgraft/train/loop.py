"""The training loop: steps, schedule, log, checkpoints, resume."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import FolderError, InvalidInput, MissingExtra
from memgraft.core.folder import load_arrays, replaced, save_arrays
from memgraft.train.processes import ALONE, Processes

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"
OPTIMISERS = ("adamw", "adamw8bit")
# What they keep per parameter: torch's names, and those of bitsandbytes with their scales.
MOMENTS = ("exp_avg", "exp_avg_sq", "state1", "state2", "qmap1", "qmap2", "absmax1", "absmax2")


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
    optimiser: str = "adamw"  # of `OPTIMISERS`

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = min(1.0, (self.steps - step) / max(1, self.decay))
        return self.lr * min(rising, falling)


class Progress(Protocol):
    """Told of every step."""

    def __call__(self, name: str, done: int, total: int, note: str) -> None: ...


class Task(ABC):
    """What is trained. `loss` must depend on nothing but the parameters, the seed and the step:
    then a resumed run goes on exactly as the uninterrupted one would have.

    Where several processes train together, the mean of their losses must be the loss of the
    step's batch, and the mean of their figures its figures.
    """

    model: nn.Module

    @abstractmethod
    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of a step's batch, and figures for the log."""

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """Figures on held-out data; the first is the recall to watch."""


def train(
    task: Task,
    config: LoopConfig,
    out: Path,
    progress: Progress | None = None,
    processes: Processes = ALONE,
) -> dict[str, float]:
    """Train from the last checkpoint in `out`, or from the start, to `config.steps`.

    Returns the last figures on held-out data, in the main process, which alone measures, saves
    and logs.
    """
    out.mkdir(parents=True, exist_ok=True)
    parameters = {name: p for name, p in task.model.named_parameters() if p.requires_grad}
    optimiser = make_optimiser(parameters.values(), config)
    first = _resume(out / CHECKPOINT, parameters, optimiser)
    processes.share(list(parameters.values()))
    if processes.main:
        _trim(out / LOG, first)
    measured: dict[str, float] = {}
    for step in range(first, config.steps):
        started = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = config.rate(step)
        loss, figures = task.loss(step)
        optimiser.zero_grad()
        loss.backward()
        figures["loss"] = float(loss.detach())
        if processes.count > 1:
            figures = _averaged(parameters, figures, processes)
        norm = nn.utils.clip_grad_norm_(parameters.values(), config.clip)
        if not math.isfinite(float(norm)):
            figures["skipped"] = 1.0
        else:
            optimiser.step()
        done = step + 1
        if not processes.main:
            continue
        figures["norm"] = float(norm)
        if done % config.measure_every == 0 or done == config.steps:
            measured = task.measure()
            figures |= measured
        _note(out / LOG, {"step": done, **figures, "seconds": time.perf_counter() - started})
        if done % config.save_every == 0 or done == config.steps:
            _save(out / CHECKPOINT, done, parameters, optimiser)
        if progress:
            progress("training", done, config.steps, _shown(figures["loss"], measured))
    if processes.main and not measured:
        measured = task.measure()
    return measured


def make_optimiser(parameters: Iterable[nn.Parameter], config: LoopConfig) -> torch.optim.Optimizer:
    """AdamW; as `adamw8bit` with moments of 8 bits (arXiv 2110.02861), a quarter of the memory.

    Raises:
        InvalidInput: there is no such optimiser.
        MissingExtra: that of bitsandbytes is not installed.
    """
    dials = {"lr": config.lr, "betas": (0.9, 0.98), "weight_decay": config.weight_decay}
    if config.optimiser == "adamw":
        return torch.optim.AdamW(parameters, **dials)
    if config.optimiser != "adamw8bit":
        raise InvalidInput(
            f"no optimiser is called {config.optimiser!r}", expected=", ".join(OPTIMISERS)
        )
    try:
        from bitsandbytes.optim import AdamW8bit  # type: ignore[import-not-found]
    except ImportError as error:
        raise MissingExtra("bitsandbytes", "eight-bit") from error
    made: torch.optim.Optimizer = AdamW8bit(parameters, **dials)
    return made


def _averaged(
    parameters: dict[str, nn.Parameter], figures: dict[str, float], processes: Processes
) -> dict[str, float]:
    """The figures of the whole batch; every parameter is given the gradient of the whole batch."""
    gradients = [p.grad for p in parameters.values() if p.grad is not None]
    own = torch.tensor(list(figures.values()), device=gradients[0].device)
    *means, told = processes.mean([*gradients, own])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean)
    return dict(zip(figures, told.tolist(), strict=True))


def _shown(loss: float, measured: dict[str, float]) -> str:
    recall = f", recall {next(iter(measured.values())):.2f}" if measured else ""
    return f"loss {loss:.3f}{recall}"


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
        for part, value in optimiser.state[parameter].items():
            arrays[f"{part}.{name}"] = torch.as_tensor(value).cpu().numpy()
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
        # Each part of a moment keeps its type: those of 8 bits are no floats.
        suffix = f".{name}"
        optimiser.state[parameter] = {
            key.removesuffix(suffix): torch.from_numpy(array).to(parameter.device)
            for key, array in arrays.items()
            if key.endswith(suffix) and key.removesuffix(suffix) in MOMENTS
        }
        # Fewer than the run's, where steps were skipped; older checkpoints do not say.
        taken = float(arrays.get(f"step.{name}", step))
        adam = isinstance(optimiser, torch.optim.AdamW)
        optimiser.state[parameter]["step"] = torch.tensor(taken) if adam else int(taken)
    return step


def _trim(log: Path, step: int) -> None:
    """Take back what was logged after the checkpoint that a run goes on from."""
    if not log.is_file():
        return
    lines = log.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line)["step"] <= step]
    if len(kept) < len(lines):
        with replaced(log) as part:
            part.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
