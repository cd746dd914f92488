"""Pictures as PNG files, by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from memgraft.core.folder import replaced
from memgraft.evals.pictures import Panel, Picture, edges, ring
from memgraft.evals.plots import MARKERS, check_matplotlib


def draw_png(picture: Picture, folder: Path) -> Path:
    """Draw a picture into a folder, under its name.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    count = len(picture.panels)
    figure = Figure(figsize=(max(6.0, 4.6 * count), 4.4), layout="constrained")
    row = figure.subplots(1, count, squeeze=False)[0]
    for axes, panel in zip(row, picture.panels, strict=True):
        DRAWN[panel.kind](axes, panel)
        axes.set_title(panel.title, fontsize=11)
        axes.set_xlabel(panel.x)
        axes.set_ylabel(panel.y)
        if panel.limits:
            axes.set_ylim(*panel.limits)
    figure.suptitle(picture.title, fontsize=12)
    _legends(figure, row)
    path = folder / f"{picture.name}.png"
    with replaced(path) as part:
        figure.savefig(part, dpi=110, format="png")
    return path


def _legends(figure: Any, row: Any) -> None:
    """One legend below all panels where they show the same series, else one in each."""
    found = [axes.get_legend_handles_labels() for axes in row]
    told = [(axes, handles, labels) for axes, (handles, labels) in zip(row, found, strict=True)]
    told = [one for one in told if len(one[2]) > 1]
    if len({tuple(labels) for _, _, labels in told}) == 1:
        _, handles, labels = told[0]
        figure.legend(
            handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False
        )
        return
    for axes, handles, labels in told:
        axes.legend(handles, labels, frameon=False, fontsize=8)


def _lines(axes: Any, panel: Panel) -> None:
    for place, one in enumerate(panel.series):
        if panel.kind == "steps":
            axes.step(one.x, one.y, where="post", label=one.name)
            continue
        marker = MARKERS[place % len(MARKERS)]
        (line,) = axes.plot(one.x, one.y, label=one.name, marker=marker, markersize=5, alpha=0.9)
        if one.spread is not None:
            y, spread = np.asarray(one.y), np.asarray(one.spread)
            axes.fill_between(one.x, y - spread, y + spread, color=line.get_color(), alpha=0.15)
    if panel.log_x:
        axes.set_xscale("log", base=2)
        ticks = sorted({x for one in panel.series for x in one.x})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    _framed(axes)


def _areas(axes: Any, panel: Panel) -> None:
    axes.stackplot(
        panel.series[0].x,
        *(one.y for one in panel.series),
        labels=[one.name for one in panel.series],
        alpha=0.85,
    )


def _bars(axes: Any, panel: Panel) -> None:
    width = 0.8 / len(panel.series)
    for place, one in enumerate(panel.series):
        at = np.arange(len(one.x)) + (place - (len(panel.series) - 1) / 2) * width
        axes.bar(at, one.y, width, yerr=one.spread, label=one.name, alpha=0.85, capsize=2)
    axes.set_xticks(
        range(len(panel.series[0].x)), panel.series[0].x, rotation=30, ha="right", fontsize=8
    )
    _framed(axes)


def _heatmap(axes: Any, panel: Panel) -> None:
    shown = axes.imshow(panel.matrix, aspect="auto", interpolation="nearest", cmap="viridis")
    axes.figure.colorbar(shown, ax=axes, shrink=0.85)
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), panel.rows, fontsize=8)
    if panel.columns:
        axes.set_xticks(range(len(panel.columns)), panel.columns, fontsize=7)


def _scatter(axes: Any, panel: Panel) -> None:
    for one in panel.series:
        shown = axes.scatter(one.x, one.y, c=one.colours, label=one.name, s=28, alpha=0.85)
        if one.colours is not None:
            axes.figure.colorbar(shown, ax=axes, shrink=0.85, label=one.name)
    _framed(axes)


def _graph(axes: Any, panel: Panel) -> None:
    places = ring(len(panel.matrix))
    for source, target, weight in edges(panel.matrix):
        axes.annotate(
            "",
            xy=places[target] * 0.96,
            xytext=places[source] * 0.96,
            arrowprops={
                "arrowstyle": "-|>",
                "alpha": min(1.0, 0.15 + weight),
                "linewidth": 0.4 + 2 * weight,
                "color": "C0",
                "connectionstyle": "arc3,rad=0.12",
            },
        )
    axes.scatter(places[:, 0], places[:, 1], s=60, color="C1", zorder=3)
    for name, (x, y) in zip(panel.rows, places, strict=False):
        axes.text(1.1 * x, 1.1 * y, name, ha="center", va="center", fontsize=7)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _framed(axes: Any) -> None:
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


DRAWN = {
    "lines": _lines,
    "steps": _lines,
    "areas": _areas,
    "bars": _bars,
    "heatmap": _heatmap,
    "scatter": _scatter,
    "graph": _graph,
}
