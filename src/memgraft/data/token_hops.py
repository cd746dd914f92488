"""Hash-hop as token ids: follow names from pair to pair, and say where the chain has led.

The task of `hash_hop` (Magic, "100M token context windows", 2024) with a token for a hash. Each
chain a → b → c is told as pairs `a b` and `b c`; the pairs of all chains are shuffled and
scattered among filler, so that the second hop is as often told before the first as after it. Then
comes filler, and at the end questions: `2 a` asks where two hops from a lead, and c is due. Chains
that nobody asks for are distractors. No name is in two chains. With the chain of thought, what is
met on the way is due as well: `2 a` is followed by b, at which c is due.

Ids: 0 is never used (padding); names are 1 to N, then one id for each number of hops from 1 to the
length of a chain, and the rest is filler.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.mqar import IGNORED, Ids
from memgraft.data.samples import Sample, endless

TASK = "token_hops"


@dataclass(frozen=True)
class TokenHopsConfig(Config):
    """What sequences are like."""

    chains: int = 4
    length: int = 2  # pairs of a chain
    hops: tuple[int, ...] = (2,)  # what questions ask for
    cot: bool = False  # what is met on the way is due, too
    questions: int | None = None  # of all that could be asked, no two alike; all if None
    spread: int = 0  # tokens of filler among the pairs, besides the one after each
    filler: int = 0  # tokens between the pairs and the questions
    vocabulary: int = 128
    noise: int = 16  # ids of filler

    def __post_init__(self) -> None:
        for name, least in (
            ("chains", 1), ("length", 1), ("spread", 0), ("filler", 0), ("noise", 1),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} is at least {least}", got=str(getattr(self, name)))
        if not self.hops or not all(1 <= hops <= self.length for hops in self.hops):
            raise InvalidInput(
                "a question asks for hops along a chain",
                expected=f"1 to {self.length}",
                got=", ".join(map(str, self.hops)) or "none",
            )
        if self.cot and len(set(self.hops)) > 1:
            raise InvalidInput(
                "with the chain of thought, questions are of one length",
                expected="one number of hops",
                got=", ".join(map(str, self.hops)),
            )
        if not 1 <= self.asked <= len(self.possible):
            raise InvalidInput(
                "there are not as many questions",
                expected=f"1 to {len(self.possible)}",
                got=str(self.asked),
            )
        told = self.chains * (self.length + 1)
        if self.names < told:
            raise InvalidInput(
                "there are fewer names than the chains have",
                expected=f"a vocabulary of at least {told + self.length + self.noise + 1}",
                got=str(self.vocabulary),
            )

    @property
    def asked(self) -> int:
        return len(self.possible) if self.questions is None else self.questions

    @property
    def possible(self) -> list[tuple[int, int, int]]:
        """What can be asked: of which chain, from where on it, how many hops."""
        return [
            (chain, first, hops)
            for chain in range(self.chains)
            for hops in self.hops
            for first in range(self.length - hops + 1)
        ]

    @property
    def pairs(self) -> int:
        return self.chains * self.length

    @property
    def names(self) -> int:
        """N: how many ids are names."""
        return self.vocabulary - 1 - self.noise - self.length

    @property
    def tokens(self) -> int:
        """Of a sequence, exactly: three for a pair, and the questions."""
        return 3 * self.pairs + self.spread + self.filler + self.asked * self.question

    @property
    def question(self) -> int:
        """Tokens of a question: the number of hops, a name, and what is met on the way."""
        return 2 + (self.hops[0] - 1 if self.cot else 0)


def token_hops(config: TokenHopsConfig, seed: int = 0, start: int = 0) -> Iterator[Sample]:
    """Endless samples, number `start` and on: ids as input, labels as target.

    A label stands at the name that a question begins from, and with the chain of thought at those
    that it meets: it is what a causal model says next.
    """

    def make(rng: random.Random) -> Sample:
        inputs, labels, metadata = _sequence(config, rng)
        return Sample(inputs.tolist(), labels.tolist(), metadata)

    return endless(TASK, seed, start, make)


def _sequence(config: TokenHopsConfig, rng: random.Random) -> tuple[Ids, Ids, dict[str, Any]]:
    numbers = np.random.default_rng(rng.getrandbits(64))
    names = 1 + numbers.permutation(config.names)[: config.chains * (config.length + 1)]
    chains = names.reshape(config.chains, config.length + 1)
    inputs = numbers.integers(config.vocabulary - config.noise, config.vocabulary, config.tokens)
    labels = np.full(config.tokens, IGNORED)

    places = _places(config, numbers)
    inputs[places], inputs[places + 1] = chains[:, :-1].ravel(), chains[:, 1:].ravel()

    asked = numbers.permutation(np.array(config.possible))[: config.asked]
    chain, first, hops = asked.T
    starts = config.tokens - (config.asked - np.arange(config.asked)) * config.question
    inputs[starts], inputs[starts + 1] = config.names + hops, chains[chain, first]
    for met in range(1, config.question - 1):
        inputs[starts + 1 + met] = labels[starts + met] = chains[chain, first + met]
    ends = starts + config.question - 1
    labels[ends] = chains[chain, first + hops]
    pairs = places.reshape(config.chains, config.length)
    # From the end of the last pair that an answer hangs on.
    last = [int(pairs[c, f : f + h].max()) + 1 for c, f, h in asked.tolist()]
    metadata = {
        "task": TASK,
        "tokens": config.tokens,
        "vocabulary": config.vocabulary,
        "noise": config.noise,
        "chains": config.chains,
        "length": config.length,
        "filler": config.filler,
        "cot": config.cot,
        "hops": hops.tolist(),
        "distances": (ends - np.array(last)).tolist(),
    }
    return inputs, labels, metadata


def _places(config: TokenHopsConfig, numbers: np.random.Generator) -> NDArray[np.int64]:
    """Where each pair begins, in random order, with at least one token between two of them."""
    gaps = np.sort(numbers.integers(0, config.spread + 1, config.pairs))
    return numbers.permutation(gaps + 3 * np.arange(config.pairs))
