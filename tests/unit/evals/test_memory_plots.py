"""Pictures of a memory: drawn from plain arrays, refused where there is nothing to draw."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.evals.memory_plots import (
    draw_activation,
    draw_associations,
    draw_categories,
    draw_recall_by_size,
    principal_components,
)

PNG = b"\x89PNG"
NAN = float("nan")
RNG = np.random.default_rng(0)
TIMES = np.arange(6.0)

PICTURES: list[Callable[[Path], None]] = [
    lambda path: draw_activation(TIMES, {"boat": TIMES, "_cat": [NAN] * 3 + [1, 2, 1]}, path),
    lambda path: draw_activation([0], {str(n): [n] for n in range(30)}, path, unit="hours"),
    lambda path: draw_categories(RNG.normal(size=(50, 8)), ["a", "b"] * 25, path),
    lambda path: draw_categories(RNG.normal(size=(60, 8)), [str(n % 30) for n in range(60)], path),
    lambda path: draw_categories([[1.0]], ["alone"], path),
    lambda path: draw_associations({"a": {"b": 1.0}, "b": {"a": 0.1, "c": 0.5}}, path),
    lambda path: draw_associations(
        {str(n): {str(n + 1): 0.5} for n in range(90)}, path, labels={"1": "one " * 20}
    ),
    lambda path: draw_recall_by_size({"bm25": {10: 0.9, 1000: 0.5}, "rrf": {10: 1.0}}, path),
    lambda path: draw_recall_by_size({"bm25": {0: 0.0}}, path),
]


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_written(picture: Callable[[Path], None], tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)


def test_what_is_drawn_can_be_seen(tmp_path: Path) -> None:
    """Other data, another picture; the same data, the same."""
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, weight in zip(paths, (0.1, 0.9, 0.1), strict=True):
        draw_associations({"a": {"b": weight, "c": 1.0}}, path)
    first, second, third = (path.read_bytes() for path in paths)
    assert first == third != second


def test_components_are_the_axes_of_most_variance() -> None:
    along = RNG.normal(size=200)
    rows = np.outer(along * 10, [0.6, 0.8, 0]) + np.outer(RNG.normal(size=200), [0, 0, 1])
    points, shares = principal_components(rows + 7)
    assert_allclose(points[:, 0], 10 * (along - along.mean()), atol=0.2)
    assert 0.97 < shares[0] < 1 and sum(shares) == pytest.approx(1)
    flipped, _ = principal_components(rows[::-1] + 7)
    assert_allclose(flipped[::-1], points, atol=1e-9)


def test_components_of_rows_without_variance() -> None:
    points, shares = principal_components(np.ones((3, 4)))
    assert_allclose(points, np.zeros((3, 2)))
    assert shares == [0, 0]


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (draw_activation, ([0, 1], {}), "nothing to draw"),
        (draw_activation, ([0, 1], {"a": [NAN, NAN]}), "nothing to draw"),
        (draw_activation, ([0, 1], {"a": [1]}), "do not fit"),
        (draw_activation, ([[0]], {"a": [1]}), "times cannot be drawn"),
        (draw_categories, (np.zeros((0, 3)), []), "nothing to draw"),
        (draw_categories, (np.zeros((2, 3)), ["a"]), "do not fit"),
        (draw_categories, ([1.0], ["a"]), "vectors cannot be drawn"),
        (draw_associations, ({"a": {}},), "nothing to draw"),
        (draw_recall_by_size, ({"a": {}},), "nothing to draw"),
    ],
)
def test_what_cannot_be_drawn(
    draw: Callable[..., None], arguments: tuple[Any, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=message):
        draw(*arguments, tmp_path / "p.png")
    assert not list(tmp_path.iterdir())


def test_matplotlib_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"memgraft\[plot\]"):
        draw_recall_by_size({"bm25": {10: 0.9}}, tmp_path / "p.png")
