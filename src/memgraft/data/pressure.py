"""More items than a memory has room for, only some of which will ever be asked for.

Pairs of key and value, then some keys, whose values are due. Keys come in two kinds that their ids
tell apart: those of the first kind may be asked for, those of the second never are. So a memory
that has little room does best to forget the second, which nobody tells it to.

Ids: 0 asks; then keys of the first kind, keys of the second, values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

IGNORED = -100
ASK = 0

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class PressureConfig(Config):
    """What sequences are like."""

    keys: int = 64  # ids of each kind
    values: int = 16
    asked: int = 4  # keys that are asked for

    def __post_init__(self) -> None:
        for name in ("keys", "values", "asked"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is at least 1", got=str(getattr(self, name)))

    @property
    def vocabulary(self) -> int:
        return 1 + 2 * self.keys + self.values

    def matters(self, ids: Ids) -> NDArray[np.bool_]:
        """Which ids are keys of the first kind."""
        return (ids > ASK) & (ids <= self.keys)


def sequences(config: PressureConfig, items: int, count: int, seed: int) -> tuple[Ids, Ids, Ids]:
    """So many sequences of so many items: inputs and targets (count, tokens), ages (count, asked).

    Half of the items, and at least as many as are asked, have keys of the first kind; no key comes
    twice. An age is how many items came after the one that is asked for, in the order of the
    questions. Targets are -100 where nothing is due.
    """
    first = max(config.asked, items // 2)
    if first > config.keys or not config.asked <= items or items - first > config.keys:
        raise InvalidInput(
            "the items do not fit the keys",
            expected=f"{config.asked} to {2 * config.keys}",
            got=str(items),
        )
    rng = np.random.default_rng([seed, items])
    tokens = 2 * items + 2 * config.asked
    inputs = np.full((count, tokens), ASK)
    targets = np.full((count, tokens), IGNORED)
    ages = np.zeros((count, config.asked), np.int64)
    for row in range(count):
        one = 1 + rng.choice(config.keys, first, replace=False)
        other = 1 + config.keys + rng.choice(config.keys, items - first, replace=False)
        keys = rng.permutation(np.concatenate([one, other]))
        values = 1 + 2 * config.keys + rng.integers(config.values, size=items)
        inputs[row, : 2 * items : 2], inputs[row, 1 : 2 * items : 2] = keys, values
        which = rng.choice(np.flatnonzero(config.matters(keys)), config.asked, replace=False)
        inputs[row, 2 * items + 1 :: 2] = keys[which]
        targets[row, 2 * items + 1 :: 2] = values[which]
        ages[row] = items - 1 - which
    return inputs, targets, ages
