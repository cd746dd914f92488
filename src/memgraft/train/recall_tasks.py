"""What the small models have to recall: sequences of training, and the same drawn out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from memgraft.data.mqar import MQARConfig, mqar
from memgraft.data.samples import Sample
from memgraft.data.token_hops import TokenHopsConfig, token_hops

Sequences = MQARConfig | TokenHopsConfig


@dataclass(frozen=True)
class RecallTask:
    """sequences: of the training. steps: of the training of every model."""

    sequences: Sequences
    steps: int

    @property
    def asked(self) -> Sequences:
        """In training, a question may be of a part of its chain, so that single hops are learned
        first; what counts is the whole chain."""
        if isinstance(self.sequences, TokenHopsConfig):
            return replace(self.sequences, hops=(self.sequences.length,))
        return self.sequences

    @property
    def chance(self) -> float:
        """To be right, for who knows which ids answers are, and nothing else."""
        config = self.sequences
        return 1 / (config.names if isinstance(config, TokenHopsConfig) else config.keys)

    def at(self, factor: int) -> Sequences:
        """What is asked, drawn out.

        Args:
            factor: 1 is as in training. From 2 on, the distance of even the nearest answer is so
                many times the length of a training sequence, and so of the longest distance there.
        """
        config = self.asked
        if factor == 1:
            return config
        filler = factor * self.sequences.tokens
        if isinstance(config, MQARConfig):
            return replace(config, filler=filler, tokens=config.tokens - config.filler + filler)
        return replace(config, filler=filler, spread=factor * config.spread)


def samples(config: Sequences, seed: int, start: int, size: int) -> list[Sample]:
    """The task's samples number `start` and on."""
    made: Iterator[Sample]
    if isinstance(config, MQARConfig):
        made = mqar(config, seed, start)
    else:
        made = token_hops(config, seed, start)
    return list(islice(made, size))


def batch(made: list[Sample]) -> tuple[Tensor, Tensor]:
    """Inputs and labels, each (samples, tokens)."""
    inputs = np.array([sample.input for sample in made])
    return torch.from_numpy(inputs), torch.from_numpy(np.array([each.target for each in made]))


# Of 64 ids each. What "hops" asks for, both hops within one step, no model has learned so far; the
# others show what a memory recalls, and that what it has recalled can be asked for in turn.
TASKS = {
    "mqar": RecallTask(MQARConfig(tokens=48, pairs=8, filler=16, vocabulary=64, noise=7), 1000),
    "forgetting": RecallTask(
        MQARConfig(tokens=48, pairs=6, updates=4, filler=16, vocabulary=64, noise=7), 1000
    ),
    "hops_cot": RecallTask(
        TokenHopsConfig(chains=4, cot=True, spread=8, filler=16, vocabulary=64, noise=7), 1200
    ),
    "hops": RecallTask(
        TokenHopsConfig(chains=4, hops=(1, 2), spread=8, filler=16, vocabulary=64, noise=7), 2000
    ),
}
