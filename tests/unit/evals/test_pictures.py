"""Pictures as data, and both ways to draw them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memgraft.evals.pictures import KINDS, Panel, Picture, Series, edges, principal

LINE = Series("one", [1, 2, 4], [0.1, 0.5, 0.9], [0.0, 0.1, 0.1])
DOTS = Series("use", [1.0, 2.0], [3.0, 1.0], colours=[0.1, 0.9], labels=["a", "b"])
MATRIX = [[0.0, 0.8], [0.2, 0.0]]


def panel(kind: str) -> Panel:
    if kind in ("heatmap", "graph"):
        return Panel(kind, kind, matrix=MATRIX, rows=["a", "b"], columns=["a", "b"])
    if kind == "bars":
        return Panel(kind, kind, [Series("one", ["a", "b"], [1.0, 2.0], [0.1, 0.1])])
    return Panel(kind, kind, [DOTS if kind == "scatter" else LINE], limits=(0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_both_ways(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    from memgraft.evals.pictures_html import draw_html
    from memgraft.evals.pictures_png import draw_png

    picture = Picture(f"of-{kind}", f"A picture <of> {kind}", [panel(kind), panel("lines")])
    assert draw_png(picture, tmp_path).read_bytes().startswith(b"\x89PNG")
    page = draw_html([picture], tmp_path / "page.html", "Title").read_text()
    assert f"of-{kind}" in page
    assert "A picture &lt;of&gt;" in page


def test_edges_are_those_of_some_weight_the_weakest_first() -> None:
    assert edges(MATRIX) == [(1, 0, 0.2), (0, 1, 0.8)]
    assert edges(MATRIX, 0.5) == [(0, 1, 0.8)]


def test_principal_components_keep_distances_of_a_plane() -> None:
    flat = np.random.default_rng(0).normal(size=(9, 2)) @ np.array([[1.0, 0, 2], [0, 3, 1]])
    found = principal(flat)
    assert np.allclose(np.linalg.norm(found[0] - found[5]), np.linalg.norm(flat[0] - flat[5]))
    assert principal(np.ones((1, 1))).shape == (1, 2)
