"""Multi-query associative recall with filler, as token ids, and with keys that are overwritten.

As in zoology (Arora et al. 2024, arXiv 2312.04927, https://github.com/HazyResearch/zoology): pairs
of key and value, then queries, at gaps that follow a power law. Between them lies filler, from ids
of its own, so that the sequence alone proves every answer. Forgetting MQAR writes some keys again,
in any order, and the latest value is due.

Ids: 0 is never used (padding); keys are 1 to K, values K + 1 to 2K, filler 2K + 1 to V - 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.samples import Sample, endless, require_size

IGNORED = -100

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class MQARConfig(Config):
    """What sequences are like."""

    tokens: int = 256  # of a sequence, exactly
    pairs: int = 8  # distinct keys
    queries: int | None = None  # keys that are asked for, each once; all if None
    updates: int = 0  # writes more, of keys that have a value: forgetting MQAR
    filler: int = 0  # tokens between the writes and where queries begin
    vocabulary: int = 8192  # V
    noise: int = 64  # ids of filler, at least
    power: float = 0.01  # gaps before queries go by gap ** (power - 1); 1 is uniform
    depths: tuple[float, ...] = ()  # share of the filler before the writes; one is drawn; 0

    def __post_init__(self) -> None:
        require_size(self.tokens, self.depths)
        for name, least in (("pairs", 1), ("updates", 0), ("filler", 0), ("noise", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} is at least {least}", got=str(getattr(self, name)))
        if not 1 <= self.asked <= self.pairs:
            raise InvalidInput("queries are of keys", expected=f"1 to {self.pairs}")
        if self.keys < self.writes:
            raise InvalidInput(
                "there are fewer values than writes",
                expected=f"a vocabulary of at least {2 * self.writes + self.noise + 1}",
                got=str(self.vocabulary),
            )
        if self.slots < self.asked:
            raise InvalidInput(
                "the sequence is too short",
                expected=f"at least {self.tokens + 2 * (self.asked - self.slots)} tokens",
                got=str(self.tokens),
            )

    @property
    def task(self) -> str:
        return "forgetting_mqar" if self.updates else "mqar"

    @property
    def asked(self) -> int:
        return self.pairs if self.queries is None else self.queries

    @property
    def writes(self) -> int:
        return self.pairs + self.updates

    @property
    def keys(self) -> int:
        """K: how many ids are keys, and how many are values."""
        return (self.vocabulary - 1 - self.noise) // 2

    @property
    def slots(self) -> int:
        """Places for queries, two ids each: what follows a query is filler."""
        return (self.tokens - 2 * self.writes - self.filler) // 2


def mqar(config: MQARConfig, seed: int = 0, start: int = 0) -> Iterator[Sample]:
    """Endless samples, number `start` and on: ids as input, labels as target."""

    def make(rng: random.Random) -> Sample:
        inputs, labels, metadata = _sequence(config, rng)
        return Sample(inputs.tolist(), labels.tolist(), metadata)

    return endless(config.task, seed, start, make)


def sequences(config: MQARConfig, seed: int = 0, start: int = 0) -> Iterator[tuple[Ids, Ids]]:
    """The same as arrays for training: (inputs, labels), both of shape (tokens,).

    A label stands at the query's position, as in zoology: it is what a causal model says next.
    """
    for sample in mqar(config, seed, start):
        yield np.array(sample.input), np.array(sample.target)


def _sequence(config: MQARConfig, rng: random.Random) -> tuple[Ids, Ids, dict[str, Any]]:
    numbers = np.random.default_rng(rng.getrandbits(64))
    depth = rng.choice(config.depths) if config.depths else 0.0
    first = round(depth * config.filler)
    written, values, latest = _writes(config, numbers)
    inputs = numbers.integers(2 * config.keys + 1, config.vocabulary, config.tokens)
    end = first + 2 * config.writes
    inputs[first:end:2] = written
    inputs[first + 1 : end : 2] = values

    keys = numbers.choice(list(latest), config.asked, replace=False)
    gaps = numbers.choice(
        config.slots, config.asked, replace=False, p=_power_law(config.slots, config.power)
    )
    places = 2 * config.writes + config.filler + 2 * gaps
    labels = np.full(config.tokens, IGNORED)
    inputs[places] = keys
    labels[places] = [values[latest[key]] for key in keys.tolist()]
    order = np.argsort(places)
    distances = [
        int(places[i]) - first - 2 * latest[int(keys[i])] - 1 for i in order
    ]  # from the value that is due to the query
    metadata = {
        "task": config.task,
        "tokens": config.tokens,
        "vocabulary": config.vocabulary,
        "noise": config.noise,
        "pairs": config.pairs,
        "updates": config.updates,
        "queries": config.asked,
        "filler": config.filler,
        "depth": depth,
        "distances": distances,
    }
    return inputs, labels, metadata


def _writes(config: MQARConfig, numbers: np.random.Generator) -> tuple[Ids, Ids, dict[int, int]]:
    """Keys and values as they are written, and at which write each key got its last value."""
    keys = 1 + numbers.choice(config.keys, config.pairs, replace=False)
    again = np.resize(numbers.permutation(keys), config.updates)
    written = numbers.permutation(np.concatenate([keys, again]))
    values = 1 + config.keys + numbers.choice(config.keys, config.writes, replace=False)
    return written, values, {int(key): place for place, key in enumerate(written)}


@cache
def _power_law(slots: int, power: float) -> NDArray[np.float64]:
    weights = np.arange(1, slots + 1) ** (power - 1.0)
    return weights / weights.sum()
