"""Adaptive resonance: sums say what explicit cosines say, and settling finds what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.nn.art import (
    ALIKE,
    Categories,
    Matrix,
    Mode,
    Numbers,
    Vigilance,
    information,
    merged,
    present,
    presented,
    pruned,
    reassigned,
    settle,
    shown,
    tree,
    units,
)

SHUFFLES = 20

# How many items each category has.
SIZES = {
    "one": [60],
    "two": [100, 100],
    "three": [60] * 3,
    "two, unbalanced": [200, 20],
    "three, unbalanced": [200, 20, 20],
    "fifty": [6] * 50,
    "fifty, unbalanced": [60] + [6] * 49,
}
# (dimension, mean cosine of two items of one category). In 16 dimensions random categories of less
# than about 0.65 overlap so much that not even their true prototypes tell the items apart.
SETTINGS = [(16, 0.7), (16, 0.95), (64, 0.35), (64, 0.9), (384, 0.35), (384, 0.9)]


def clouds(
    seed: int, dimension: int, sizes: Sequence[int], common: float | Sequence[float]
) -> tuple[Matrix, Numbers]:
    """Random unit centres with Gaussian noise around each, and the category of each item."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = units(rng.standard_normal((len(sizes), dimension)))
    # Noise of this deviation adds 1/c - 1 to a squared length of 1, so two items have c in common.
    spread = np.sqrt((1 / np.broadcast_to(common, len(sizes)) - 1) / dimension)
    noise = spread[labels, None] * rng.standard_normal((len(labels), dimension))
    return units(centres[labels] + noise), labels


def v_measure(true: NDArray[Any], found: NDArray[Any]) -> float:
    """Harmonic mean of homogeneity and completeness (Rosenberg & Hirschberg 2007)."""

    def entropy(*labels: NDArray[Any]) -> float:
        _, counts = np.unique(np.stack(labels), axis=1, return_counts=True)
        shares = counts / counts.sum()
        return float(-(shares * np.log(shares)).sum())

    apart = entropy(true) + entropy(found)
    return 2 * (apart - entropy(true, found)) / apart if apart > 1e-12 else 1.0


def shuffles(items: Matrix, labels: Numbers) -> Iterator[tuple[Matrix, Numbers]]:
    for seed in range(SHUFFLES):
        order = np.random.default_rng(seed).permutation(len(items))
        yield items[order], labels[order]


def mean_cosine(one: Matrix, other: Matrix) -> float:
    return float(np.mean([a @ b for a in one for b in other]))


