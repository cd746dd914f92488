"""The signals: which slots are candidates for a question, and a column of each signal over them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memgraft.nn.hebbian import safe_damping
from memgraft.retrieval.activation import base_level, faded_strength
from memgraft.retrieval.config import ABSOLUTE
from memgraft.retrieval.episodes import NONE
from memgraft.retrieval.fusion import Column, z_scores, z_sum
from memgraft.retrieval.lexical import best_rows
from memgraft.text.stems import stems
from memgraft.text.when import Span, temporal_fit

if TYPE_CHECKING:
    from memgraft.retrieval.memory import SlotMemory

Slots = NDArray[np.intp]

_WORD = re.compile(r"[^\W_]+")
# Direct hits that associations spread from, at most, and how far.
_HITS, _HOPS = 8, 2


@dataclass(frozen=True)
class Question:
    """A text and its unit vector (d,), the moment it is asked at, which slots may answer, and how
    many are wanted; its words without the names of speakers, the speaker and the times that it
    names, and BM25 of those words for every slot, (slots,), and for every episode, (episodes,)."""

    text: str
    vector: NDArray[np.float32]
    now: float
    allowed: NDArray[np.bool_]
    limit: int
    words: str
    speaker: str
    when: Sequence[Span]
    scores: NDArray[np.float32]
    episodes: NDArray[np.float32]


@dataclass(frozen=True)
class Ranking:
    """Slots (n,), their fused scores (n,), and the columns that those were made of, each (n,)."""

    slots: Slots
    scores: Column
    signals: Mapping[str, Column]


def candidates(memory: SlotMemory, question: Question) -> Slots:
    """Slots that a signal nominates, and their neighbours in the episode; sorted.

    A slot that is found by its words alone is a candidate like any other. What the best of them
    lead to comes later (see `with_associates`).
    """
    if not question.allowed.any():
        return np.zeros(0, np.intp)
    pool = max(memory.config.pool, question.limit)
    found = np.zeros(memory.bank.slots, bool)
    found[memory.bank.nearest(question.vector, pool, question.allowed)] = True
    words = question.scores
    by_words = np.flatnonzero((words > 0) & question.allowed)
    found[by_words[best_rows(words[by_words], pool)]] = True
    nominated = np.flatnonzero(found)
    for beside in (memory.episodes.before[nominated], memory.episodes.after[nominated]):
        found[beside[beside != NONE]] = True
    return np.flatnonzero(found & question.allowed)


def ranked(memory: SlotMemory, question: Question, slots: Slots) -> Ranking:
    """Candidates by what each of them is; what they lead to is left out."""
    signals = _columns(memory, question, slots)
    signals["neighbours"] = _neighbours(memory, slots, signals)
    scores = z_sum(signals, _adapted(memory, question), ABSOLUTE)
    return Ranking(slots, scores, {**signals, "association": np.zeros(len(slots))})


def with_associates(memory: SlotMemory, question: Question, ranking: Ranking) -> Ranking:
    """Lift what the direct hits, those with half of the best score, lead to over the Hebbian graph.

    What arrives is on the scale of the scores, and never above that of the weakest direct hit (see
    the bound in `nn.hebbian.spread`): an associate comes to mind after what brought it. A candidate
    counts what it is or what arrives, whichever is more; a slot that no signal nominated joins the
    candidates, at the end, and counts what arrives alone. Those that cannot be among the answers
    are left out.
    """
    reached, arrived = _reached(memory, ranking)
    allowed = question.allowed[reached]
    reached, arrived = reached[allowed], arrived[allowed]
    if not len(reached):
        return ranking
    weight = memory.config.all_weights["association"]
    places = np.searchsorted(ranking.slots, reached).clip(0, len(ranking.slots) - 1)
    known = ranking.slots[places] == reached
    lift, scores = np.zeros(len(ranking.slots)), ranking.scores.copy()
    lift[places[known]] = arrived[known]
    scores[places[known]] = np.maximum(scores[places[known]], weight * arrived[known])
    lifted = Ranking(ranking.slots, scores, {**ranking.signals, "association": lift})
    late = ~known & (weight * arrived > _least(memory, scores, question.limit))
    if not late.any():
        return lifted
    signals = _columns(memory, question, reached[late])
    signals["neighbours"] = np.zeros(len(reached[late]))
    signals["association"] = arrived[late]
    return _joined(lifted, Ranking(reached[late], weight * arrived[late], signals))


def _least(memory: SlotMemory, scores: Column, limit: int) -> float:
    """What a score must exceed to be among so many. Episodes lower the scores of what they hold
    while it is chosen (see `selection.diverse`), and then nothing can be said."""
    if len(memory.episodes) or len(scores) < limit:
        return -np.inf
    return float(np.partition(scores, -limit)[-limit])


def _reached(memory: SlotMemory, ranking: Ranking) -> tuple[Slots, Column]:
    """Slots that the direct hits activate, none of them one itself, and how much arrives there."""
    none = np.zeros(0, np.intp), np.zeros(0)
    scores = ranking.scores
    best = float(scores.max(initial=0.0))
    if best <= 0 or not len(memory.associations):
        return none
    order = np.argsort(-scores, kind="stable")[:_HITS]
    direct = {
        memory.at(int(ranking.slots[row])).id: float(scores[row])
        for row in order
        if scores[row] >= best / 2
    }
    damping = safe_damping(direct.values())
    active = memory.associations.spread(direct, _HOPS, damping)
    held = {i: value for i, value in active.items() if i not in direct and i in memory}
    if not held:
        return none
    found = np.array([memory.slot(record_id) for record_id in held], np.intp)
    return found, np.array(list(held.values())) / (1 - damping)


def _joined(first: Ranking, second: Ranking) -> Ranking:
    """One after the other; both have the same columns."""
    return Ranking(
        np.concatenate([first.slots, second.slots]),
        np.concatenate([first.scores, second.scores]),
        {
            name: np.concatenate([column, second.signals[name]])
            for name, column in first.signals.items()
        },
    )


def _columns(memory: SlotMemory, question: Question, slots: Slots) -> dict[str, Column]:
    words = question.scores[slots]
    episodes = memory.episodes.episode[slots]
    cosines = memory.bank.gathered(slots) @ question.vector
    # What stands in no episode is its own context.
    alone = not len(memory.episodes)
    contexts = cosines if alone else memory.contexts.gathered(slots) @ question.vector
    columns = {
        "cosine": cosines,
        "context": contexts,
        "words": words,
        "episode": _episode(question, words, episodes),
        "overlap": _overlap(memory, question.words, slots),
        "length": _length(memory, slots),
        "asks": memory.asks.values[slots] * (episodes != NONE),
        "speaker": memory.speaker_codes[slots] == memory.speakers.get(question.speaker, NONE),
        "temporal": _temporal(question.when, memory.times.values[slots]),
        "activation": base_level(
            memory.uses.values[slots],
            memory.last_used.values[slots],
            memory.written.values[slots],
            question.now,
        ),
        "strength": faded_strength(
            memory.strengths.values[slots], memory.last_used.values[slots], question.now
        ),
        "importance": memory.importances.values[slots],
    }
    if memory.categories is not None:
        columns["category"] = _category(memory, question, slots)
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


def without_speakers(text: str, names: Set[str]) -> tuple[str, str]:
    """The question without the names of speakers, and the speaker, if just one is named.

    Whoever speaks seldom says the own name: a name asks for what that person said.
    """
    if not names:
        return text, " "
    said = {word.casefold() for word in _WORD.findall(text)}
    named = sorted(names & said)
    rest = [word for word in _WORD.findall(text) if word.casefold() not in names]
    return " ".join(rest) or text, named[0] if len(named) == 1 else " "


def _adapted(memory: SlotMemory, question: Question) -> dict[str, float]:
    """The weights for this question: words that the memory does not hold make its words count less.

    The share of the question's information, in idf, that some text holds scales what is lexical.
    """
    weights = dict(memory.config.all_weights)
    terms = stems(question.words)
    total = sum(memory.words.idf(term) for term in terms)
    held = sum(memory.words.idf(term) for term in terms if term in memory.words.vocabulary)
    share = held / total if total else 0.0
    for name in ("words", "episode", "overlap"):
        weights[name] *= share
    return weights


def _episode(
    question: Question, words: NDArray[np.float32], episodes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """BM25 of the whole episode that each slot belongs to; a slot in none is one of its own."""
    if not len(question.episodes):
        return words
    return np.where(episodes != NONE, question.episodes[episodes], words)


def _length(memory: SlotMemory, slots: Slots) -> NDArray[np.float64]:
    """Logarithm of the number of words: short turns of a conversation tell little.

    What stands alone was told to be remembered, however short, and counts like the mean turn.
    """
    inside = memory.episodes.episode[slots] != NONE
    lengths = memory.lengths.values[slots]
    return np.where(inside, lengths, lengths[inside].mean() if inside.any() else 0.0)


def _overlap(memory: SlotMemory, text: str, slots: Slots) -> NDArray[np.float64]:
    """Share of the question's distinct words that each text holds."""
    wanted = set(stems(text))
    found = np.zeros(len(slots))
    for term in wanted:
        rows = memory.words.rows(term)
        if len(rows):
            found += rows[np.searchsorted(rows, slots).clip(0, len(rows) - 1)] == slots
    return found / max(1, len(wanted))


