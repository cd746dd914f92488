"""Pictures as data, which `pictures_png` and `pictures_html` draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# How a panel is drawn. Steps are lines that stay until the next point; areas are stacked.
KINDS = ("lines", "steps", "areas", "bars", "heatmap", "scatter", "graph")


@dataclass(frozen=True)
class Series:
    """Points with a name; `spread` is what each may be off by, such as a standard deviation.

    Of bars, x are names. Of a scatter, `colours` are numbers and `labels` are shown on hover.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    spread: Sequence[float] | None = None
    colours: Sequence[float] | None = None
    labels: Sequence[str] | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `matrix` is drawn by heatmaps, rows downwards, and by graphs, whose edges
    go from row to column."""

    title: str
    kind: str
    series: Sequence[Series] = ()
    matrix: Sequence[Sequence[float]] = ()
    x: str = ""
    y: str = ""
    limits: tuple[float, float] | None = None  # of y
    log_x: bool = False
    rows: Sequence[str] = ()  # names of the matrix's rows and columns
    columns: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """Panels side by side, under a title; the file is called `name`."""

    name: str
    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)


def ring(count: int) -> NDArray[np.float64]:
    """Places of so many nodes on a circle, (count, 2)."""
    angles = 2 * np.pi * np.arange(count) / max(1, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def edges(matrix: Sequence[Sequence[float]], least: float = 0.05) -> list[tuple[int, int, float]]:
    """Source, target and weight of the edges of at least so much, the weakest first."""
    weights = np.asarray(matrix, float)
    found = [(int(i), int(j), float(weights[i, j])) for i, j in np.argwhere(weights >= least)]
    return sorted(found, key=lambda edge: edge[2])


def principal(rows: NDArray[np.float64], count: int = 2) -> NDArray[np.float64]:
    """The first principal components of rows (n, d), as (n, count)."""
    centred = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[:count].T
    return np.pad(found, ((0, 0), (0, count - found.shape[1])))
