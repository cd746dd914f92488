"""Sculpting: the gradient is that of the loss, and the loop ends where it is least."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

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

D = 24


def units(count: int, seed: int, near: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Random unit vectors, or some near another."""
    found = np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32) / np.sqrt(D)
    found = found if near is None else near + 0.7 * found
    return found / np.linalg.norm(found, axis=1, keepdims=True)


CLEAN = units(1, 0)[0]
VIEWED, RIVALS = units(6, 1, CLEAN), units(8, 2, CLEAN)


def loss(slot: NDArray[np.float64]) -> float:
    """As the docstring says it."""
    pull = np.mean([(1 - slot @ view) ** 2 for view in VIEWED])
    push = PUSH * sum((slot @ rival) ** 2 for rival in RIVALS)
    return float((pull + push + ANCHOR * np.sum((slot - CLEAN) ** 2)) / 2)


def test_the_gradient_is_that_of_the_loss() -> None:
    slot = units(1, 3)[0].astype(np.float64)
    found = loss_gradient(slot, CLEAN, VIEWED, RIVALS)
    step = 1e-5 * np.eye(D)
    slopes = [(loss(slot + one) - loss(slot - one)) / 2e-5 for one in step]
    assert found == pytest.approx(np.array(slopes), abs=1e-6)


def test_the_loop_ends_at_the_least_loss() -> None:
    matrix = VIEWED.T @ VIEWED / len(VIEWED) + PUSH * RIVALS.T @ RIVALS + ANCHOR * np.eye(D)
    least = np.linalg.solve(matrix.astype(np.float64), VIEWED.mean(axis=0) + ANCHOR * CLEAN)
    least /= np.linalg.norm(least)
    assert sculpted(CLEAN, VIEWED, RIVALS, 100) == pytest.approx(least, abs=1e-5)
    distances = [np.linalg.norm(sculpted(CLEAN, VIEWED, RIVALS, n) - least) for n in (0, 4, 12, 24)]
    assert distances == sorted(distances, reverse=True)
    assert distances[2] < 0.1 * distances[0]


def test_it_comes_nearer_to_its_views_and_leaves_its_rivals() -> None:
    slot = sculpted(CLEAN, VIEWED, RIVALS, 12)
    assert slot.dtype == np.float32
    assert np.linalg.norm(slot) == pytest.approx(1, abs=1e-6)
    margin = [(VIEWED @ m).mean() - (RIVALS @ m).mean() for m in (CLEAN, slot)]
    assert margin[1] > margin[0]


def test_no_steps_and_no_rivals() -> None:
    assert np.array_equal(sculpted(CLEAN, VIEWED, RIVALS, 0), CLEAN)
    alone = sculpted(CLEAN, CLEAN[None], np.zeros((0, D), np.float32), 12)
    assert alone == pytest.approx(CLEAN, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["My brother lives in Oslo.", "ok", "我最喜欢的颜色是蓝色", "🚀", "word " * 30_000]
)
def test_views_are_other_texts_and_always_the_same(text: str) -> None:
    found = views(text)
    assert found == views(text)
    assert text not in found
    assert len(found) == len(set(found)) <= VIEWS
    assert all(view.strip() for view in found)


def test_views_hold_questions_and_slips() -> None:
    found = views("My brother lives in Oslo.")
    assert any(view.endswith("?") for view in found)
    assert any(not view.endswith("?") and len(view) != 25 for view in found)


def test_encoded_views_begin_with_the_text() -> None:
    encoder = ToyEncoder()
    traces = [Trace("1", "My brother lives in Oslo."), Trace("2", "ok", speaker="Mira")]
    found = encoded_views(traces, encoder)
    for trace, rows in zip(traces, found, strict=True):
        assert (rows[0] == encoder.encode([trace.said])[0]).all()
        assert len(rows) == 1 + len(views(trace.text))
