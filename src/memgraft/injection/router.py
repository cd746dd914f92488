"""The router: which fact, if any, a question wakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.foreign import foreign_terms

# A question that names somebody or something that the fact does not know loses this much.
FOREIGN_PENALTY = 0.25


@dataclass(frozen=True)
class Route:
    """A fact and how strongly a question calls for it, at most 1."""

    record_id: str
    score: float


class Router:
    """Nearest question key by cosine, over the facts that the caller allows.

    Each fact has several keys: itself, its restatement, and the questions that it answers.
    Question keys matter most, since questions are what arrives.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._texts: dict[str, str] = {}
        self._keys: dict[str, Vectors] = {}
        self._matrix: Vectors | None = None

    def keys_for(self, fact: str, reply: str, questions: list[str]) -> Vectors:
        """Key vectors of a fact, shape (2 + questions, dimension)."""
        return self.encoder.encode([fact, reply, *questions])

    def put(self, record_id: str, text: str, keys: Vectors) -> None:
        self._texts[record_id] = text
        self._keys[record_id] = keys
        self._matrix = None

    def remove(self, record_id: str) -> None:
        self._texts.pop(record_id, None)
        self._keys.pop(record_id, None)
        self._matrix = None

    def rank(self, question: str, allowed: set[str], limit: int) -> list[Route]:
        """The best facts among `allowed`, best first, before any threshold."""
        ids = [record_id for record_id in self._keys if record_id in allowed]
        if not ids:
            return []
        cosines = self._cosines(question)
        best = {record_id: cosines[record_id] for record_id in ids}
        # The penalty only lowers scores, so a margin of it above the cut is enough to look at.
        shortlist = sorted(ids, key=lambda i: -best[i])[: max(4 * limit, 20)]
        routes = [Route(i, best[i] - self._penalty(question, i)) for i in shortlist]
        return sorted(routes, key=lambda route: -route.score)[:limit]

    def _penalty(self, question: str, record_id: str) -> float:
        return FOREIGN_PENALTY * bool(foreign_terms(question, self._texts[record_id]))

    def _cosines(self, question: str) -> dict[str, float]:
        """The best cosine of each fact's keys, by id."""
        if self._matrix is None:
            self._matrix = np.concatenate(list(self._keys.values()))
        scores = self._matrix @ self.encoder.encode([question])[0]
        starts = np.cumsum([0, *(len(keys) for keys in self._keys.values())])[:-1]
        maxima = np.maximum.reduceat(scores, starts)
        return dict(zip(self._keys, maxima.tolist(), strict=True))
