"""Pictures of a memory: what is awake over time, its categories, its associations, its recall.

All take plain arrays and write a PNG; they raise `InvalidInput` where there is nothing to draw, and
`MissingExtra` where matplotlib is not installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memgraft.core.errors import InvalidInput
from memgraft.evals.plots import MARKERS, check_matplotlib

# Twenty colours of the qualitative map tab20; what is beyond them shares the last, grey.
COLOURS = 20
GREY = "0.6"
# Points and edges that are still told apart; and the letters of a name that fit beside a point.
NAMED = 40
LETTERS = 24


def draw_activation(
    times: ArrayLike,
    activations: Mapping[str, ArrayLike],
    path: Path,
    *,
    unit: str = "days",
    top: int = 8,
) -> None:
    """Activation of memories over time, a line each.

    Args:
        times: (steps,), rising.
        activations: (steps,) per memory; NaN where it was not there yet. The `top` memories of the
            highest peak are named and in colour, the others grey.
        unit: of the times.
    """
    steps = _array("times", times, 1)
    lines = {
        name: _array(f"the activation of {name}", each, 1) for name, each in activations.items()
    }
    for name, line in lines.items():
        _same_length("times", len(steps), f"activations of {name}", len(line))
    _some("memory with an activation", any(np.isfinite(line).any() for line in lines.values()))
    figure, axes = _figure(7.0, 4.0)
    peaks = {name: _peak(line) for name, line in lines.items()}
    named = sorted(lines, key=lambda name: -peaks[name])[:top]
    for name, line in lines.items():
        if name not in named:
            axes.plot(steps, line, color=GREY, linewidth=0.7, alpha=0.5, zorder=1)
    for place, name in enumerate(named):
        axes.plot(steps, lines[name], label=_short(name), color=f"C{place % 10}", linewidth=1.6)
    axes.set_xlabel(unit)
    axes.set_ylabel("activation")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def draw_categories(vectors: ArrayLike, categories: Sequence[str], path: Path) -> None:
    """The first two principal components of vectors, in a colour per category.

    Args:
        vectors: (memories, dimensions).
        categories: of each memory.
    """
    rows = _array("vectors", vectors, 2)
    _same_length("vectors", len(rows), "categories", len(categories))
    _some("vector", len(rows) > 0)
    points, shares = principal_components(rows)
    figure, axes = _figure(6.6, 4.8)
    sizes = {name: list(categories).count(name) for name in dict.fromkeys(categories)}
    order = sorted(sizes, key=lambda name: -sizes[name])
    shown = order if len(order) <= COLOURS else order[: COLOURS - 1]
    chosen = np.array(categories, dtype=object)
    for place, name in enumerate(shown):
        _scatter(axes, points[chosen == name], f"{_short(name)} ({sizes[name]})", place)
    if len(order) > len(shown):
        others = ~np.isin(chosen, shown)
        _scatter(axes, points[others], f"{len(order) - len(shown)} others ({others.sum()})", None)
    axes.set_xlabel(f"first component, {shares[0]:.0%} of the variance")
    axes.set_ylabel(f"second component, {shares[1]:.0%}")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def principal_components(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[float]]:
    """The coordinates (n, 2) of rows (n, d) on their two axes of most variance, and its shares.

    Signs are fixed (the largest loading of an axis is positive), so the picture does not flip.
    """
    centred = rows - rows.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    kept = np.zeros((2, rows.shape[1]))
    kept[: min(2, len(axes))] = axes[:2]
    for axis in kept:
        axis *= -1 if axis[np.abs(axis).argmax()] < 0 else 1
    variance = np.zeros(2)
    variance[: min(2, len(singular))] = singular[:2] ** 2
    total = float((singular**2).sum())
    return centred @ kept.T, [float(v) / total if total else 0.0 for v in variance]


def draw_associations(
    edges: Mapping[str, Mapping[str, float]], path: Path, *, labels: Mapping[str, str] | None = None
) -> None:
    """A directed graph on a circle: an arrow per edge, the stronger the wider.

    Args:
        edges: per source, its targets with weights above 0.
        labels: what to call the memories; their ids if not given.

    Of more memories than can be told apart, those with the strongest edges are drawn.
    """
    strengths: dict[str, float] = {}
    for source, row in edges.items():
        for target, weight in row.items():
            strengths[source] = strengths.get(source, 0.0) + weight
            strengths[target] = strengths.get(target, 0.0) + weight
    _some("edge", bool(strengths))
    strongest = set(sorted(strengths, key=lambda name: -strengths[name])[:NAMED])
    names = [name for name in strengths if name in strongest]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    where = dict(zip(names, np.stack([np.cos(angles), np.sin(angles)], axis=1), strict=True))
    figure, axes = _figure(7.4, 7.4)
    kept = [(s, t, w) for s, row in edges.items() for t, w in row.items() if {s, t} <= strongest]
    _arrows(axes, where, kept)
    largest = max(strengths[name] for name in names)
    for name, angle in zip(names, angles, strict=True):
        x, y = where[name]
        axes.scatter(x, y, s=30 + 170 * strengths[name] / largest, color="C0", zorder=3)
        _beside(axes, angle, (labels or {}).get(name, name))
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set(xlim=(-1.95, 1.95), ylim=(-1.95, 1.95))
    if len(strengths) > len(names):
        axes.set_title(f"{len(names)} of {len(strengths)} memories", fontsize=10)
    figure.savefig(path, dpi=130)


def draw_recall_by_size(recalls: Mapping[str, Mapping[int, float]], path: Path) -> None:
    """Recall over the number of memories held, a line per system.

    Args:
        recalls: per system, recall in [0, 1] by the number of memories.
    """
    sizes = sorted({size for points in recalls.values() for size in points})
    _some("recall", bool(sizes))
    figure, axes = _figure(6.4, 4.0)
    for place, (name, points) in enumerate(recalls.items()):
        held = sorted(points)
        marker = MARKERS[place % len(MARKERS)]
        axes.plot(held, [points[size] for size in held], label=name, marker=marker)
    if len(sizes) > 1 and sizes[0] > 0:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("memories held")
    axes.set_ylabel("recall")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=130)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    check_matplotlib()
    # Not pyplot: nothing global, and no display is looked for.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scatter(axes: Any, points: NDArray[np.float64], label: str, place: int | None) -> None:
    from matplotlib import colormaps

    colour = GREY if place is None else colormaps["tab20"](place)
    marker = MARKERS[(place or 0) // 10 % len(MARKERS)]
    axes.scatter(*points.T, label=label, color=[colour], s=22, alpha=0.85, marker=marker)


def _arrows(
    axes: Any,
    where: Mapping[str, NDArray[np.float64]],
    edges: Iterable[tuple[str, str, float]],
) -> None:
    """Bent, so that the edges there and back are both seen."""
    edges = sorted(edges, key=lambda edge: edge[2])
    for source, target, weight in edges:
        share = weight / edges[-1][2]
        axes.annotate(
            "",
            xy=where[target],
            xytext=where[source],
            arrowprops={
                "arrowstyle": "-|>",
                "connectionstyle": "arc3,rad=0.15",
                "linewidth": 0.4 + 2.2 * share,
                "alpha": 0.25 + 0.65 * share,
                "color": "C1",
                "shrinkA": 7,
                "shrinkB": 7,
            },
            zorder=2,
        )


def _beside(axes: Any, angle: float, text: str) -> None:
    """A name outside of the circle, read outwards on the right half and inwards on the left."""
    x, y = 1.08 * np.cos(angle), 1.08 * np.sin(angle)
    left = x < -1e-9
    turned = np.degrees(angle) + (180 if left else 0)
    axes.text(
        x,
        y,
        _short(text),
        rotation=turned,
        rotation_mode="anchor",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
    )


def _array(what: str, values: ArrayLike, dimensions: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise InvalidInput(
            f"{what} cannot be drawn", expected=f"{dimensions} dimensions", got=str(array.shape)
        )
    return array


def _same_length(one: str, length: int, other: str, count: int) -> None:
    if length != count:
        raise InvalidInput(f"{one} and {other} do not fit", expected=str(length), got=str(count))


def _some(what: str, there: bool) -> None:
    if not there:
        raise InvalidInput("there is nothing to draw", expected=f"at least one {what}")


def _peak(line: NDArray[np.float64]) -> float:
    finite = line[np.isfinite(line)]
    return float(finite.max()) if len(finite) else -np.inf


def _short(text: str) -> str:
    # A leading underscore would hide a line from the legend.
    text = " ".join(text.split()).lstrip("_") or "-"
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
