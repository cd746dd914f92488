"""What repeated keys do to a memory: thousands of writes of the same few keys, without decay.

A memory that adds up its steps, or takes too large ones, blows up here first: every token of a
chunk pulls in the same direction. See `nn.linear_memory` and `nn.mlp_memory`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.evals.plots import MARKERS, check_matplotlib
from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearState, linear_memory
from memgraft.nn.mlp_memory import MlpState, mlp_memory

# How each memory is told. The last takes steps of θ where the MLP memory takes θ / C.
MEMORIES = {
    "linear": "linear",
    "mlp": "MLP, step θ/C",
    "mlp_undivided": "MLP, step θ",
}


@dataclass(frozen=True)
class Repetition(Config):
    """What is written."""

    tokens: int = 4096
    keys: int = 1  # repeated in turn
    width: int = 16  # of keys and values
    length: float = 1.0  # of values
    momentum: float = 0.9  # η; the step θ is 1 - η, as `WriteGates` has it at most
    chunk: int = 64  # C
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.keys <= self.width or self.tokens % self.chunk:
            raise InvalidInput(
                "such a repetition cannot be written",
                expected="1 to `width` keys, and whole chunks",
                got=f"{self.keys} keys, {self.tokens} tokens in chunks of {self.chunk}",
            )


@dataclass(frozen=True)
class Course:
    """After each chunk: tokens so far; ‖weights‖, all layers together; and how far what the keys
    read is from their values, in lengths of these. Not finite where it has overflown."""

    tokens: list[int]
    norm: list[float]
    error: list[float]


@torch.no_grad()
def course(memory: str, repetition: Repetition) -> Course:
    """Write the keys over and over.

    Args:
        memory: one of `MEMORIES`.
    """
    keys, values, first = _made(repetition)
    count, width = repetition.keys, repetition.width
    state: Any = LinearState.empty((1, 1, width, width), keys.dtype)
    if memory != "linear":
        state = MlpState.empty(first, torch.zeros_like(first).mT)
    write = linear_memory if memory == "linear" else mlp_memory
    theta = (1 - repetition.momentum) * (repetition.chunk if memory == "mlp_undivided" else 1)
    told = Course([], [], [])
    for end in range(repetition.chunk, repetition.tokens + 1, repetition.chunk):
        turn = torch.arange(end - repetition.chunk, end) % count
        gates = _gates(repetition.chunk, theta, repetition.momentum)
        k, v = keys[:, :, turn], values[:, :, turn]
        state = write(k, k, v, gates, state, chunk_size=repetition.chunk).state
        still = _gates(count, 0.0, 0.0)
        read = write(keys, keys, values, still, state, chunk_size=repetition.chunk).output
        told.tokens.append(end)
        told.norm.append(math.sqrt(sum(float(w.square().sum()) for w in _weights(state))))
        told.error.append(float((read - values).norm(dim=-1).mean()) / repetition.length)
    return told


def _made(repetition: Repetition) -> tuple[Tensor, Tensor, Tensor]:
    """Unit keys and values (1, 1, keys, width), and the MLP's first layer, as it is initialised."""
    generator = torch.Generator().manual_seed(repetition.seed)
    width = repetition.width

    def draw(*shape: int) -> Tensor:
        return torch.randn(1, 1, *shape, generator=generator)

    keys, values = (
        torch.nn.functional.normalize(draw(repetition.keys, width), dim=-1) for _ in range(2)
    )
    return keys, repetition.length * values, draw(width, 2 * width)


def _gates(tokens: int, theta: float, eta: float) -> Gates:
    return Gates(*(torch.full((1, 1, tokens), value) for value in (theta, eta, 0.0)))


def _weights(state: Any) -> list[Tensor]:
    return [state.weight] if isinstance(state, LinearState) else [state.first, state.second]


def draw_courses(courses: Mapping[str, Mapping[str, Course]], path: Path) -> None:
    """Two panels, norm and error, for each kind of repetition, a row.

    Args:
        courses: by the title of the row, then by `MEMORIES`.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    # Not pyplot: nothing global, and no display is looked for.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 0.6 + 2.9 * len(courses)), layout="constrained")
    grid = figure.subplots(len(courses), 2, squeeze=False)
    for row, (title, memories) in zip(grid, courses.items(), strict=True):
        for axes, what in zip(row, ("norm", "error"), strict=True):
            for place, (memory, told) in enumerate(memories.items()):
                axes.plot(
                    told.tokens,
                    getattr(told, what),
                    label=MEMORIES[memory],
                    color=f"C{place}",
                    marker=MARKERS[place],
                    markersize=3,
                    linewidth=1.2,
                )
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_title(f"{title}: {what}", fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("tokens written")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
