"""Categories of unit vectors by adaptive resonance, and their tidying into the shortest account.

An item joins the category whose prototype is nearest among those that it resonates with, or founds
one (Carpenter & Grossberg 1987, with cosines in place of their pattern matches). That is fast and
forgets nothing, but what it founds depends on the order of the items and on the vigilance. `merged`
makes that good. A category is kept as the sum s of its n members, and |s|² = n + n(n-1)c gives
their cohesion c, the mean cosine of two different members, so that all this needs no items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Numbers = NDArray[np.int64]
Mode = Literal["fixed", "decreasing", "increasing", "category", "density"]

# Items more alike than this count as this much alike: their logarithms would know no bounds.
ALIKE = 0.98
# In few dimensions chance makes anything alike; items that are more than this alike may resonate.
UNLIKE = 0.8
# Rows at a time, so that no product grows with the square of the items.
BLOCK = 512


class Moments(NamedTuple):
    """What vigilance is decided from: counts (k,), |s|² (k,), |Σ s|², items seen, dimension."""

    counts: NDArray[Any]
    squares: Vector
    together: float
    seen: int
    dimension: int


@dataclass(frozen=True, eq=False)
class Categories:
    """Categories as a value: sums (k, d) of unit vectors, how many each sums (k,), items seen."""

    sums: Matrix
    counts: Numbers
    seen: int = 0

    @classmethod
    def empty(cls, dimension: int) -> Categories:
        return cls(np.zeros((0, dimension)), np.zeros(0, np.int64))

    @classmethod
    def gathered(cls, items: Matrix, labels: Numbers) -> Categories:
        """The state in which item i of (n, d) unit vectors is in category labels[i], of 0..k-1."""
        sums = np.zeros((int(labels.max(initial=-1)) + 1, items.shape[1]))
        np.add.at(sums, labels, items)
        return cls(sums, np.bincount(labels, minlength=len(sums)), len(items))

    @property
    def dimension(self) -> int:
        return self.sums.shape[1]

    @property
    def squares(self) -> Vector:
        """|s|², (k,)."""
        return np.einsum("kd,kd->k", self.sums, self.sums)

    @property
    def prototypes(self) -> Matrix:
        """Unit vectors (k, d)."""
        return self.sums / _lengths(self.squares)[:, None]

    @property
    def cohesion(self) -> Vector:
        """Mean cosine of two different members, (k,); 1 where there is only one member."""
        return cohesion(self.counts, self.squares)

    @property
    def moments(self) -> Moments:
        together = self.sums.sum(axis=0)
        return Moments(
            self.counts, self.squares, float(together @ together), self.seen, self.dimension
        )


def cohesion(counts: NDArray[Any], squares: Vector) -> Vector:
    """Mean cosine of two different members from n and |s|²; 1 where there is only one."""
    pairs = counts * (counts - 1)
    return np.where(pairs > 0, (squares - counts) / np.maximum(pairs, 1), 1.0)


def shown(counts: NDArray[Any], common: Vector | float) -> Vector:
    """The cosine to expect between a prototype of n members and a fellow of theirs.

    `common` is what any two of them have in common, c: then x·s = n c and |s|² = n + n(n-1)c.
    """
    return np.sqrt(counts / (1 + (counts - 1) * common)) * common


@dataclass(frozen=True)
class Vigilance(Config):
    """How near its prototype an item must be to join a category, in cosines.

    * `fixed`: `threshold`, always.
    * `decreasing`, `increasing`: from `threshold` towards `limit`, by exp(-seen / span).
    * `category`: what each category's own members show (`shown`), less `slack`.
    * `density`: a `share` of the way from what strangers show to what neighbours do, both learned
      from the categories so far; and more than what strangers have by `chance`.
    """

    mode: Mode = "density"
    # What is asked at first; the category and the density mode never ask less.
    threshold: float = 0.4
    # Where the decreasing and the increasing mode go; by default halfway to 0, or to 1.
    limit: float | None = None
    # In how many items they go there, but for 1/e of the way.
    span: float = 1000.0
    slack: float = 0.15
    share: float = 0.5
    # Deviations, of which strangers in d dimensions have 1/√d.
    chance: float = 4.0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise _refused("the mode of vigilance", " or ".join(get_args(Mode)), repr(self.mode))
        low = self.threshold if self.mode == "increasing" else 0.0
        high = self.threshold if self.mode == "decreasing" else 1.0
        limit = low if self.limit is None else self.limit
        for name, value, least, most in (
            ("threshold", self.threshold, 0.0, 1.0),
            ("limit", limit, low, high),
            ("span", self.span, 1e-9, 1e18),
            ("slack", self.slack, 0.0, 1.0),
            ("share", self.share, 0.0, 1.0),
            ("chance", self.chance, 0.0, 1e18),
        ):
            if not least <= value <= most:
                raise _refused(name, f"a number from {least:g} to {most:g}", repr(value))

    def asked(self, moments: Moments) -> Vector:
        """The cosine that each category asks for, (k,)."""
        counts = moments.counts
        if self.mode == "category":
            common = cohesion(counts, moments.squares)
            # One member alone has nothing in common with others yet.
            asks = np.where(counts > 1, shown(counts, np.maximum(common, 0)) - self.slack, 0)
            return np.maximum(asks, self.threshold)
        if self.mode == "density":
            return self._between(moments)
        return np.full(len(counts), self._at(moments.seen))

    def _at(self, seen: int) -> float:
        if self.mode == "fixed":
            return self.threshold
        end = 0.0 if self.mode == "decreasing" else 1.0
        limit = (self.threshold + end) / 2 if self.limit is None else self.limit
        return float(limit + (self.threshold - limit) * np.exp(-seen / self.span))

    def _between(self, moments: Moments) -> Vector:
        counts, squares, together, _, dimension = moments
        least = max(self.threshold, min(self.chance / np.sqrt(dimension), UNLIKE))
        asks = np.full(len(counts), least)
        total, inside, own = counts.sum(), counts @ counts, squares.sum()
        if inside == total:  # nobody has a neighbour yet
            return asks
        near = max((own - total) / (inside - total), 0.0)
        far = max((together - own) / max(total * total - inside, 1), 0.0)
        neighbours = shown(counts, near)
        strangers = counts * far / np.sqrt(counts * (1 + (counts - 1) * near))
        return np.maximum(asks, strangers + self.share * (neighbours - strangers))


DEFAULT = Vigilance()


def present(
    state: Categories, item: NDArray[Any], vigilance: Vigilance = DEFAULT
) -> tuple[int, Categories]:
    """One item (d,) of any length but zero: its category, and the state with it."""
    unit = units(np.asarray(item)[None], state.dimension)
    category = _resonating(state.sums @ unit[0], state.moments, vigilance)
    sums, counts = state.sums, state.counts
    if category == len(counts):
        sums, counts = np.concatenate([sums, unit]), np.append(counts, 1)
    else:
        sums, counts = sums.copy(), counts.copy()
        sums[category] += unit[0]
        counts[category] += 1
    return category, Categories(sums, counts, state.seen + 1)


def presented(
    state: Categories, items: NDArray[Any], vigilance: Vigilance = DEFAULT
) -> tuple[Numbers, Categories]:
    """`present` for all of (n, d) in turn: labels (n,) and the state after the last.

    The products of a block of items with all sums are one matrix; as an item joins, the products
    of those behind it change by its cosines with them, so sums are touched once a block.
    """
    units_ = units(items, state.dimension)
    labels = np.zeros(len(units_), np.int64)
    for start in range(0, len(units_), BLOCK):
        block = slice(start, start + BLOCK)
        labels[block], state = _presented_block(state, units_[block], vigilance)
    return labels, state


def settle(
    items: NDArray[Any], vigilance: Vigilance = DEFAULT, rounds: int = 2, least: int = 2
) -> tuple[Numbers, Categories]:
    """Categories of (n, d) items: labels (n,), numbered as they first appear, and the state.

    One pass of presenting; then, `rounds` times, categories are merged, those of fewer than `least`
    members dissolved where that fits, and every item put where it is nearest.
    """
    items = units(items)
    labels, state = presented(Categories.empty(items.shape[1]), items, vigilance)
    for _ in range(rounds):
        state, numbers = merged(state)
        labels = numbers[labels]
        state, numbers = pruned(state, least)
        labels = reassigned(items, numbers[labels], state)
        state = Categories.gathered(items, labels)
    return labels, state


def merged(state: Categories, floor: float = 0.25, cost: float = 5.0) -> tuple[Categories, Numbers]:
    """Categories that are one are made one: the state, and the new number of each old one, (k,).

    Average linkage, the mean cosine of a member of one with a member of the other, arranges them
    in a tree. A branch becomes one category if its members have at least `floor` in common and
    that makes for the shorter account of them: coding n members costs `cost` nats for the
    category, n log(N/n) to say that they are its, and what they say of each other
    (`information`) is saved. Noise is never worth splitting: by rate-distortion, naming the parts
    of a Gaussian cloud takes at least what it saves.
    """
    if len(state.counts) < 2:
        return state, np.arange(len(state.counts))
    pairs, counts, squares = tree(state)
    # Σ n log N is the same for all partitions.
    gain = information(counts, squares, state.dimension) + counts * np.log(counts) - cost
    loose = cohesion(counts, squares) < floor
    parent = np.arange(len(counts))
    whole = np.ones(len(counts), bool)
    for node, (one, other) in enumerate(pairs, start=len(state.counts)):
        parent[[one, other]] = node
        apart = gain[one] + gain[other]
        if loose[node] or apart > gain[node]:
            whole[node], gain[node] = False, apart
    top = np.arange(len(counts))
    for node in range(len(counts) - 2, -1, -1):
        above = top[parent[node]]
        top[node] = above if whole[above] else node
    return _renumbered(state, _in_order(top[: len(state.counts)]))


def information(counts: NDArray[Any], squares: Vector, dimension: int) -> Vector:
    """What the members of each category say of each other, in nats, (k,).

    The logarithm of how much likelier they are as Gaussian vectors of which each two have c in
    common than as strangers: -d/2 log det R, where R (n, n) has 1 on its diagonal and c elsewhere.
    Their cohesion is the likeliest c, at which tr(R⁻¹ X Xᵀ) = n, as it is for strangers.

    It is each category's own c. One that is pooled over all categories does as well where they are
    equally tight, but cuts up the loose ones where they are not.
    """
    common = np.clip(cohesion(counts, squares), 0, ALIKE)
    others = counts - 1
    return -dimension / 2 * (others * np.log1p(-common) + np.log1p(others * common))


def tree(state: Categories) -> tuple[list[tuple[int, int]], Vector, Vector]:
    """Average linkage between k categories: (pairs, counts, squares) of its nodes.

    Nodes 0..k-1 are the categories, node k + i joins pairs[i]; counts and squares are (2k-1,). All
    mutual nearest neighbours are joined at once, which gives the tree that joining the nearest of
    all one after the other does, since average linkage is reducible (Murtagh 1983).
    """
    sums, sizes = state.sums, state.counts.astype(float)
    live = np.arange(len(sizes))
    pairs: list[tuple[int, int]] = []
    counts, squares = [sizes], [state.squares]
    while len(live) > 1:
        nearest = _nearest(sums / sizes[:, None])
        here = np.arange(len(live))
        one = np.flatnonzero((nearest[nearest] == here) & (here < nearest))
        other = nearest[one]
        joined, joined_sizes = sums[one] + sums[other], sizes[one] + sizes[other]
        nodes = len(state.counts) + len(pairs) + np.arange(len(one))
        pairs += zip(live[one].tolist(), live[other].tolist(), strict=True)
        rest = np.delete(here, np.concatenate([one, other]))
        live = np.concatenate([live[rest], nodes])
        sums = np.concatenate([sums[rest], joined])
        sizes = np.concatenate([sizes[rest], joined_sizes])
        counts.append(joined_sizes)
        squares.append(np.einsum("kd,kd->k", joined, joined))
    return pairs, np.concatenate(counts), np.concatenate(squares)


def pruned(state: Categories, least: int, share: float = 0.5) -> tuple[Categories, Numbers]:
    """Categories of fewer than `least` members join a larger one: the state, and new numbers (k,).

    Each goes to the nearest prototype if it has there, on average, `share` of what the members
    have in common; where it has not, it is small but no stray, and stays.
    """
    small = state.counts < least
    if small.all() or not small.any():
        return state, np.arange(len(small))
    large, prototypes = np.flatnonzero(~small), state.prototypes
    target = large[(prototypes[small] @ prototypes[large].T).argmax(axis=1)]
    products = np.einsum("kd,kd->k", state.sums[small], state.sums[target])
    links = products / (state.counts[small] * state.counts[target])
    numbers = np.arange(len(small))
    numbers[small] = np.where(links >= share * state.cohesion[target], target, numbers[small])
    return _renumbered(state, _in_order(numbers))


def reassigned(items: Matrix, labels: Numbers, state: Categories) -> Numbers:
    """Each of (n, d) unit vectors to its nearest prototype: labels (n,), of 0..k-1 without gaps.

    A prototype leans towards each of its members, so that it is judged without the item; an item
    alone in its category has no such prototype, and stays.
    """
    squares = state.squares
    found = np.zeros(len(items), np.int64)
    for start in range(0, len(items), BLOCK):
        block = slice(start, start + BLOCK)
        own = labels[block]
        rows = np.arange(len(own))
        products = items[block] @ state.sums.T
        with_it = products[rows, own]
        cosines = products / _lengths(squares)
        without = (with_it - 1) / _lengths(squares[own] - 2 * with_it + 1)
        cosines[rows, own] = np.where(state.counts[own] > 1, without, np.inf)
        found[block] = cosines.argmax(axis=1)
    return _in_order(found)


def units(items: NDArray[Any], dimension: int | None = None) -> Matrix:
    """Rows of (n, d) scaled to length one, in float64; `InvalidInput` if they cannot be."""
    try:
        rows = np.asarray(items, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _refused("items", "numbers", str(error)) from error
    if rows.ndim != 2 or dimension not in (None, rows.shape[1]):
        wanted = "vectors" if dimension is None else f"vectors of {dimension} dimensions"
        raise _refused("items", wanted, f"an array of shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise _refused("items", "finite numbers", "NaN or infinity")
    # Scaled first by the largest, whose square may be out of range.
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    if not largest.all():
        raise _refused("items", "vectors with a direction", "a vector of zeros")
    scaled = rows / largest
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)


def _presented_block(
    state: Categories, items: Matrix, vigilance: Vigilance
) -> tuple[Numbers, Categories]:
    size, before = len(items), len(state.counts)
    # Room for a category of each item.
    products = np.zeros((size, before + size))
    products[:, :before] = items @ state.sums.T
    cosines = items @ items.T
    counts = np.append(state.counts, np.zeros(size, np.int64))
    squares = np.append(state.squares, np.zeros(size))
    together, k = state.moments.together, before
    labels = np.zeros(size, np.int64)
    for i in range(size):
        row = products[i, :k]
        moments = Moments(counts[:k], squares[:k], together, state.seen + i, state.dimension)
        labels[i] = j = _resonating(row, moments, vigilance)
        together += 2 * float(row.sum()) + 1
        k = max(k, j + 1)
        squares[j] += 2 * products[i, j] + 1
        counts[j] += 1
        products[i + 1 :, j] += cosines[i + 1 :, i]
    sums = np.concatenate([state.sums, np.zeros((k - before, state.dimension))])
    np.add.at(sums, labels, items)
    return labels, Categories(sums, counts[:k], state.seen + size)


def _resonating(products: Vector, moments: Moments, vigilance: Vigilance) -> int:
    """The category that an item with these products x·s (k,) joins; k if it founds one."""
    cosines = products / _lengths(moments.squares)
    resonant = np.flatnonzero(cosines >= vigilance.asked(moments))
    return int(resonant[cosines[resonant].argmax()]) if len(resonant) else len(cosines)


def _nearest(means: Matrix) -> Numbers:
    """For each row of (k, d) the other row of largest product, (k,)."""
    nearest, highest = np.zeros(len(means), np.int64), np.zeros(len(means))
    for start in range(0, len(means), BLOCK):
        links = means[start : start + BLOCK] @ means.T
        rows = np.arange(len(links))
        links[rows, start + rows] = -np.inf
        nearest[start : start + BLOCK] = links.argmax(axis=1)
        highest[start : start + BLOCK] = links.max(axis=1)
    # The nearest of all are each other's, even where a tie is rounded differently each way.
    first = int(highest.argmax())
    nearest[nearest[first]] = first
    return nearest


def _renumbered(state: Categories, numbers: Numbers) -> tuple[Categories, Numbers]:
    """The state in which old category i is part of numbers[i], of 0..k-1."""
    sums = np.zeros((int(numbers.max(initial=-1)) + 1, state.dimension))
    np.add.at(sums, numbers, state.sums)
    counts = np.zeros(len(sums), np.int64)
    np.add.at(counts, numbers, state.counts)
    return Categories(sums, counts, state.seen), numbers


def _in_order(labels: Numbers) -> Numbers:
    """The same partition, numbered 0, 1, ... as its parts first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _lengths(squares: Vector) -> Vector:
    """Square roots; opposite members may cancel, and then have no direction."""
    return np.sqrt(np.maximum(squares, 1e-12))


def _refused(what: str, expected: str, got: str) -> InvalidInput:
    return InvalidInput(
        f"{what} cannot be used", expected=expected, got=got, next_step="give what is expected"
    )
