"""How present a memory is: ACT-R's base-level activation, and synaptic strength.

Base level B = ln Σ tᵢ^-d over the times tᵢ since each use (Anderson & Schooler 1991), in the
approximation that keeps only the last use exactly (Petrov 2006): the n-1 earlier uses count as
spread evenly over the life of the memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

DECAY = 0.5
# Uses more recent than this are not told apart, in seconds.
SHORTEST = 60.0
# B of a memory that is a lifetime old; nothing sinks below it.
FLOOR = -0.5 * np.log(100 * 365 * 86400.0)

# Of the distance to 1 that one reading strengthens, and the time in which half of it is lost.
STRENGTHENING = 0.2
HALF_LIFE = 30 * 86400.0


def base_level(
    uses: ArrayLike, last: ArrayLike, created: ArrayLike, now: float
) -> NDArray[np.float64]:
    """B by memory, (n,).

    Args:
        uses: how often each was used, its writing included; at least 1.
        last, created: when it was last used, and written; seconds on the clock of `now`.
    """
    recent = np.maximum(now - np.asarray(last, float), SHORTEST)
    life = np.maximum(now - np.asarray(created, float), recent)
    earlier = np.maximum(np.asarray(uses, float) - 1, 0)
    # ∫ t^-d between the last use and the first, spread over the n - 1 earlier ones.
    spread = life ** (1 - DECAY) - recent ** (1 - DECAY)
    mean = np.where(
        life > recent * (1 + 1e-9),
        spread / ((1 - DECAY) * np.maximum(life - recent, 1e-9)),
        recent**-DECAY,
    )
    return np.maximum(np.log(recent**-DECAY + earlier * mean), FLOOR)


def base_level_oracle(times: ArrayLike, now: float) -> float:
    """B of one memory from all its uses, (n,): what `base_level` approximates."""
    since = np.maximum(now - np.asarray(times, float), SHORTEST)
    return float(max(np.log(np.sum(since**-DECAY)), FLOOR))


def faded_strength(strength: ArrayLike, last: ArrayLike, now: float) -> NDArray[np.float64]:
    """Synaptic strength in [0, 1] at `now`, half of it lost with each half-life unused."""
    idle = np.maximum(now - np.asarray(last, float), 0.0)
    return np.asarray(strength, float) * 0.5 ** (idle / HALF_LIFE)


def strengthened(strength: float, share: float = STRENGTHENING) -> float:
    """After one reading: a share of what is missing to 1 is added."""
    return strength + share * (1.0 - strength)
