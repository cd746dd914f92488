"""Embedding each text once for all systems, and charging each for what it asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memgraft.text.encoder import Encoder, Vectors


class MeteredEncoder(Encoder):
    """Remembers vectors together with what they cost.

    A text in a batch costs its share of the batch; one that is asked for alone costs what it takes
    alone, so a system that embeds one by one is charged for doing so. Times are in seconds.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.id = encoder.id
        self.dimension = encoder.dimension
        # What embedding would have taken without a memory; and the time that was passed in here.
        self.charged = 0.0
        self.passed = 0.0
        self._known: dict[tuple[str, bool], tuple[NDArray[np.float32], float]] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        started = time.perf_counter()
        alone = len(texts) == 1
        self._learn(
            [text for text in dict.fromkeys(texts) if (text, alone) not in self._known], alone
        )
        found = [self._known[text, alone] for text in texts]
        self.charged += sum(cost for _, cost in found)
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, (vector, _) in zip(vectors, found, strict=True):
            row[:] = vector
        self.passed += time.perf_counter() - started
        return vectors

    def _learn(self, texts: list[str], alone: bool) -> None:
        if not texts:
            return
        started = time.perf_counter()
        vectors = self.encoder.encode(texts)
        cost = (time.perf_counter() - started) / len(texts)
        for text, vector in zip(texts, vectors, strict=True):
            self._known[text, alone] = (vector, cost)