def same_parts(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(np.array_equal(one[:, None] == one, other[:, None] == other))


def random_pieces(items: Matrix, pieces: int, seed: int = 0) -> Numbers:
    labels = np.random.default_rng(seed).integers(0, pieces, len(items))
    return np.unique(labels, return_inverse=True)[1]


def test_v_measure_of_known_partitions() -> None:
    true = np.array([0, 0, 1, 1])
    assert v_measure(true, np.array([7, 7, 3, 3])) == pytest.approx(1)
    assert v_measure(true, np.array([0, 0, 0, 0])) == pytest.approx(0)
    assert v_measure(true, np.array([0, 1, 2, 3])) == pytest.approx(2 / 3)
    assert v_measure(np.zeros(3), np.zeros(3)) == 1


def test_the_clouds_are_as_tight_as_they_say() -> None:
    for dimension, common in SETTINGS:
        items, _ = clouds(3, dimension, [400], common)
        assert Categories.gathered(items, np.zeros(400, int)).cohesion == pytest.approx(
            common, abs=0.05
        )


# --- what sums and counts say -------------------------------------------------------------------


def test_prototypes_and_cohesion_are_those_of_the_members() -> None:
    items, _ = clouds(0, 12, [9, 6, 4], 0.6)
    labels = random_pieces(items, 4)
    state = Categories.gathered(items, labels)
    for category in range(4):
        inside = items[labels == category]
        cosines = [a @ b for a, b in combinations(inside, 2)]
        assert state.cohesion[category] == pytest.approx(np.mean(cosines))
        mean = inside.mean(axis=0)
        assert state.prototypes[category] == pytest.approx(mean / np.linalg.norm(mean))
    assert Categories.gathered(items[:1], np.zeros(1, int)).cohesion.tolist() == [1.0]


def test_information_is_the_ratio_of_two_gaussian_likelihoods() -> None:
    items, labels = clouds(1, 6, [7, 5, 2, 1], 0.7)
    state = Categories.gathered(items, labels)
    told = information(state.counts, state.squares, 6)

    def log_likelihood(rows: Matrix, common: float) -> float:
        """Of each coordinate of the members as one draw from N(0, R / d)."""
        n, dimension = rows.shape
        covariance = (common + (1 - common) * np.eye(n)) / dimension
        _, log_det = np.linalg.slogdet(covariance)
        spread = np.trace(rows.T @ np.linalg.solve(covariance, rows))
        return float(-(dimension * (log_det + n * np.log(2 * np.pi)) + spread) / 2)

    for category in range(3):
        rows, common = items[labels == category], float(state.cohesion[category])
        ratio = log_likelihood(rows, common) - log_likelihood(rows, 0.0)
        assert told[category] == pytest.approx(ratio)
        for other in (common - 0.02, common + 0.02):
            assert log_likelihood(rows, other) < log_likelihood(rows, common)
    assert told[3] == 0, "one alone says nothing of others"


def test_information_is_finite_for_the_same_thing_said_often() -> None:
    told = information(np.array([50]), np.array([2500.0]), 384)
    assert np.isfinite(told).all()
    assert told == information(np.array([50]), np.array([50 + 50 * 49 * ALIKE]), 384)


def test_shown_is_the_cosine_of_a_fellow_with_the_prototype() -> None:
    items, _ = clouds(2, 384, [2000], 0.5)
    for n in (1, 2, 10, 500):
        state = Categories.gathered(items[:n], np.zeros(n, int))
        cosines = items[1000:] @ state.prototypes[0]
        assert shown(state.counts, 0.5)[0] == pytest.approx(cosines.mean(), abs=0.03)


# --- vigilance ----------------------------------------------------------------------------------


def asked(vigilance: Vigilance, state: Categories, seen: int = 0) -> list[float]:
    return vigilance.asked(Categories(state.sums, state.counts, seen).moments).tolist()


@pytest.mark.parametrize(
    ("vigilance", "start", "middle", "end"),
    [
        (Vigilance("fixed", 0.6), 0.6, 0.6, 0.6),
        (Vigilance("decreasing", 0.8, 0.3, span=100), 0.8, 0.3 + 0.5 / np.e, 0.3),
        (Vigilance("increasing", 0.3, 0.8, span=100), 0.3, 0.8 - 0.5 / np.e, 0.8),
        (Vigilance("decreasing", 0.8, span=100), 0.8, 0.4 + 0.4 / np.e, 0.4),
        (Vigilance("increasing", 0.8, span=100), 0.8, 0.9 - 0.1 / np.e, 0.9),
    ],
)
def test_a_threshold_moves_with_what_was_seen(
    vigilance: Vigilance, start: float, middle: float, end: float
) -> None:
    items, labels = clouds(0, 8, [3, 5], 0.8)
    state = Categories.gathered(items, labels)
    for seen, threshold in ((0, start), (100, middle), (10_000, end)):
        assert asked(vigilance, state, seen) == pytest.approx([threshold] * 2)


def test_each_category_asks_for_what_its_own_members_have_in_common() -> None:
    items, labels = clouds(0, 64, [60, 60, 60, 1], [0.9, 0.5, 0.05, 0.9])
    state = Categories.gathered(items, labels)
    tight, loose, none, single = asked(Vigilance("category", 0.3, slack=0.1), state)
    assert tight == pytest.approx(np.sqrt(0.9) - 0.1, abs=0.03)
    assert loose == pytest.approx(np.sqrt(0.5) - 0.1, abs=0.05)
    assert none == single == 0.3, "and never less than the threshold"


def test_density_asks_for_a_share_of_the_way_from_strangers_to_neighbours() -> None:
    items, labels = clouds(0, 64, [40] * 6, 0.6)
    # All of them a bit alike, as sentences are.
    items = units(items + 0.7 * units(np.ones((1, 64))))
    state = Categories.gathered(items, labels)
    prototypes, own = state.prototypes, labels[:, None] == np.arange(6)
    cosines = items @ prototypes.T
    near, far = cosines[own].mean(), cosines[~own].mean()
    assert far > 0.2
    for share in (0.25, 0.75):
        threshold = asked(Vigilance("density", 0.0, share=share, chance=0), state)
        assert threshold == pytest.approx([far + share * (near - far)] * 6, abs=0.02)


def test_density_asks_for_more_than_chance_gives_before_it_has_learned() -> None:
    for dimension in (16, 64, 384):
        alone = Categories.gathered(np.eye(dimension)[:3], np.arange(3))
        [threshold, *_] = asked(Vigilance(threshold=0.1, chance=3), alone)
        assert threshold == pytest.approx(3 / np.sqrt(dimension))
        assert asked(Vigilance(threshold=0.97, chance=3), alone) == [0.97] * 3


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "loose"},
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"mode": "decreasing", "threshold": 0.5, "limit": 0.6},
        {"mode": "increasing", "threshold": 0.5, "limit": 0.4},
        {"span": 0},
        {"slack": -0.1},
        {"share": 2},
        {"chance": float("nan")},
        {"vigilence": 0.5},
    ],
)
def test_a_vigilance_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Vigilance.from_dict(fields)
    assert caught.value.expected
    assert caught.value.got
    assert caught.value.next_step


