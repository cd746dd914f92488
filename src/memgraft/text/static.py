"""A static encoder: a text is the sum of its words' vectors. No torch, a few microseconds a word.

The vectors are the least-squares solution for a teacher's sentence vectors
(`memgraft.train.bag`), so that their lengths weigh words as inverse document frequency does in
smooth inverse frequency (Arora et al. 2017) and model2vec.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import FolderError
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.ngrams import grams, words
from memgraft.text.packed import load_packed, save_packed, shipped

KIND = "static"
_NAMES = {"vocabulary", "words", "grams", "basis"}


class StaticWords(Encoder):
    """Words of a vocabulary by their vectors, other words by the sum of their n-grams'.

    Args:
        path: weights as `save_static` writes them; the package's own by default.

    Raises:
        FolderError: the file is missing, damaged or of another kind.
    """

    def __init__(self, path: Path | None = None) -> None:
        path = path or shipped(KIND)
        arrays, _, self.id = load_packed(path, KIND)
        if set(arrays) != _NAMES:
            raise FolderError(
                f"{path} is incomplete",
                expected=", ".join(sorted(_NAMES)),
                got=", ".join(sorted(arrays)),
                next_step="train it again: memgraft train text --kind static",
            )
        known = arrays["vocabulary"].tobytes().decode("utf-8").split("\n")
        self._place = {word: row for row, word in enumerate(known)}
        self._words, self._grams, self._basis = (arrays[n] for n in ("words", "grams", "basis"))
        self.dimension = self._basis.shape[1]
        self._unknown = lru_cache(maxsize=4096)(self._from_grams)

    def encode(self, texts: Sequence[str]) -> Vectors:
        sums = np.zeros((len(texts), len(self._basis)), np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                place = self._place.get(word)
                sums[row] += self._unknown(word) if place is None else self._words[place]
        sums[~sums.any(axis=1), 0] = 1.0  # text of which nothing is known has a vector, too
        vectors = sums @ self._basis
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def with_random_weights(self, seed: int) -> StaticWords:
        """The same sizes untrained: to measure what training gives."""
        rng = np.random.default_rng(seed)
        other = copy.copy(self)
        other.id = f"{self.id}:untrained"
        other._words, other._grams, other._basis = (
            rng.standard_normal(array.shape, np.float32)
            for array in (self._words, self._grams, self._basis)
        )
        other._unknown = lru_cache(maxsize=4096)(other._from_grams)
        return other

    def _from_grams(self, word: str) -> NDArray[np.float32]:
        return self._grams[list(grams(word, len(self._grams)))].sum(axis=0)


def save_static(
    path: Path,
    vocabulary: Sequence[str],
    arrays: Mapping[str, NDArray[np.float32]],
    card: Mapping[str, Any],
) -> None:
    """Write `words` (vocabulary, k), `grams` (buckets, k) and `basis` (k, dimension)."""
    letters = np.frombuffer("\n".join(vocabulary).encode("utf-8"), np.uint8)
    save_packed(path, KIND, {"vocabulary": letters, **arrays}, {"card": dict(card)})
