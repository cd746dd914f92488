"""Sequences whose answers lie far outside a window, as token ids: recall, copy, latest.

Made like language: an answer is the next token, of tokens that the sequence itself has shown.

- recall: pairs of key and value, filler, then keys, whose values are due (the value does not
  follow). As in associative recall (arXiv 1610.06258), at a distance.
- copy: different symbols after a start mark, filler, then a mark at which they are due again, one
  after the other, each shown once it was due.
- latest: a mark with a symbol after it, several times; filler; at the last mark the symbol that
  followed the one before is due, and no earlier one.

Filler has ids of its own, so the sequence alone proves the answer. Ids: 0 asks for a key, 1 starts
a copy, 2 is the mark of latest; then symbols (keys, and what is copied), values, filler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

IGNORED = -100
TASKS = ("recall", "copy", "latest")
ASK, START, MARK = 0, 1, 2
MARKS = 3

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class LongRangeConfig(Config):
    """What sequences are like."""

    window: int = 8  # tokens; distances count in windows
    pairs: int = 4  # keys with a value, in recall
    asked: int = 4  # of them that are asked for; one, to measure
    copied: int = 6  # symbols, in copy
    updates: int = 3  # marks with a symbol, in latest
    symbols: int = 16  # ids of keys and of what is copied
    values: int = 16
    filler: int = 8

    def __post_init__(self) -> None:
        for name in ("window", "pairs", "asked", "copied", "updates", "values", "filler"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is at least 1", got=str(getattr(self, name)))
        if self.symbols < max(self.pairs, self.copied):
            raise InvalidInput("there are fewer symbols than pairs or copied ones")
        if self.asked > self.pairs:
            raise InvalidInput("asked are of the pairs", expected=f"1 to {self.pairs}")

    @property
    def vocabulary(self) -> int:
        return MARKS + self.symbols + self.values + self.filler

    def tokens(self, distance: int) -> int:
        """Length of a sequence over a distance of so many windows, whatever its task."""
        shown = max(2 * self.pairs, self.copied + 1, 2 * self.updates + self.window // 2)
        asked = max(2 * self.asked, self.copied, 1)
        return shown + distance * self.window + asked + self.window


def sequences(
    config: LongRangeConfig, task: str, distance: int, count: int, seed: int
) -> tuple[Ids, Ids]:
    """So many of a task: inputs and targets, (count, tokens) each; -100 where nothing is due.

    Between the last token that was shown and the first that asks lie `distance` windows of filler,
    so every answer is at least so far away. What is left of the length comes before, as filler.
    """
    if task not in TASKS:
        raise InvalidInput(f"there is no task {task!r}", expected=", ".join(TASKS))
    if distance < 0:
        raise InvalidInput("a distance is at least 0 windows", got=str(distance))
    rng = np.random.default_rng([seed, TASKS.index(task), distance])
    length = config.tokens(distance)
    first = MARKS + config.symbols + config.values
    inputs = rng.integers(first, first + config.filler, (count, length))
    targets = np.full((count, length), IGNORED)
    make = {"recall": _recall, "copy": _copy, "latest": _latest}[task]
    for row in range(count):
        shown, asked, due = make(config, rng)
        spare = length - len(shown) - distance * config.window - len(asked)
        begin = int(rng.integers(spare + 1))
        again = begin + len(shown) + distance * config.window
        inputs[row, begin : begin + len(shown)] = np.where(
            shown < 0, inputs[row, begin : begin + len(shown)], shown
        )
        inputs[row, again : again + len(asked)] = asked
        targets[row, again : again + len(asked)] = due
    return inputs, targets


def _recall(config: LongRangeConfig, rng: np.random.Generator) -> tuple[Ids, Ids, Ids]:
    keys = MARKS + rng.choice(config.symbols, config.pairs, replace=False)
    values = MARKS + config.symbols + rng.integers(config.values, size=config.pairs)
    which = rng.choice(config.pairs, config.asked, replace=False)
    shown = np.stack([keys, values], axis=1).ravel()
    asked = np.stack([np.full(config.asked, ASK), keys[which]], axis=1).ravel()
    due = np.stack([np.full(config.asked, IGNORED), values[which]], axis=1).ravel()
    return shown, asked, due


def _copy(config: LongRangeConfig, rng: np.random.Generator) -> tuple[Ids, Ids, Ids]:
    symbols = MARKS + rng.choice(config.symbols, config.copied, replace=False)
    shown = np.concatenate([[START], symbols])
    return shown, shown[:-1], symbols


def _latest(config: LongRangeConfig, rng: np.random.Generator) -> tuple[Ids, Ids, Ids]:
    symbols = MARKS + rng.integers(config.symbols, size=config.updates)
    # Marks stand anywhere in their stretch; what is negative stays filler.
    shown = np.full(2 * config.updates + config.window // 2, -1)
    free = np.sort(rng.choice(config.updates + config.window // 2, config.updates, replace=False))
    places = free + np.arange(config.updates)
    shown[places], shown[places + 1] = MARK, symbols
    return shown[: places[-1] + 2], np.array([MARK]), symbols[-1:]
