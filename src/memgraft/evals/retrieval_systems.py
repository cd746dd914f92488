"""What is compared in retrieval: plain peers, mem0, and memgraft's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import Conversation, Question, Turn
from memgraft.evals.mem0 import Mem0, check_mem0
from memgraft.evals.retrieval import RetrievalSystem
from memgraft.retrieval.config import WEIGHTS, RetrievalConfig
from memgraft.retrieval.lexical import LexicalIndex
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder, Vectors

# Of reciprocal rank fusion, as its paper chose it.
RRF_K = 60
# Ends the names of systems that are told who speaks.
SPEAKER = "+speaker"


class Bm25(RetrievalSystem):
    """BM25 over stems without stop words."""

    name = "bm25"

    def __init__(self) -> None:
        self._index = LexicalIndex()

    def add(self, conversation: Conversation) -> None:
        for turn in conversation.turns:
            self._index.add(turn.id, turn.text)

    def search(self, question: Question, limit: int) -> list[str]:
        return [key for key, _ in self._index.search(question.text, limit)]


class Dense(RetrievalSystem):
    """Cosine to every turn's vector."""

    name = "minilm"

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._ids: list[str] = []
        self._vectors: Vectors = np.zeros((0, encoder.dimension), np.float32)

    def add(self, conversation: Conversation) -> None:
        self._ids = [turn.id for turn in conversation.turns]
        self._vectors = self._encoder.encode([turn.text for turn in conversation.turns])

    def search(self, question: Question, limit: int) -> list[str]:
        cosines = self._vectors @ self._encoder.encode([question.text])[0]
        return [self._ids[row] for row in np.argsort(-cosines, kind="stable")[:limit]]


class Fused(RetrievalSystem):
    """Reciprocal rank fusion of BM25 and cosine over all turns (Cormack et al., SIGIR 2009)."""

    name = "rrf"

    def __init__(self, encoder: Encoder) -> None:
        self._parts: tuple[RetrievalSystem, ...] = (Bm25(), Dense(encoder))
        self._count = 0

    def add(self, conversation: Conversation) -> None:
        self._count = len(conversation.turns)
        for part in self._parts:
            part.add(conversation)

    def search(self, question: Question, limit: int) -> list[str]:
        rankings = [part.search(question, self._count) for part in self._parts]
        return reciprocal_ranks(rankings)[:limit]


def reciprocal_ranks(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Ids by their sum of 1 / (60 + rank) over the rankings that hold them; ranks count from 1."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking, start=1):
            scores[one] = scores.get(one, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda one: -scores[one])


class Memgraft(RetrievalSystem):
    """Our own memory as it ships: it knows the session, speaker and time of every turn, and when
    the question is asked."""

    name = "memgraft"

    def __init__(self, encoder: Encoder, without: str = "") -> None:
        weights = {without: 0.0} if without else {}
        self.name = f"memgraft-{without}" if without else "memgraft"
        self.memory = SlotMemory(encoder, RetrievalConfig(weights=weights))

    def add(self, conversation: Conversation) -> None:
        self.memory.add([_trace(turn) for turn in conversation.turns])

    def search(self, question: Question, limit: int) -> list[str]:
        now = question.asked_at.timestamp() if question.asked_at else None
        found = self.memory.search(question.text, Asked(limit=limit, now=now))
        return [hit.trace.id for hit in found]


def _trace(turn: Turn) -> Trace:
    at = turn.time.timestamp() if turn.time else 0.0
    return Trace(
        turn.id, turn.text, at, at, episode=turn.session or None, speaker=turn.speaker or None
    )


class WithSpeakers(RetrievalSystem):
    """A system that is told who speaks in the text of each turn, the one way that it can be.

    Questions name who they are about, and a turn rarely names who speaks: without this, MiniLM
    finds little more than half as much on LoCoMo.
    """

    def __init__(self, inner: RetrievalSystem) -> None:
        self.name = f"{inner.name}{SPEAKER}"
        self._inner = inner

    def add(self, conversation: Conversation) -> None:
        self._inner.add(conversation.with_speakers())

    def search(self, question: Question, limit: int) -> list[str]:
        return self._inner.search(question, limit)

    def close(self) -> None:
        self._inner.close()


Maker = Callable[[Encoder], RetrievalSystem]


def _with_speakers(make: Maker) -> Maker:
    return lambda encoder: WithSpeakers(make(encoder))


PEERS: dict[str, Maker] = {
    "bm25": lambda encoder: Bm25(),
    "minilm": Dense,
    "rrf": Fused,
    "mem0": Mem0,
}
# How each system is made, empty, from the encoder that all share.
SYSTEMS: dict[str, Maker] = {
    **PEERS,
    **{f"{name}{SPEAKER}": _with_speakers(make) for name, make in PEERS.items()},
    "memgraft": Memgraft,
    **{f"memgraft-{signal}": partial(Memgraft, without=signal) for signal in WEIGHTS},
}
# Memgraft, and memgraft without each signal that has a weight.
ABLATION = ("memgraft", *(f"memgraft-{signal}" for signal, weight in WEIGHTS.items() if weight))


def check_system(name: str) -> None:
    """Raise `InvalidInput` if nothing is called that, `MissingExtra` if it is not installed."""
    if name not in SYSTEMS:
        named = [*PEERS, *(f"{peer}{SPEAKER}" for peer in PEERS), "memgraft", "memgraft-SIGNAL"]
        raise InvalidInput(f"no system is called {name!r}", expected=" or ".join(named), got=name)
    if name.removesuffix(SPEAKER) == Mem0.name:
        check_mem0()
