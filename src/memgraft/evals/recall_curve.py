"""Recall over distance: what small models of `memgraft train recall` reach, over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from memgraft.evals.plots import MARKERS, check_matplotlib

# Lines of the picture and rows of the table: the model and what its memory may, and how it is told.
LINES = {
    ("linear", "on"): "window + linear memory",
    ("mlp", "on"): "window + MLP memory",
    ("linear", "read"): "linear, writing disabled",
    ("mlp", "read"): "MLP, writing disabled",
    ("linear", "off"): "linear, memory off",
    ("mlp", "off"): "MLP, memory off",
    ("window", "on"): "window alone",
    ("full", "on"): "attention to everything",
}
TITLES = {
    "mqar": "MQAR",
    "forgetting": "forgetting MQAR",
    "hops_cot": "two hops, told step by step",
    "hops": "two hops at once",
}


@dataclass(frozen=True)
class Point:
    """Accuracies at one distance, one per seed."""

    factor: int
    distance: float
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def spread(self) -> float:
        """The standard deviation over seeds; 0 for one."""
        return stdev(self.values) if len(self.values) > 1 else 0.0

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + (f" ± {self.spread:.3f}" if len(self.values) > 1 else "")


# By task, then by (model, mode), points from near to far.
Curves = dict[str, dict[tuple[str, str], list[Point]]]


def curves(results: Iterable[Mapping[str, Any]]) -> Curves:
    """The curves of finished runs, over all seeds of a task and a model."""
    found: dict[tuple[str, str, str, int], list[tuple[float, float]]] = {}
    for result in results:
        for point in result["curve"]:
            key = (result["task"], result["model"], point["mode"], point["factor"])
            found.setdefault(key, []).append((point["distance"], point["accuracy"]))
    made: Curves = {}
    for (task, model, mode, factor), points in sorted(found.items()):
        distances, values = zip(*points, strict=True)
        line = made.setdefault(task, {}).setdefault((model, mode), [])
        line.append(Point(factor, mean(distances), values))
    return {task: made[task] for task in TITLES if task in made}


def draw_curves(found: Curves, chances: Mapping[str, float], path: Path) -> None:
    """Accuracy over distance, a panel for each task, and a line for each model with a band from
    its worst seed to its best.

    Args:
        chances: of a right answer by guessing, by task.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    # Not pyplot: nothing global, and no display is looked for.
    from matplotlib.figure import Figure

    columns = len(found) if len(found) < 4 else 2
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(0.6 + 4.2 * columns, 1.2 + 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    shown = [line for line in LINES if line[1] != "off" and line != ("mlp", "read")]
    for axes, (task, lines) in zip(grid.flat, found.items(), strict=False):
        for place, line in enumerate(shown):
            if line in lines:
                _line(axes, lines[line], LINES[line], place)
        axes.axhline(chances[task], color="0.4", linewidth=0.8, linestyle=":", label="chance")
        axes.set_title(TITLES[task], fontsize=11)
        axes.set_xscale("log")
        axes.set_ylim(-0.03, 1.03)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("right answers")
    for axes in grid[-1]:
        axes.set_xlabel("tokens from the answer to the question")
    labels: dict[str, Any] = {}
    for axes in grid.flat[: len(found)]:
        handles, names = axes.get_legend_handles_labels()
        labels |= dict(zip(names, handles, strict=True))
    figure.legend(
        list(labels.values()), list(labels), loc="outside lower center", ncols=3, frameon=False
    )
    figure.savefig(path, dpi=100)


def _line(axes: Any, points: Sequence[Point], label: str, place: int) -> None:
    distances = [point.distance for point in points]
    axes.plot(
        distances,
        [point.mean for point in points],
        label=label,
        color=f"C{place}",
        marker=MARKERS[place],
        # Where lines are equal, the ones below still show.
        linewidth=max(1.2, 2.6 - 0.3 * place),
        markersize=max(4.0, 9.0 - place),
        alpha=0.85,
    )
    low = [min(point.values) for point in points]
    high = [max(point.values) for point in points]
    axes.fill_between(distances, low, high, color=f"C{place}", alpha=0.15, linewidth=0)


def curve_table(lines: Mapping[tuple[str, str], Sequence[Point]]) -> str:
    """A Markdown table of one task: a row per model, a column per distance, mean ± deviation."""
    factors = sorted({point.factor for points in lines.values() for point in points})
    heads = ["", *("as in training" if f == 1 else f"{f} times" for f in factors)]
    rows = [heads, ["---", *("---:" for _ in factors)]]
    for line, label in LINES.items():
        if line in lines:
            there = {point.factor: str(point) for point in lines[line]}
            rows.append([label, *(there.get(factor, "-") for factor in factors)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
