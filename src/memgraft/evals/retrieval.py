"""How well the turns that answer a question are found again, and how fast.

Recall is |retrieved ∩ evidence| / |evidence|, averaged over questions, each over its own
conversation.
"""

from __future__ import annotations

import statistics
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol

from memgraft.evals.conversations import Conversation, Corpus, Question
from memgraft.evals.metered import MeteredEncoder

# How many turns may be retrieved; the last is what systems are asked for.
CUTS = (1, 3, 5, 10, 20, 50)
SESSION_CUT = 10
METRICS = (*(f"recall@{k}" for k in CUTS), f"session_hit@{SESSION_CUT}", "mrr")

Progress = Callable[[str, int, int], None]
Scores = Mapping[str, float]


class RetrievalSystem(Protocol):
    """Made empty, told one conversation, asked its questions, closed."""

    name: str

    @abstractmethod
    def add(self, conversation: Conversation) -> None:
        """Take in all turns."""

    @abstractmethod
    def search(self, question: Question, limit: int) -> list[str]:
        """The ids of at most so many turns, best first. Its evidence is not for looking at."""

    def close(self) -> None:
        """Give back files and connections, where it has any."""
        return


def evaluate(
    name: str,
    make: Callable[[], RetrievalSystem],
    corpus: Corpus,
    encoder: MeteredEncoder,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure a system, made afresh for every conversation.

    Args:
        name: what the system is called in the figures.
        make: makes it, empty, with `encoder` if it embeds.
        corpus: has at least one question.
        encoder: tells what embedding cost.
        progress: told how far it is.

    Returns:
        `recall@k`, `session_hit@10` (whether any turn among the first ten is of a session with
        evidence) and `mrr` (reciprocal rank of the first evidence among fifty, 0 if there is none)
        over the questions that are not of a category apart, None if there are none; the same under
        `all_categories` and `by_category`, with the number of questions; mean milliseconds per
        query and per turn added, with embedding and `_beyond_embedding`; `skipped`, the number of
        questions without evidence.
    """
    clock = _Clock(encoder)
    scores: list[tuple[str, Scores]] = []
    total = sum(len(conversation.questions) for conversation in corpus.conversations)
    for conversation in corpus.conversations:
        sessions = {turn.id: turn.session for turn in conversation.turns}
        with closing(make()) as system:
            with clock.timed("add"):
                system.add(conversation)
            for question in conversation.questions:
                with clock.timed("query"):
                    found = system.search(question, CUTS[-1])
                scores.append((question.category, score(found, question.evidence, sessions)))
                if progress:
                    progress(name, len(scores), total)
    turns = sum(len(conversation.turns) for conversation in corpus.conversations)
    return {
        "system": name,
        "conversations": len(corpus.conversations),
        "turns": turns,
        "skipped": sum(conversation.skipped for conversation in corpus.conversations),
        **_mean([one for category, one in scores if category not in corpus.apart]),
        "all_categories": _mean([one for _, one in scores]),
        "by_category": {
            category: _mean([one for other, one in scores if other == category])
            for category in sorted({category for category, _ in scores})
        },
        **clock.figures("add", turns),
        **clock.figures("query", total),
    }


def score(
    found: Sequence[str], evidence: frozenset[str], sessions: Mapping[str, str]
) -> dict[str, float]:
    """The `METRICS` of one answer.

    Args:
        found: ids of turns, best first. An id that stands there twice counts where it stands first.
        evidence: ids that are due, at least one.
        sessions: of every turn.
    """
    found = list(dict.fromkeys(found))[: CUTS[-1]]
    hits = [turn in evidence for turn in found]
    due = {sessions[turn] for turn in evidence}
    figures = {f"recall@{k}": sum(hits[:k]) / len(evidence) for k in CUTS}
    figures[f"session_hit@{SESSION_CUT}"] = float(
        any(sessions[turn] in due for turn in found[:SESSION_CUT])
    )
    figures["mrr"] = 1 / (hits.index(True) + 1) if any(hits) else 0.0
    return figures


def _mean(scores: Sequence[Scores]) -> dict[str, float | int | None]:
    """With the number of questions."""
    means = {
        name: statistics.fmean(one[name] for one in scores) if scores else None for name in METRICS
    }
    return {"questions": len(scores), **means}


class _Clock:
    """Time spent, in and outside of embedding; see `MeteredEncoder` for what embedding costs."""

    def __init__(self, encoder: MeteredEncoder) -> None:
        self._encoder = encoder
        self._charged: dict[str, float] = {}
        self._beyond: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        charged, passed = self._encoder.charged, self._encoder.passed
        started = time.perf_counter()
        yield
        beyond = time.perf_counter() - started - (self._encoder.passed - passed)
        self._beyond[name] = self._beyond.get(name, 0.0) + beyond
        cost = self._encoder.charged - charged
        self._charged[name] = self._charged.get(name, 0.0) + cost

    def figures(self, name: str, count: int) -> dict[str, float]:
        """Milliseconds per item."""
        beyond = 1e3 * self._beyond[name] / count
        embedding = 1e3 * self._charged[name] / count
        return {f"ms_per_{name}": beyond + embedding, f"ms_per_{name}_beyond_embedding": beyond}
