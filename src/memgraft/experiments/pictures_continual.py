"""Pictures of experiment 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from memgraft.evals.pictures import Panel, Picture, Series
from memgraft.experiments.spread import mean, spread, systems

FIGURES = ("average", "forgetting")
# The systems whose tables are drawn, where they are there.
TABLES = ("memnet", "nearest", "transformer-window", "transformer-replay")


def pictures(results: Sequence[dict[str, Any]]) -> list[Picture]:
    """Per family: accuracy on the tasks seen so far, final figures, and tables of R."""
    found = []
    for family in dict.fromkeys(row["family"] for row in results):
        rows = [row for row in results if row["family"] == family]
        found.append(_course(family, rows))
        if shown := [name for name in TABLES if name in systems(rows)]:
            found.append(_tables(family, rows, shown))
    return found


def _course(family: str, rows: Sequence[dict[str, Any]]) -> Picture:
    lines, bars = [], []
    for name in systems(rows):
        mine = [row for row in rows if row["system"] == name]
        seen = np.array([[np.mean(r[: i + 1]) for i, r in enumerate(x["accuracy"])] for x in mine])
        steps = list(range(1, seen.shape[1] + 1))
        wide = seen.std(axis=0, ddof=1) if len(mine) > 1 else np.zeros(len(steps))
        lines.append(Series(name, steps, seen.mean(axis=0).tolist(), wide.tolist()))
        bars.append(
            Series(
                name,
                list(FIGURES),
                [mean(row[figure] for row in mine) for figure in FIGURES],
                [spread(row[figure] for row in mine) for figure in FIGURES],
            )
        )
    over = Panel(
        "accuracy on the tasks seen", "lines", lines, x="tasks trained on", limits=(-0.03, 1.03)
    )
    return Picture(f"course-{family}", family, [over, Panel("in the end", "bars", bars)])


def _tables(family: str, rows: Sequence[dict[str, Any]], shown: Sequence[str]) -> Picture:
    panels = []
    for name in shown:
        tables = [row["accuracy"] for row in rows if row["system"] == name]
        panels.append(
            Panel(
                name,
                "heatmap",
                matrix=np.mean(tables, axis=0).tolist(),
                x="measured on task",
                y="after training on task",
                rows=[str(i + 1) for i in range(len(tables[0]))],
                columns=[str(i + 1) for i in range(len(tables[0]))],
            )
        )
    return Picture(f"tables-{family}", f"{family}: accuracy on each task after each", panels)
