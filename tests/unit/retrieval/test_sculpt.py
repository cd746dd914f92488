"""Sculpting a slot: the gradient is that of the loss, and the loop lowers it."""

from __future__ import annotations

import numpy as np
import pytest

from memgraft.retrieval.sculpt import (
    ANCHOR,
    PUSH,
    VIEWS,
    encoded_views,
    loss_gradient,
    sculpted,
    views,
)
from memgraft.retrieval.trace import Trace
from toys import ToyEncoder

WIDTH = 12


def units(count: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float64)


def loss(slot: np.ndarray, clean: np.ndarray, seen: np.ndarray, rivals: np.ndarray) -> float:
    """By its definition."""
    pull = np.mean((1 - seen @ slot) ** 2) / 2
    push = PUSH / 2 * np.sum((rivals @ slot) ** 2)
    return float(pull + push + ANCHOR / 2 * np.sum((slot - clean) ** 2))


@pytest.mark.parametrize("rivals", [0, 1, 8])
def test_the_gradient_is_that_of_finite_differences(rivals: int) -> None:
    clean, seen, others = units(1, 0)[0], units(4, 1), units(max(rivals, 1), 2)[:rivals]
    slot = units(1, 3)[0]
    found = loss_gradient(slot, clean, seen, others)
    for axis in range(WIDTH):
        step = 1e-6 * np.eye(WIDTH)[axis]
        up, down = (loss(slot + sign * step, clean, seen, others) for sign in (1, -1))
        assert found[axis] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_loop_finds_the_minimum_and_gives_it_at_unit_length(seed: int) -> None:
    clean, others = units(1, seed)[0], units(8, seed + 200)
    seen = np.vstack([clean, units(4, seed + 100) + 2 * clean])
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    hessian = seen.T @ seen / len(seen) + PUSH * others.T @ others + ANCHOR * np.eye(WIDTH)
    least = np.linalg.solve(hessian, seen.mean(axis=0) + ANCHOR * clean)
    found = sculpted(clean, seen, others, 200)
    np.testing.assert_allclose(found, least / np.linalg.norm(least), atol=1e-5)
    distances = [
        np.linalg.norm(sculpted(clean, seen, others, steps) - found) for steps in (0, 2, 8, 30)
    ]
    assert distances == sorted(distances, reverse=True)
    assert loss(least, clean, seen, others) < loss(clean, clean, seen, others)
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-6)


def test_no_steps_keep_the_vector() -> None:
    clean = units(1, 0)[0].astype(np.float32)
    assert np.array_equal(sculpted(clean, clean[None], units(3, 1), 0), clean)


def test_views_are_few_different_and_always_the_same() -> None:
    text = "My sister's wedding is on the 4th of June"
    found = views(text)
    assert found == views(text)
    assert 0 < len(found) <= VIEWS
    assert len(set(found)) == len(found)
    assert text not in found
    assert all(view.strip() for view in found)
    assert views("") == []


def test_encoded_views_begin_with_the_text_itself() -> None:
    encoder = ToyEncoder()
    traces = [Trace("1", "My boat is green"), Trace("2", "x", speaker="Ann")]
    found = encoded_views(traces, encoder)
    assert [len(rows) for rows in found] == [1 + len(views(t.text)) for t in traces]
    for rows, trace in zip(found, traces, strict=True):
        assert np.array_equal(rows[0], encoder.encode([trace.said])[0])
