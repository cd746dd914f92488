"""Hebbian plasticity of a sparse directed graph, and the spreading of activation over it.

A graph is rows of edges {source: {target: weight}} with weights in (0, 1]; an edge that is not
there weighs nothing. Kernels take rows and give new rows. Each has a dense oracle beside it, for
which a graph is an (n, n) matrix, source by target, and activations are (n,).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

K = TypeVar("K", bound=Hashable)
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def checked(name: str, value: float, low: float = 0.0, high: float = math.inf) -> float:
    """The value, if it is finite and in [low, high]; else an `InvalidInput` that names it."""
    if math.isfinite(value) and low <= value <= high:
        return value
    raise InvalidInput(
        f"{name} cannot be used",
        expected=f"a finite number of at least {low:g}"
        + (f" and at most {high:g}" if high < math.inf else ""),
        got=repr(value),
        next_step="give a value in that range",
    )


@dataclass(frozen=True)
class STDP(Config):
    """Pair-based spike-timing-dependent plasticity; times in seconds.

    The exponential window was measured by Bi & Poo (1998); that depression outweighs potentiation
    by 5 % is from Song, Miller & Abbott (2000). They count in milliseconds, here it is the turns
    of a conversation. Under soft bounds pairs that come in either order equally often do not fade
    but settle near p / (p + d), a little below 1/2, both ways.
    """

    # What one pairing at once takes of the distance to 1, and one in reverse of the weight.
    potentiation: float = 0.2
    depression: float = 0.21
    # Lags at which either has fallen to 1/e.
    potentiation_time: float = 60.0
    depression_time: float = 60.0
    # Beyond this lag nothing is learned.
    window: float = 300.0

    def __post_init__(self) -> None:
        for name in ("potentiation", "depression"):
            checked(name, getattr(self, name), high=1.0)
        for name in ("potentiation_time", "depression_time", "window"):
            checked(name, getattr(self, name), low=1e-9)


def stdp(weight: float, lag: float, rule: STDP) -> float:
    """The weight of an edge after one pairing, its target `lag` seconds after its source.

    A target that comes later, or at once, potentiates by a share of 1 - w; one that came earlier
    depresses by a share of w. These soft bounds (van Rossum, Bi & Turrigiano 2000) keep the weight
    in [0, 1] without clipping, and make strong edges the easiest to weaken.
    """
    if abs(lag) > rule.window:
        return weight
    if lag >= 0:
        return weight + rule.potentiation * math.exp(-lag / rule.potentiation_time) * (1 - weight)
    return weight - rule.depression * math.exp(lag / rule.depression_time) * weight


def fired(
    rows: Mapping[K, Mapping[K, float]], trace: Mapping[K, float], key: K, at: float, rule: STDP
) -> dict[K, dict[K, float]]:
    """The rows that change when `key` fires; the graph is left as it was.

    The trace holds when others last fired, none of them after `at`: only the nearest firing of a
    pair counts. Edges from the trace to the key are potentiated, edges back are depressed, and both
    are potentiated for what fired at the same time.
    """
    changed: dict[K, dict[K, float]] = {}
    own = dict(rows.get(key, {}))
    for other, time in trace.items():
        lag = at - time
        if other == key or lag > rule.window:
            continue
        row = changed[other] = dict(rows.get(other, {}))
        row[key] = stdp(row.get(key, 0.0), lag, rule)
        if other in own or lag == 0:
            own[other] = stdp(own.get(other, 0.0), -lag, rule)
            changed[key] = own
    return changed


def fired_oracle(weights: Matrix, times: Vector, key: int, at: float, rule: STDP) -> Matrix:
    """`fired` on the whole matrix; times (n,) are NaN for what is not in the trace."""
    after = weights.copy()
    lags = at - times
    paired = (lags <= rule.window) & (np.arange(len(times)) != key)
    up = rule.potentiation * np.exp(-lags / rule.potentiation_time)
    down = rule.depression * np.exp(-lags / rule.depression_time)
    together, earlier = paired & (lags == 0), paired & (lags > 0)
    after[paired, key] += (up * (1 - weights[:, key]))[paired]
    after[key, together] += (up * (1 - weights[key]))[together]
    after[key, earlier] -= (down * weights[key])[earlier]
    return after


def faded(row: Mapping[K, float], elapsed: float, half_life: float, floor: float) -> dict[K, float]:
    """A row `elapsed` seconds later; edges that fall below the floor are gone."""
    factor = 0.5 ** (elapsed / half_life)
    return {key: weight * factor for key, weight in row.items() if weight * factor >= floor}


def faded_oracle(weights: Matrix, elapsed: Vector, half_life: float, floor: float) -> Matrix:
    """`faded` for all rows; elapsed (n,), one for each row."""
    later = weights * np.exp(-np.log(2) * elapsed / half_life)[:, None]
    return np.where(later >= floor, later, 0.0)


def strongest(row: Mapping[K, float], k: int) -> dict[K, float]:
    """The k strongest edges of a row; of equal ones those that come first."""
    if len(row) <= k:
        return dict(row)
    return dict(sorted(row.items(), key=lambda edge: -edge[1])[:k])


def strongest_oracle(weights: Matrix, k: int) -> Matrix:
    """`strongest` for all rows."""
    kept = np.zeros_like(weights)
    for source, row in enumerate(weights):
        best = np.argsort(-row, kind="stable")[:k]
        kept[source, best] = row[best]
    return kept


def received(rows: Mapping[K, Mapping[K, float]], active: Mapping[K, float]) -> dict[K, float]:
    """norm(W A): what activations W (non-negative) send along their edges, one hop.

    Two norms, one at each end of an edge. A source gives at most what it has: rows that weigh more
    than 1 are divided by their sum, so a hub gives each of its many targets little. A target gets
    at most the largest w_i A_ij, its strongest source through its edge alone: several sources can
    make up for what their hubs divide, and cannot lift what all of them are only weakly tied to.
    """
    total: dict[K, float] = {}
    most: dict[K, float] = {}
    for source, value in active.items():
        row = rows.get(source)
        if not row or not value:
            continue
        share = value / max(1.0, sum(row.values()))
        for target, weight in row.items():
            total[target] = total.get(target, 0.0) + share * weight
            alone = value * weight
            if alone >= most.get(target, 0.0):
                most[target] = alone
    return {target: min(together, most[target]) for target, together in total.items()}


def received_oracle(weights: Matrix, active: Vector) -> Vector:
    """`received` by its definition."""
    normalised = weights / np.maximum(1.0, weights.sum(axis=1, keepdims=True))
    return np.minimum(active @ normalised, (active[:, None] * weights).max(axis=0))


def spread(
    rows: Mapping[K, Mapping[K, float]], seeds: Mapping[K, float], hops: int, damping: float
) -> dict[K, float]:
    """Activations W of all that seeds S reach: W ← (1-a) S + a norm(W A), once for each hop.

    It starts at W = (1-a) S, so it is a walk with restart of `hops` steps (as in personalised
    PageRank) with the norm of `received`; damping a is in [0, 1), seeds are not negative. W does
    not shrink with more hops, and no activation exceeds the strongest seed.

    Bound. Let record k be no seed, A_k its heaviest edge from anything active, S_k the strongest
    seed that reaches it within the hops. Then

        W_k ≤ a · A_k · S_k   while   W_j ≥ (1-a) · S_j   for every seed j,

    so k stays below j if a · S_k < (1-a) · S_j; `safe_damping` is an `a` that grants this to all
    seeds. And under any damping, a seed that reaches k has a · W ≥ W_k, so it stays above k.

    Proof. The second part is the restart. Whatever i is, W_i ≤ S_i' with S_i' the strongest seed
    that reaches i or is i: it holds at the start, and a hop gives (1-a) S_i + a max_h W_h A_hi,
    where W_h ≤ S_h' ≤ S_i' and A_hi ≤ 1. For k there is no restart: a max_h W_h A_hk ≤ a A_k S_k.
    Lastly W_k ≤ a W_h for a source h one hop earlier; hop by hop this leads back to a seed at the
    latest at the start, where nothing else is active, and W does not shrink from there on.
    """
    kept = {key: (1 - damping) * value for key, value in seeds.items()}
    active = dict(kept)
    for _ in range(hops):
        arrived = received(rows, active)
        active = dict(kept)
        for key, value in arrived.items():
            active[key] = active.get(key, 0.0) + damping * value
    return active


def spread_oracle(weights: Matrix, seeds: Vector, hops: int, damping: float) -> Vector:
    """`spread` on the whole matrix, started one step earlier, at nothing."""
    active = np.zeros_like(seeds)
    for _ in range(hops + 1):
        active = (1 - damping) * seeds + damping * received_oracle(weights, active)
    return active


def safe_damping(seeds: Collection[float]) -> float:
    """The largest damping with which, by `spread`'s bound, nothing unseeded passes any seed.

    a · strongest = (1-a) · weakest: 1/2 for equal seeds, 0 where one of them is 0 or there are
    none. At equality, with an edge of weight 1, rounding decides.
    """
    if not seeds or not max(seeds) > 0:
        return 0.0
    return min(seeds) / (min(seeds) + max(seeds))
