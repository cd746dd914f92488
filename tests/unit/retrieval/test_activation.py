"""Base level and strength: the approximation against the sum over all uses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.retrieval.activation import (
    DECAY,
    FLOOR,
    HALF_LIFE,
    SHORTEST,
    base_level,
    base_level_oracle,
    faded_strength,
    strengthened,
)

NOW, DAY = 1e9, 86400.0


def one(uses: int, last: float, created: float, now: float = NOW) -> float:
    return float(base_level([uses], [last], [created], now)[0])


def test_one_use_is_exact() -> None:
    for age in (1.0, SHORTEST, 3600.0, 100 * DAY):
        assert one(1, NOW - age, NOW - age) == pytest.approx(base_level_oracle([NOW - age], NOW))


@pytest.mark.parametrize("uses", [2, 5, 50, 500])
def test_uses_spread_evenly_are_nearly_exact(uses: int) -> None:
    """Petrov's approximation assumes just that; the rest is that a sum is no integral."""
    times = NOW - np.linspace(3600.0, 200 * DAY, uses)
    exact = base_level_oracle(times, NOW)
    assert one(uses, times.max(), times.min()) == pytest.approx(exact, abs=0.35)


@given(
    st.integers(1, 200),
    st.floats(SHORTEST, 1000 * DAY),
    st.floats(0, 1000 * DAY),
)
def test_it_lies_between_all_uses_long_ago_and_all_just_now(
    uses: int, recent: float, more: float
) -> None:
    found = one(uses, NOW - recent, NOW - recent - more)
    assert found >= one(1, NOW - recent, NOW - recent - more) - 1e-6
    assert found <= np.log(uses * recent**-DECAY) + 1e-6 or found == FLOOR
    assert np.isfinite(found)


def test_used_more_or_later_is_more_active_and_nothing_sinks_below_the_floor() -> None:
    levels = base_level([1, 3, 30], [NOW - DAY] * 3, [NOW - 30 * DAY] * 3, NOW)
    assert levels[0] < levels[1] < levels[2]
    assert one(1, NOW - DAY, NOW - DAY) > one(1, NOW - 2 * DAY, NOW - 2 * DAY)
    assert one(1, 0.0, 0.0, now=1e12) == FLOOR == base_level_oracle([0.0], 1e12)


def test_times_after_now_count_as_just_now() -> None:
    assert one(1, NOW + DAY, NOW + DAY) == one(1, NOW, NOW)


def test_strength_halves_with_each_half_life_and_grows_towards_one() -> None:
    np.testing.assert_allclose(
        faded_strength([0.8, 0.8, 0.8], NOW - np.array([0, HALF_LIFE, 2 * HALF_LIFE]), NOW),
        [0.8, 0.4, 0.2],
    )
    assert float(faded_strength(0.8, NOW + 5, NOW)) == 0.8
    grown = [0.5]
    for _ in range(50):
        grown.append(strengthened(grown[-1]))
    assert grown == sorted(grown)
    assert grown[1] == pytest.approx(0.6)
    assert 0.999 < grown[-1] <= 1.0
