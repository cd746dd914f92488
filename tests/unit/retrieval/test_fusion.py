"""The z-scored sum: what leads by much in one signal leads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memgraft.retrieval.fusion import z_scores
from memgraft.retrieval.fusion import z_sum as weighted

Columns = dict[str, np.ndarray]


def z_sum(signals: Columns, weights: dict[str, float] | None = None, absolute: str = "") -> Any:
    """Every signal weighs 1 unless it is said otherwise."""
    return weighted(signals, weights or dict.fromkeys(signals, 1.0), frozenset(absolute.split()))


def test_scores_have_mean_zero_and_deviation_one() -> None:
    scores = z_scores(np.array([1.0, 2.0, 6.0]))
    assert scores.mean() == pytest.approx(0)
    assert scores.std() == pytest.approx(1)
    assert scores[2] == pytest.approx(3 / np.std([1.0, 2.0, 6.0]))


@pytest.mark.parametrize("column", [[3.0], [0.7, 0.7, 0.7], [0.1 + 0.2, 0.3], [0.0, 0.0]])
def test_a_constant_column_says_nothing(column: list[float]) -> None:
    assert z_scores(np.array(column)).tolist() == [0.0] * len(column)


def test_neither_scale_nor_offset_of_a_signal_matters() -> None:
    cosine, words = np.array([0.1, 0.5, 0.3]), np.array([4.0, 0.0, 1.0])
    fused = z_sum({"cosine": cosine, "bm25": words})
    rescaled = z_sum({"cosine": 100 * cosine - 7, "bm25": words / 3})
    assert rescaled == pytest.approx(fused)


def test_a_clear_lead_in_one_signal_beats_small_ones_in_the_other() -> None:
    fused = z_sum({"cosine": np.array([0.52, 0.51, 0.50]), "bm25": np.array([0.0, 0.1, 9.0])})
    ranks = {"cosine": [0, 1, 2], "bm25": [2, 1, 0]}
    assert sum(rank[0] for rank in ranks.values()) == sum(rank[2] for rank in ranks.values())
    assert fused[2] > 0, "which reciprocal ranks would call a draw"
    single = z_sum({"cosine": np.array([0.5, 0.5, 0.5]), "bm25": np.array([0.0, 0.1, 9.0])})
    assert int(single.argmax()) == 2


def test_the_sum_is_the_sum() -> None:
    first, second = np.array([1.0, 2.0, 4.0]), np.array([5.0, 3.0, 3.0])
    assert z_sum({"a": first, "b": second}) == pytest.approx(z_scores(first) + z_scores(second))


def test_weights_scale_and_a_missing_one_counts_nothing() -> None:
    first, second = np.array([1.0, 2.0, 4.0]), np.array([5.0, 3.0, 3.0])
    fused = z_sum({"a": first, "b": second}, {"a": 2.0})
    assert fused == pytest.approx(2 * z_scores(first))


def test_an_absolute_signal_is_added_as_it_is() -> None:
    fused = z_sum({"a": np.array([1.0, 1.0]), "b": np.array([0.0, 1.0])}, absolute="a")
    assert fused == pytest.approx(1 + z_scores(np.array([0.0, 1.0])))