# --- presenting ---------------------------------------------------------------------------------


def test_an_item_joins_the_nearest_category_or_founds_one() -> None:
    east, north = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    fixed = Vigilance("fixed", 0.7)
    first, state = present(Categories.empty(3), east, fixed)
    second, state = present(state, north, fixed)
    near, state = present(state, np.array([5.0, 4.0, 0]), fixed)
    alone, state = present(state, np.array([1.0, 1.0, 2.0]), fixed)
    assert (first, second, near, alone) == (0, 1, 0, 2)
    assert state.counts.tolist() == [2, 1, 1]
    assert state.seen == 4
    assert state.sums[0] == pytest.approx(east + np.array([5, 4, 0]) / np.sqrt(41))


def test_the_nearest_category_is_passed_over_if_it_asks_for_more() -> None:
    angles = np.radians([0, 2, 40, 80])  # the first two tight, the others loose
    items = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    state = Categories.gathered(items, np.array([0, 0, 1, 1]))
    item = np.array([np.cos(np.radians(25)), np.sin(np.radians(25))])
    assert (state.prototypes @ item).argmax() == 0
    assert present(state, item, Vigilance("category", 0.3, slack=0.05))[0] == 1


def test_presenting_leaves_the_state_before_as_it_was() -> None:
    items, labels = clouds(0, 8, [5, 5], 0.9)
    state = Categories.gathered(items, labels)
    before = state.sums.copy(), state.counts.copy()
    present(state, items[0])
    presented(state, items)
    merged(state)
    pruned(state, 3)
    assert np.array_equal(state.sums, before[0])
    assert np.array_equal(state.counts, before[1])
    assert state.seen == 10


