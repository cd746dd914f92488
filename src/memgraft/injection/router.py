"""The router: which fact, if any, a question wakes."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from memgraft.core.scope import Scope
from memgraft.injection.projection import Projection, shipped_projection
from memgraft.injection.written import WrittenFact
from memgraft.text.answer_kind import lacks_answer
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.foreign import foreign_terms
from memgraft.text.request import asks_to_make, impersonal
from memgraft.text.rivals import rival_terms

# Share of the questions in a fact's key; the rest is its statements. Questions find paraphrases,
# statements keep vague questions of any fact from waking it.
QUESTION_SHARE = 0.4
# What literal differences between a question and a fact cost, of a cosine. Chosen on development
# facts (docs/log.md).
PENALTIES: tuple[tuple[float, Callable[[str, str], object]], ...] = (
    (0.15, foreign_terms),  # names somebody or something that the fact does not know
    (0.3, rival_terms),  # names another of a class: the yellow boat, not the blue one
    (0.5, lacks_answer),  # asks for a person, a time or an amount, and the fact has none
    (0.12, impersonal),  # is about the world, the fact about its teller
)
# What a message loses before any fact that wants something made, as "Write a poem" does.
REQUEST_PENALTY = 0.3
# Facts whose words are compared with the question's, at most: the nearest. It bounds the time where
# all of them are penalised, as for "Who wrote Hamlet?".
EXAMINED = 128


@dataclass(frozen=True)
class Route:
    """A fact and how strongly a question calls for it, at most 1."""

    record_id: str
    score: float


class Router:
    """Ranks facts by cosine of the question to their keys, over the facts that a scope covers.

    Args:
        encoder: embeds questions and facts.
        projection: trained to bring questions to the facts that answer them; without one,
            cosines are those of the encoder.
    """

    def __init__(self, encoder: Encoder, projection: Projection | None = None) -> None:
        self.encoder = encoder
        self.projection = projection
        self._facts: dict[str, WrittenFact] = {}
        self._index: tuple[list[WrittenFact], Vectors] | None = None
        self._covered: dict[Scope, np.ndarray] = {}

    @property
    def id(self) -> str:
        """Names everything that keys depend on."""
        learned = f"+{self.projection.fingerprint()}" if self.projection else ""
        return self.encoder.id + learned

    def key_for(self, fact: str, reply: str, questions: list[str]) -> Vectors:
        """The unit key of a fact, from its statements and the questions it answers."""
        vectors = self.encoder.encode([fact, reply, *questions])
        key = fact_key(vectors[:2], vectors[2:])
        return self.projection.tell(key) if self.projection else key

    def put(self, fact: WrittenFact) -> None:
        self._facts[fact.record_id] = fact
        self._changed()

    def remove(self, record_id: str) -> None:
        if self._facts.pop(record_id, None):
            self._changed()

    def count(self, scope: Scope) -> int:
        """How many facts a scope covers."""
        return len(self._covered_by(scope))

    def rank(self, question: str, scope: Scope, limit: int) -> list[Route]:
        """The best facts of this scope, best first, before any threshold."""
        facts, keys = self._indexed()
        covered = self._covered_by(scope)
        if not len(covered):
            return []
        scores = (keys @ self._asked(question))[covered] - REQUEST_PENALTY * asks_to_make(question)
        routes: list[Route] = []
        for place in islice(_falling(scores), max(limit, EXAMINED)):
            # The penalty only lowers scores: once enough are ahead, none of the rest can pass.
            if len(routes) >= limit and routes[limit - 1].score >= scores[place]:
                break
            fact = facts[covered[place]]
            route = Route(fact.record_id, float(scores[place]) - _penalty(question, fact.text))
            insort(routes, route, key=lambda route: -route.score)
        return routes[:limit]

    def _asked(self, question: str) -> Vectors:
        vector = self.encoder.encode([question])[0]
        return self.projection.ask(vector) if self.projection else vector

    def _changed(self) -> None:
        self._index = None
        self._covered.clear()

    def _indexed(self) -> tuple[list[WrittenFact], Vectors]:
        """All facts, and their keys in one matrix (facts, d)."""
        if self._index is None:
            facts = list(self._facts.values())
            self._index = facts, np.stack([fact.key for fact in facts]) if facts else _NOTHING
        return self._index

    def _covered_by(self, scope: Scope) -> np.ndarray:
        """Places in the index of the facts that a scope covers."""
        if scope not in self._covered:
            facts, _ = self._indexed()
            places = [place for place, fact in enumerate(facts) if scope.covers(fact.scope)]
            self._covered[scope] = np.array(places, dtype=np.int64)
        return self._covered[scope]


_NOTHING = np.zeros((0, 0), dtype=np.float32)


def shipped_router(encoder: Encoder) -> Router:
    """With the projection that comes with the package for this encoder, if there is one."""
    return Router(encoder, shipped_projection(encoder))


def fact_key(statements: Vectors, questions: Vectors) -> Vectors:
    """The direction of a fact, from unit vectors (n, d) of what it says and what it answers."""
    said, asked = (_unit(vectors.mean(axis=0)) for vectors in (statements, questions))
    return _unit((1 - QUESTION_SHARE) * said + QUESTION_SHARE * asked)


def _penalty(question: str, fact: str) -> float:
    return sum(cost for cost, differs in PENALTIES if differs(question, fact))


def _unit(vector: Vectors) -> Vectors:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _falling(scores: Vectors) -> Iterator[int]:
    """Places by falling score. Few are ever wanted, so they are sorted in growing batches."""
    done, batch = 0, 64
    while done < len(scores):
        upto = min(done + batch, len(scores))
        order = np.argpartition(-scores, upto - 1)[:upto]
        yield from order[np.argsort(-scores[order], kind="stable")][done:].tolist()
        done, batch = upto, 8 * batch
