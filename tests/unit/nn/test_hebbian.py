"""Hebbian kernels: equal to their dense oracles, within their bounds, and fair to hubs."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput
from memgraft.nn.hebbian import (
    STDP,
    Matrix,
    Vector,
    checked,
    faded,
    faded_oracle,
    fired,
    fired_oracle,
    received,
    received_oracle,
    safe_damping,
    spread,
    spread_oracle,
    stdp,
    strongest,
    strongest_oracle,
)

RULE = STDP(potentiation=0.3, depression=0.4, potentiation_time=20, depression_time=40, window=100)
Graph = dict[int, dict[int, float]]

weights = st.floats(0, 1)
lags = st.floats(-200, 200)


def graph(seed: int, n: int = 12, density: float = 0.4) -> Matrix:
    """Weights in (0, 1], no record linked to itself, some rows above 1 in sum and some below."""
    noise = np.random.default_rng(seed)
    drawn = (1 - noise.random((n, n))) * noise.choice([0.1, 1.0], (n, 1))
    drawn[noise.random((n, n)) > density] = 0.0
    np.fill_diagonal(drawn, 0.0)
    return drawn


def sparse(matrix: Matrix) -> Graph:
    rows = {i: {j: float(w) for j, w in enumerate(row) if w} for i, row in enumerate(matrix)}
    return {source: row for source, row in rows.items() if row}


def dense(rows: Graph, n: int) -> Matrix:
    matrix = np.zeros((n, n))
    for source, row in rows.items():
        for target, weight in row.items():
            matrix[source, target] = weight
    return matrix


def vector(values: dict[int, float], n: int) -> Vector:
    return np.array([values.get(i, 0.0) for i in range(n)])


def seeded(seed: int, n: int = 12) -> dict[int, float]:
    noise = np.random.default_rng(1000 + seed)
    return {int(i): float(noise.random()) for i in noise.choice(n, 4, replace=False)}


def close(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


# Plasticity


def test_pairings_of_known_numbers() -> None:
    assert stdp(0.5, 0.0, RULE) == pytest.approx(0.5 + 0.3 * 0.5)
    assert stdp(0.5, 20.0, RULE) == pytest.approx(0.5 + 0.3 * 0.5 / math.e)
    assert stdp(0.5, -40.0, RULE) == pytest.approx(0.5 - 0.4 * 0.5 / math.e)
    assert stdp(0.0, -1.0, RULE) == 0.0
    assert stdp(1.0, 1.0, RULE) == 1.0


def test_beyond_the_window_nothing_is_learned() -> None:
    assert stdp(0.5, 100.0, RULE) > 0.5 > stdp(0.5, -100.0, RULE)
    assert stdp(0.5, 100.1, RULE) == stdp(0.5, -100.1, RULE) == 0.5


@given(weights, st.lists(lags, max_size=30))
def test_weights_stay_between_zero_and_one(weight: float, pairings: list[float]) -> None:
    rule = STDP(potentiation=1.0, depression=1.0)
    for lag in pairings:
        moved = stdp(weight, lag, rule)
        assert 0.0 <= moved <= 1.0
        assert moved >= weight if lag >= 0 else moved <= weight
        weight = moved


@given(weights, st.floats(0, 100), st.floats(0, 100))
def test_the_nearer_the_stronger(weight: float, one: float, other: float) -> None:
    near, far = sorted([one, other])
    assert stdp(weight, near, RULE) >= stdp(weight, far, RULE)
    assert stdp(weight, -far - 1e-9, RULE) >= stdp(weight, -near - 1e-9, RULE)


@pytest.mark.parametrize("start", [0.0, 0.9])
def test_pairs_without_an_order_settle_below_the_middle(start: float) -> None:
    weight, rule = start, STDP()
    for _ in range(2000):
        weight = stdp(stdp(weight, 50.0, rule), -50.0, rule)
    balance = rule.potentiation / (rule.potentiation + rule.depression)
    assert weight == pytest.approx(balance, abs=0.05)
    assert weight < 0.5


@pytest.mark.parametrize("seed", range(8))
def test_firing_equals_its_oracle(seed: int) -> None:
    matrix, n, at, key = graph(seed), 12, 1000.0, seed % 12
    noise = np.random.default_rng(seed)
    times = at - noise.choice([0.0, 0.5, 3.0, 30.0, 100.0, 101.0], n)
    times[noise.random(n) < 0.3] = np.nan
    trace = {i: float(time) for i, time in enumerate(times) if not math.isnan(time)}
    rows = sparse(matrix)
    before = copy.deepcopy(rows)
    changed = fired(rows, trace, key, at, RULE)
    assert rows == before
    expected = fired_oracle(matrix, times, key, at, RULE)
    close(dense({**rows, **changed}, n), expected)
    moved = {int(i) for i in np.flatnonzero((expected != matrix).any(axis=1))}
    assert moved, "the problem has pairs"
    assert set(changed) == moved


def test_an_edge_that_is_not_there_is_not_depressed_into_being() -> None:
    assert fired({}, {1: 0.0}, 2, 5.0, RULE) == {1: {2: stdp(0.0, 5.0, RULE)}}
    together = fired({}, {1: 5.0}, 2, 5.0, RULE)
    assert together == {1: {2: 0.3}, 2: {1: 0.3}}


@pytest.mark.parametrize("seed", range(4))
def test_fading_equals_its_oracle(seed: int) -> None:
    matrix = graph(seed)
    elapsed = np.random.default_rng(seed).random(12) * 40
    rows = {i: faded(row, float(elapsed[i]), 10.0, 0.05) for i, row in sparse(matrix).items()}
    expected = faded_oracle(matrix, elapsed, 10.0, 0.05)
    assert 0 < np.count_nonzero(expected) < np.count_nonzero(matrix)
    assert sum(map(len, rows.values())) == np.count_nonzero(expected)
    close(dense(rows, 12), expected)


def test_half_is_left_after_the_half_life_and_nothing_below_the_floor() -> None:
    assert faded({"a": 0.8, "b": 0.2}, 7.0, 7.0, 0.15) == {"a": 0.4}
    assert faded({"a": 0.8}, 0.0, 7.0, 0.8) == {"a": 0.8}


@pytest.mark.parametrize("k", [1, 3, 12])
def test_the_strongest_equal_their_oracle(k: int) -> None:
    matrix = np.round(graph(k, density=0.8), 1)  # rounded, so that there are equals
    rows = {i: strongest(row, k) for i, row in sparse(matrix).items()}
    assert max(len(row) for row in sparse(matrix).values()) > 3
    close(dense(rows, 12), strongest_oracle(matrix, k))


def test_of_equal_edges_the_first_are_kept() -> None:
    assert strongest({"a": 0.2, "b": 0.5, "c": 0.2, "d": 0.1}, 2) == {"b": 0.5, "a": 0.2}


# Spreading


@pytest.mark.parametrize("seed", range(6))
def test_one_hop_equals_its_oracle(seed: int) -> None:
    matrix, active = graph(seed), seeded(seed)
    close(vector(received(sparse(matrix), active), 12), received_oracle(matrix, vector(active, 12)))


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
@pytest.mark.parametrize("damping", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("density", [0.1, 0.4, 1.0])
def test_spreading_equals_its_oracle(hops: int, damping: float, density: float) -> None:
    for seed in range(5):
        matrix, seeds = graph(seed, density=density), seeded(seed)
        fast = spread(sparse(matrix), seeds, hops, damping)
        close(vector(fast, 12), spread_oracle(matrix, vector(seeds, 12), hops, damping))


def test_a_chain_of_known_numbers() -> None:
    rows = {"a": {"b": 0.8}, "b": {"c": 0.6}}
    assert spread(rows, {"a": 1.0}, 0, 0.5) == {"a": 0.5}
    assert spread(rows, {"a": 1.0}, 1, 0.5) == pytest.approx({"a": 0.5, "b": 0.2})
    two = spread(rows, {"a": 1.0}, 2, 0.5)
    assert two == pytest.approx({"a": 0.5, "b": 0.2, "c": 0.06})
    assert spread({}, {"a": 1.0, "b": 0.0}, 3, 0.25) == {"a": 0.75, "b": 0.0}
    assert spread(rows, {}, 3, 0.25) == {}
    assert spread(rows, {"a": 0.0}, 3, 0.25) == {"a": 0.0}, "a seed of nothing reaches nothing"


@pytest.mark.parametrize("damping", [0.1, 0.5, 0.99])
def test_two_hops_bring_less_than_one(damping: float) -> None:
    rows = {"a": {"b": 1.0}, "b": {"c": 1.0}, "c": {"d": 1.0}}
    found = spread(rows, {"a": 1.0}, 3, damping)
    assert found["a"] > found["b"] > found["c"] > found["d"] > 0
    assert "c" not in spread(rows, {"a": 1.0}, 1, damping)


def test_edges_lead_one_way() -> None:
    assert spread({"a": {"b": 1.0}}, {"b": 1.0}, 4, 0.5) == {"b": 0.5}


def reaching(matrix: Matrix, seeds: Vector, hops: int) -> Vector:
    """The strongest seed that reaches each record in 1 to `hops` hops, walk by walk."""
    best, now = np.zeros_like(seeds), seeds
    for _ in range(hops):
        now = ((matrix > 0) * now[:, None]).max(axis=0)
        best = np.maximum(best, now)
    return best


@pytest.mark.parametrize("hops", [1, 2, 4, 30])
@pytest.mark.parametrize("damping", [0.2, 0.5, 0.95])
@pytest.mark.parametrize("density", [0.1, 0.3, 0.9])
def test_the_bound_holds(hops: int, damping: float, density: float) -> None:
    brought = 0
    for seed in range(10):
        matrix, seeds = graph(seed, density=density), vector(seeded(seed), 12)
        found = vector(spread(sparse(matrix), seeded(seed), hops, damping), 12)
        earlier = spread_oracle(matrix, seeds, hops - 1, damping)
        reach = reaching(matrix, seeds, hops)
        heaviest = (matrix * (earlier > 0)[:, None]).max(axis=0)
        unseeded = seeds == 0
        brought += np.count_nonzero(found[unseeded])
        assert (found <= damping * heaviest * reach + 1e-12)[unseeded].all()
        assert (found >= (1 - damping) * seeds - 1e-12).all()
        assert (found >= earlier - 1e-12).all(), "no activation shrinks with more hops"
        assert found.max() <= seeds.max() + 1e-12
        # Somebody who reaches it ends above it, whatever the damping.
        above = reaching(matrix, np.where(unseeded, 0.0, found), hops)
        assert (found <= damping * above + 1e-12)[unseeded].all()
    assert brought > 10


def test_the_bound_is_nearly_reached() -> None:
    """So it cannot be had for less: one seed, one edge, little damping."""
    found = spread({"a": {"k": 0.7}}, {"a": 1.0}, 1, 0.01)
    assert found["k"] == pytest.approx(0.01 * 0.7 * 1.0, rel=0.011)


def test_many_weak_ties_are_not_a_strong_one() -> None:
    """What every seed is a little tied to stays as low as its strongest tie allows."""
    rows = {seed: {99: 0.2} for seed in range(10)}
    found = spread(rows, dict.fromkeys(range(10), 1.0), 1, 0.5)
    assert found[99] == pytest.approx(0.5 * 0.5 * 0.2)


def test_several_sources_make_up_for_what_their_hubs_divide() -> None:
    fan = {100 + i: 1.0 for i in range(9)}
    rows = {source: {**fan, 1: 1.0} for source in (10, 11, 12)}
    one = spread({10: rows[10]}, {10: 1.0}, 1, 0.5)
    three = spread(rows, {10: 1.0, 11: 1.0, 12: 1.0}, 1, 0.5)
    assert one[1] == pytest.approx(0.25 / 10)
    assert three[1] == pytest.approx(3 * one[1])


def test_a_hub_gives_each_of_many_little_and_all_no_more_than_it_has() -> None:
    hub = dict.fromkeys(range(100, 200), 1.0)
    found = spread({1: hub, 2: {3: 0.5}}, {1: 1.0, 2: 1.0}, 1, 0.5)
    assert found[3] > 40 * found[100]
    assert sum(found[target] for target in hub) <= found[1]


def test_a_hub_that_everything_leads_to_does_not_swallow_what_seeds_have_of_their_own() -> None:
    rows = {seed: {99: 0.5, 100 + seed: 0.5} for seed in range(50)}
    found = spread(rows, dict.fromkeys(range(50), 1.0), 1, 0.5)
    assert found[99] == pytest.approx(found[100])
    assert found[99] < min(found[seed] for seed in range(50))


@pytest.mark.parametrize("seed", range(10))
def test_a_safe_damping_keeps_what_is_unseeded_below_every_seed(seed: int) -> None:
    seeds, rows = seeded(seed), sparse(graph(seed, density=0.8))
    found = spread(rows, seeds, 4, safe_damping(seeds.values()))
    weakest = min(found[key] for key in seeds)
    assert len(found) > len(seeds)
    assert all(value <= weakest for key, value in found.items() if key not in seeds)


def test_a_bolder_damping_may_lift_what_is_unseeded_above_a_weak_seed() -> None:
    seeds, rows = {"hit": 1.0, "weak": 0.25}, {"hit": {"tied": 0.9}}
    assert safe_damping(seeds.values()) == pytest.approx(0.2)
    careful, bold = (spread(rows, seeds, 1, damping) for damping in (0.2, 0.5))
    assert careful["tied"] < careful["weak"]
    assert bold["weak"] < bold["tied"] < bold["hit"]


def test_safe_dampings_of_known_seeds() -> None:
    assert safe_damping([3.0, 3.0]) == 0.5
    assert safe_damping([]) == safe_damping([0.0]) == safe_damping([1.0, 0.0]) == 0.0


def test_only_rows_of_what_is_active_are_looked_at() -> None:
    seen = set()

    class Watched(dict[int, dict[int, float]]):
        def get(self, key: int, default: Any = None) -> Any:
            seen.add(key)
            return super().get(key, default)

        def __iter__(self) -> Any:
            raise AssertionError("every row was visited")

        keys = values = items = __iter__  # type: ignore[assignment]

    rows = Watched({i: {i + 1: 0.5} for i in range(1000)})
    spread(rows, {5: 1.0}, 3, 0.5)
    assert seen == {5, 6, 7}


# Values that cannot be used


@pytest.mark.parametrize(
    "values",
    [
        {"potentiation": 1.1},
        {"potentiation": -0.1},
        {"depression": math.nan},
        {"potentiation_time": 0.0},
        {"depression_time": -1.0},
        {"window": math.inf},
    ],
    ids=str,
)
def test_a_rule_out_of_bounds_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(values))):
        STDP(**values)


def test_refusals_say_what_was_expected_and_what_came() -> None:
    assert checked("a", 0.5, 0.5, 0.5) == 0.5
    with pytest.raises(InvalidInput) as caught:
        checked("the damping", math.nan, high=1.0)
    assert str(caught.value) == (
        "the damping cannot be used; expected: a finite number of at least 0 and at most 1; "
        "got: nan; next: give a value in that range"
    )
