"""The router: which fact, if any, a question wakes."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

import numpy as np

from memgraft.core.scope import Scope
from memgraft.injection.written import WrittenFact
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.foreign import foreign_terms

# Every fact has two statement keys (as told, as answered); its question keys follow them.
STATEMENTS = 2
# Share of the nearest question in the score; the rest is the nearest statement. Question keys
# find paraphrases, statement keys keep vague questions of any fact from waking it.
QUESTION_SHARE = 0.4
# A question that names somebody or something that the fact does not know loses this much.
FOREIGN_PENALTY = 0.15


@dataclass(frozen=True)
class Route:
    """A fact and how strongly a question calls for it, at most 1."""

    record_id: str
    score: float


class Router:
    """Ranks facts by cosine of the question to their keys, over the facts that a scope covers."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._facts: dict[str, WrittenFact] = {}
        self._index: tuple[Vectors, np.ndarray] | None = None

    def keys_for(self, fact: str, reply: str, questions: list[str]) -> Vectors:
        """Key vectors of a fact, shape (2 + questions, dimension)."""
        return self.encoder.encode([fact, reply, *questions])

    def put(self, fact: WrittenFact) -> None:
        self._facts[fact.record_id] = fact
        self._index = None

    def remove(self, record_id: str) -> None:
        self._facts.pop(record_id, None)
        self._index = None

    def rank(self, question: str, scope: Scope, limit: int) -> list[Route]:
        """The best facts of this scope, best first, before any threshold."""
        scored = [
            (score, fact)
            for score, fact in zip(self._scores(question), self._facts.values(), strict=True)
            if scope.covers(fact.scope)
        ]
        routes: list[Route] = []
        for score, fact in sorted(scored, key=lambda pair: -pair[0]):
            # The penalty only lowers scores: once enough are ahead, none of the rest can pass.
            if len(routes) >= limit and routes[limit - 1].score >= score:
                break
            penalty = FOREIGN_PENALTY * bool(foreign_terms(question, fact.text))
            insort(routes, Route(fact.record_id, score - penalty), key=lambda route: -route.score)
        return routes[:limit]

    def _scores(self, question: str) -> list[float]:
        """One score per fact, in the order of `_facts`."""
        if not self._facts:
            return []
        matrix, starts = self._indexed()
        cosines = matrix @ self.encoder.encode([question])[0]
        nearest = np.maximum.reduceat(cosines, starts)
        statement, asked = nearest[0::2], nearest[1::2]
        return ((1 - QUESTION_SHARE) * statement + QUESTION_SHARE * asked).tolist()

    def _indexed(self) -> tuple[Vectors, np.ndarray]:
        """All keys in one matrix, and where each fact's statements and questions start."""
        if self._index is None:
            keys = [fact.routes for fact in self._facts.values()]
            lengths = [n for rows in keys for n in (STATEMENTS, len(rows) - STATEMENTS)]
            self._index = np.concatenate(keys), np.cumsum([0, *lengths])[:-1]
        return self._index