def _temporal(when: Sequence[Span], times: NDArray[np.float64]) -> NDArray[np.float64]:
    if not when:
        return np.zeros(len(times))
    moments, inverse = np.unique(times, return_inverse=True)
    fits = [temporal_fit(when, datetime.fromtimestamp(moment, UTC)) for moment in moments]
    return np.array(fits)[inverse]


def _category(memory: SlotMemory, question: Question, slots: Slots) -> NDArray[np.float64]:
    """Cosine of the question with the prototype of each slot's category."""
    assert memory.categories is not None
    nearest = dict(memory.categories.nearest(question.vector, max(1, len(memory.categories))))
    ids = [memory.at(int(slot)).id for slot in slots]
    return np.array([nearest[memory.categories.category_of(i)] for i in ids])


def _neighbours(memory: SlotMemory, slots: Slots, signals: dict[str, Column]) -> Column:
    """How well the texts before and after in the episode fit, in deviations of words and cosine."""
    found = np.zeros(len(slots))
    if not len(memory.episodes):
        return found
    fit = z_scores(signals["words"]) + z_scores(signals["cosine"])
    for beside in (memory.episodes.before[slots], memory.episodes.after[slots]):
        rows = np.searchsorted(slots, beside).clip(0, len(slots) - 1)
        known = (beside != NONE) & (slots[rows] == beside)
        found[known] += fit[rows[known]]
    return found
