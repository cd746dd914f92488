"""Pictures of one memory: what is active, what belongs together, what leads to what."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from memgraft.core.errors import InvalidInput
from memgraft.evals.memory_plots import draw_activation, draw_associations, draw_categories
from memgraft.nn.art import DEFAULT
from memgraft.retrieval.activation import base_level
from memgraft.retrieval.categories import CategoryMap
from memgraft.retrieval.memory import SlotMemory

STEPS, DAY = 120, 86400.0
# Characters of a text that name it in a picture.
LABEL = 32


def portrait(memory: SlotMemory, folder: Path, days: float, now: float | None = None) -> list[Path]:
    """Draw a memory into a folder; the paths of the pictures.

    Associations are left out where there are none.

    Raises:
        InvalidInput: the memory is empty.
        MissingExtra: matplotlib is not installed.
    """
    if not len(memory):
        raise InvalidInput("there is nothing to draw", next_step="remember something first")
    now = time.time() if now is None else now
    folder.mkdir(parents=True, exist_ok=True)
    labels = {trace.id: _label(trace.text) for trace in memory.traces()}
    pictures = [folder / "activation.png", folder / "categories.png"]
    draw_activation(*_activation(memory, days, now), pictures[0])
    draw_categories(*_categories(memory, labels), pictures[1])
    edges = {i: row for i in labels if (row := memory.associations.neighbours(i))}
    if edges:
        pictures.append(folder / "associations.png")
        draw_associations(edges, pictures[-1], labels=labels)
    return pictures


def _activation(
    memory: SlotMemory, days: float, now: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Days before `now`, (steps,), and the base level of each trace then; of earlier uses only the
    number is known, so the line before the last use is that of a single one."""
    moments = np.linspace(now - days * DAY, now, STEPS)
    lines: dict[str, np.ndarray] = {}
    for slot in memory.living():
        written = float(memory.written.values[slot])
        last, uses = float(memory.last_used.values[slot]), int(memory.uses.values[slot])
        line = np.full(STEPS, np.nan)
        for row, moment in enumerate(moments):
            if moment >= last:
                line[row] = base_level([uses], [last], [written], moment)[0]
            elif moment >= written:
                line[row] = base_level([1], [written], [written], moment)[0]
        lines[f"{_label(memory.at(slot).text)} #{slot}"] = line
    return (moments - now) / DAY, lines


def _categories(memory: SlotMemory, labels: dict[str, str]) -> tuple[np.ndarray, list[str]]:
    """Vectors, and the text that stands for each one's category."""
    categories = memory.categories
    if categories is None:
        categories = CategoryMap(memory.bank.dimension, DEFAULT)
        for trace in memory.traces():
            categories.add(trace.id, memory.bank.get(memory.slot(trace.id)))
    names = {n: labels[one.representative] for n, one in categories.statistics().items()}
    slots = memory.living()
    vectors = memory.bank.gathered(np.array(slots, np.intp))
    return vectors, [names[categories.category_of(memory.at(slot).id)] for slot in slots]


def _label(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