@pytest.mark.parametrize(
    "vigilance",
    [
        Vigilance("fixed", 0.6),
        Vigilance("decreasing", 0.6, span=50),
        Vigilance("increasing", 0.6, span=50),
        Vigilance("category", 0.6),
        Vigilance("density", 0.6),
        Vigilance("density", 0.0, share=0.9, chance=1),
    ],
    ids=str,
)
def test_many_are_presented_as_one_after_the_other(
    vigilance: Vigilance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.nn.art.BLOCK", 16)
    items, labels = clouds(4, 24, [30, 20, 5, 5], 0.6)
    # All of them a bit alike, so that it matters what strangers show.
    items = units(items + 0.4 * units(np.ones((1, 24))))
    items = items[np.random.default_rng(0).permutation(len(items))]
    start = one_by_one = Categories.gathered(items[:10], labels[:10])
    expected = []
    for item in items:
        category, one_by_one = present(one_by_one, item, vigilance)
        expected.append(category)
    found, state = presented(start, items, vigilance)
    assert found.tolist() == expected
    assert 2 < len(state.counts) < 60, "some joined, some did not"
    assert state.counts.tolist() == one_by_one.counts.tolist()
    assert state.sums == pytest.approx(one_by_one.sums)
    assert state.seen == one_by_one.seen == 70


@pytest.mark.parametrize(
    ("item", "got"),
    [
        (np.ones(4), "(1, 4)"),
        (np.ones((2, 3)), "(1, 2, 3)"),
        (np.array([1.0, np.nan, 0]), "NaN"),
        (np.array([1.0, np.inf, 0]), "infinity"),
        (np.zeros(3), "zeros"),
        (np.array(["a", "b", "c"]), "could not convert"),
    ],
)
def test_what_is_no_vector_is_refused(item: NDArray[Any], got: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        present(Categories.empty(3), item)
    assert got in caught.value.got
    assert caught.value.what
    assert caught.value.expected
    assert caught.value.next_step


def test_settling_refuses_them_too() -> None:
    for items in (np.ones(3), np.array([[1.0, 0], [0, 0]]), np.array([[1.0, np.nan]])):
        with pytest.raises(InvalidInput):
            settle(items)


def test_lengths_do_not_matter() -> None:
    items, _ = clouds(0, 16, [20, 20], 0.9)
    scales = 10.0 ** np.random.default_rng(0).uniform(-200, 200, (40, 1))
    assert np.array_equal(settle(scales * items)[0], settle(items)[0])


# --- merging ------------------------------------------------------------------------------------


def explicit_tree(items: Matrix, labels: Numbers) -> set[frozenset[int]]:
    """Average linkage by its definition: all pairs of items, the nearest two parts first."""
    parts = [frozenset(np.flatnonzero(labels == part).tolist()) for part in np.unique(labels)]
    nodes = set(parts)
    while len(parts) > 1:
        one, other = max(
            combinations(parts, 2),
            key=lambda pair: mean_cosine(items[list(pair[0])], items[list(pair[1])]),
        )
        parts = [part for part in parts if part not in (one, other)] + [one | other]
        nodes.add(one | other)
    return nodes


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("common", [0.3, 0.8])
def test_the_tree_is_average_linkage_of_explicit_cosines(
    seed: int, common: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.nn.art.BLOCK", 5)
    items, _ = clouds(seed, 8, [14, 8, 4], common)
    labels = random_pieces(items, 12, seed)
    state = Categories.gathered(items, labels)
    pairs, counts, squares = tree(state)
    nodes = [frozenset(np.flatnonzero(labels == part).tolist()) for part in range(len(state.sums))]
    for one, other in pairs:
        nodes.append(nodes[one] | nodes[other])
    assert set(nodes) == explicit_tree(items, labels)
    assert counts.tolist() == [len(node) for node in nodes]
    sums = np.array([items[list(node)].sum(axis=0) for node in nodes])
    assert squares == pytest.approx((sums**2).sum(axis=1))


def partitions(things: list[int]) -> Iterator[list[list[int]]]:
    if not things:
        yield []
        return
    first, *rest = things
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for i, part in enumerate(smaller):
            yield [*smaller[:i], [first, *part], *smaller[i + 1 :]]


@pytest.mark.parametrize("seed", range(6))
def test_merging_gives_the_shortest_account_of_all(seed: int) -> None:
    """Against all 877 partitions of seven pieces, by explicit cosines between their items."""
    items, true = clouds(seed, 64, [18, 12, 6], 0.5)
    pieces = 3 * true + np.random.default_rng(seed).integers(0, 3, len(true))
    pieces = np.minimum(pieces, 6)
    assert set(pieces.tolist()) == set(range(7))
    cosines = items @ items.T

    def account(partition: list[list[int]]) -> float:
        total = 0.0
        for part in partition:
            rows = np.flatnonzero(np.isin(pieces, part))
            n = len(rows)
            inner = cosines[np.ix_(rows, rows)]
            common = (inner.sum() - n) / (n * (n - 1)) if n > 1 else 0.0
            correlations = common + (1 - common) * np.eye(n)
            total += 5.0 - n * np.log(n / len(items)) + 32 * np.linalg.slogdet(correlations)[1]
        return total

    best = min(partitions(list(range(7))), key=account)
    state, numbers = merged(Categories.gathered(items, pieces))
    found = [np.flatnonzero(numbers == number).tolist() for number in range(len(state.counts))]
    assert sorted(found) == sorted(sorted(part) for part in best)
    assert same_parts(numbers[pieces], true)


def test_merging_keeps_the_members() -> None:
    items, _ = clouds(0, 16, [30, 30], 0.7)
    labels = random_pieces(items, 9)
    state, numbers = merged(Categories.gathered(items, labels))
    again = Categories.gathered(items, numbers[labels])
    assert state.sums == pytest.approx(again.sums)
    assert state.counts.tolist() == again.counts.tolist()
    assert state.seen == 60


@pytest.mark.parametrize(("dimension", "common"), [(16, 0.35), (16, 0.9), (384, 0.35), (384, 0.9)])
def test_a_cloud_is_one_however_it_was_cut(dimension: int, common: float) -> None:
    """Also into halves along its widest direction, and into each item for itself."""
    items, _ = clouds(5, dimension, [120], common)
    widest = np.linalg.svd(items - items.mean(axis=0))[2][0]
    halves = (items @ widest > np.median(items @ widest)).astype(int)
    for labels in (halves, random_pieces(items, 10), np.arange(120)):
        state, numbers = merged(Categories.gathered(items, labels))
        assert len(state.counts) == 1
        assert not numbers.any()


def test_those_with_too_little_in_common_are_never_one() -> None:
    items, labels = clouds(0, 8, [40, 40], 0.9)
    state = Categories.gathered(items, labels)
    link = mean_cosine(items[labels == 0], items[labels == 1])
    assert link < 0.5
    one, _ = merged(state, floor=0.0, cost=1e9)
    two, _ = merged(state, floor=0.8, cost=1e9)
    assert (len(one.counts), len(two.counts)) == (1, 2), "whatever a category costs"


def test_exact_ties_end() -> None:
    for items in (np.eye(16), np.ones((16, 16)), np.repeat(np.eye(4, 16), 4, axis=0)):
        pairs, counts, _ = tree(Categories.gathered(units(items), np.arange(16)))
        assert len(pairs) == 15
        assert counts[-1] == 16


# --- pruning and reassigning --------------------------------------------------------------------


def test_a_stray_joins_and_a_stranger_stays() -> None:
    items, _ = clouds(0, 64, [50, 50], 0.6)
    rng = np.random.default_rng(99)
    stray = units(items[:50].mean(axis=0)[None] + 0.1 * rng.standard_normal((1, 64)))
    stranger = units(rng.standard_normal((1, 64)))
    everything = np.concatenate([items, stray, stranger, stranger])
    labels = np.repeat([0, 1, 2, 3], [50, 50, 1, 2])
    state = Categories.gathered(everything, labels)
    links = [mean_cosine(stray, items[:50]), mean_cosine(stranger, items)]
    assert links[0] > 0.3 > links[1]
    after, numbers = pruned(state, 3)
    assert numbers.tolist() == [0, 1, 0, 2]
    assert after.counts.tolist() == [51, 50, 2]
    assert pruned(state, 1)[0].counts.tolist() == [50, 50, 1, 2], "none has fewer than one"
    assert pruned(state, 99)[0].counts.tolist() == [50, 50, 1, 2], "there is nothing larger"
    assert pruned(state, 3, share=1.0)[0].counts.tolist()[-1] == 2


def test_each_item_goes_where_it_is_nearest_without_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraft.nn.art.BLOCK", 7)
    items, _ = clouds(6, 6, [12, 12, 1], 0.5)
    labels = random_pieces(items, 5)
    labels[-1] = 5  # alone
    expected = []
    for i, item in enumerate(items):
        cosines = []
        for category in range(6):
            others = [j for j in np.flatnonzero(labels == category) if j != i]
            mean = items[others].sum(axis=0) if others else item
            cosines.append(item @ mean / np.linalg.norm(mean))
        expected.append(int(np.argmax(cosines)))
    found = reassigned(items, labels, Categories.gathered(items, labels))
    assert expected[-1] == 5
    assert same_parts(found, np.array(expected))
    assert sorted(set(found.tolist())) == list(range(found.max() + 1))
    assert not same_parts(found, labels)


def test_a_category_that_all_leave_is_gone() -> None:
    items = np.eye(3)[[0, 0, 1, 0, 1]]
    labels = np.array([0, 0, 1, 2, 2])
    found = reassigned(items, labels, Categories.gathered(items, labels))
    assert found.tolist() == [0, 0, 1, 0, 1]
    items, labels = items[[3, 4, 0, 0, 2, 2]], np.array([0, 0, 1, 1, 2, 2])
    found = reassigned(items, labels, Categories.gathered(items, labels))
    assert found.tolist() == [0, 1, 0, 0, 1, 1]


# --- the whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(("dimension", "common"), SETTINGS)
def test_settling_finds_the_categories_in_any_order(
    dimension: int, common: float, name: str
) -> None:
    sizes = SIZES[name]
    for items, labels in shuffles(*clouds(0, dimension, sizes, common)):
        found, state = settle(items)
        assert v_measure(labels, found) >= 0.95
        assert len(sizes) == 50 or len(state.counts) == len(sizes)


@pytest.mark.parametrize("dimension", [64, 384])
def test_categories_need_not_be_equally_tight(dimension: int) -> None:
    for items, labels in shuffles(*clouds(0, dimension, [100, 50, 50], [0.4, 0.6, 0.95])):
        assert same_parts(settle(items)[0], labels)


def test_where_categories_overlap_it_is_as_good_as_their_true_prototypes() -> None:
    """In 16 dimensions at 0.5: told the true categories, the nearest prototype errs as well."""
    found, ideal = [], []
    for seed in range(10):
        items, labels = clouds(seed, 16, [100, 100, 100], 0.5)
        truth = Categories.gathered(items, labels)
        ideal.append(v_measure(labels, reassigned(items, labels, truth)))
        found.append(v_measure(labels, settle(items)[0]))
    assert min(ideal) < 0.95
    assert np.mean(found) > np.mean(ideal) - 0.03


@pytest.mark.parametrize("mode", ["fixed", "decreasing", "increasing", "category", "density"])
def test_a_wrong_vigilance_is_made_good(mode: Mode) -> None:
    """As long as it is too high: what was founded together is not taken apart."""
    items, labels = clouds(1, 384, [20] * 10, 0.5)
    items, labels = next(shuffles(items, labels))
    vigilance = Vigilance(mode, 0.7)
    founded, _ = presented(Categories.empty(384), items, vigilance)
    found, _ = settle(items, vigilance)
    assert founded.max() > 20
    assert same_parts(found, labels)


def test_fixed_vigilance_alone_is_right_about_tight_categories() -> None:
    for items, labels in shuffles(*clouds(0, 64, [30] * 10, 0.9)):
        found, _ = presented(Categories.empty(64), items, Vigilance("fixed", 0.7))
        assert same_parts(found, labels)


@pytest.mark.parametrize(("dimension", "most"), [(16, 40), (64, 15), (384, 1)])
def test_strangers_are_not_made_one(dimension: int, most: int) -> None:
    """In few dimensions some are alike by chance; in many they stay alone."""
    items = np.random.default_rng(0).standard_normal((300, dimension))
    _, state = settle(items)
    assert state.counts.max() <= most


def test_in_few_dimensions_what_is_the_same_resonates() -> None:
    items = np.ones((3, 2)) + 0.01 * np.eye(3, 2)
    assert presented(Categories.empty(2), items)[0].tolist() == [0, 0, 0]


def test_settling_dissolves_the_tiny_that_are_akin() -> None:
    rng = np.random.default_rng(1)
    topic, akin = np.eye(96)[0], np.eye(96)[0] + 1.7 * np.eye(96)[1]
    many = topic + 0.08 * rng.standard_normal((60, 96))
    few = akin + 0.02 * rng.standard_normal((4, 96))
    items, vigilance = np.concatenate([many, few]), Vigilance(threshold=0.6)
    assert set(np.flatnonzero(settle(items, vigilance, least=4)[0])) == {60, 61, 62, 63}
    assert not settle(items, vigilance, least=5)[0].any()


def test_strangers_beside_a_category_do_not_join_it() -> None:
    items, labels = clouds(0, 384, [100, *[1] * 20], 0.5)
    found, _ = settle(items)
    assert set(np.flatnonzero(found == found[0])) == set(np.flatnonzero(labels == 0))


def test_labels_are_numbered_as_they_appear_and_the_state_is_theirs() -> None:
    items, _ = clouds(0, 64, [10, 20, 30], 0.8)
    found, state = settle(items[::-1])
    assert found[[0, 30, 50]].tolist() == [0, 1, 2]
    assert state.counts.tolist() == [30, 20, 10]
    assert state.sums == pytest.approx(Categories.gathered(items[::-1], found).sums)
    assert state.seen == 60


def test_one_item_and_none() -> None:
    found, state = settle(np.array([[0.0, 3.0]]))
    assert found.tolist() == [0]
    assert state.prototypes.tolist() == [[0.0, 1.0]]
    found, state = settle(np.zeros((0, 7)))
    assert found.tolist() == []
    assert (state.dimension, state.seen, len(state.counts)) == (7, 0, 0)
    empty, numbers = merged(Categories.empty(7))
    assert (len(empty.counts), len(numbers)) == (0, 0)
    assert pruned(Categories.empty(7), 2)[0].counts.tolist() == []


def test_opposites_do_not_resonate_and_do_not_break() -> None:
    items = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    assert settle(items)[0].tolist() == [0, 1]
    cancelled = Categories.gathered(items, np.zeros(2, int))
    assert np.isfinite(cancelled.prototypes).all()
    assert present(cancelled, items[0])[0] == 1
