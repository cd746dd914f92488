"""The signals: which slots are candidates for a question, and a column of each signal over them."""

from __future__ import annotations

import re
from collections.abc import Set
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
from memgraft.text.when import Span, spans, temporal_fit

if TYPE_CHECKING:
    from memgraft.retrieval.memory import SlotMemory

Slots = NDArray[np.intp]

_WORD = re.compile(r"[^\W_]+")
# Direct hits that associations spread from, at most, and how far.
_HITS, _HOPS = 8, 2


@dataclass(frozen=True)
class Question:
    """A text and its unit vector (d,), the moment it is asked at, which slots may answer, and how
    many are wanted; its words without the names of speakers, the speaker that it names, and BM25 of
    those words for every slot, (slots,)."""

    text: str
    vector: NDArray[np.float32]
    now: float
    allowed: NDArray[np.bool_]
    limit: int
    words: str
    speaker: str
    scores: NDArray[np.float32]


def candidates(memory: SlotMemory, question: Question) -> Slots:
    """Slots that a signal nominates, and their neighbours and associates; sorted.

    A slot that is found by its words alone is a candidate like any other.
    """
    if not question.allowed.any():
        return np.zeros(0, np.intp)
    pool = max(memory.config.pool, question.limit)
    nominated = [memory.bank.nearest(question.vector, pool, question.allowed)]
    words = question.scores
    by_words = np.flatnonzero((words > 0) & question.allowed)
    nominated.append(by_words[best_rows(words[by_words], pool)])
    found = np.unique(np.concatenate(nominated))
    beside = np.concatenate([memory.episodes.before[found], memory.episodes.after[found]])
    linked = np.array(_associates(memory, found), np.intp)
    found = np.unique(np.concatenate([found, beside[beside != NONE], linked]))
    return found[question.allowed[found]].astype(np.intp)


def ranked(
    memory: SlotMemory, question: Question, slots: Slots
) -> tuple[Column, dict[str, Column]]:
    """The fused score of each candidate, (n,), and the columns that it was made of."""
    signals = _columns(memory, question, slots)
    signals["neighbours"] = _neighbours(memory, slots, signals)
    weights = _adapted(memory, question)
    scores = z_sum(signals, weights, ABSOLUTE)
    signals["association"] = _association(memory, slots, scores)
    # Where nothing arrives, a score below the mean stays what it is.
    lifted = np.maximum(scores, weights["association"] * signals["association"])
    return np.where(signals["association"] > 0, lifted, scores), signals


def _columns(memory: SlotMemory, question: Question, slots: Slots) -> dict[str, Column]:
    text, speaker = question.words, question.speaker
    words = question.scores.astype(np.float64)
    when = spans(question.text, datetime.fromtimestamp(question.now, UTC))
    columns = {
        "cosine": memory.bank.gathered(slots) @ question.vector,
        "context": memory.contexts.gathered(slots) @ question.vector,
        "words": words[slots],
        "episode": _episode(memory, text, words, slots),
        "overlap": _overlap(memory, text, slots),
        "length": _length(memory, slots),
        "asks": memory.asks.values[slots] * (memory.episodes.episode[slots] != NONE),
        "speaker": memory.speaker_codes[slots] == memory.speakers.get(speaker, NONE),
        "temporal": _temporal(when, memory.times.values[slots]),
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
    memory: SlotMemory, text: str, words: NDArray[np.float64], slots: Slots
) -> NDArray[np.float64]:
    """BM25 of the whole episode that each slot belongs to; a slot in none is one of its own."""
    count = len(memory.episodes)
    if not count:
        return words[slots]
    scores = memory.words.group_scores(text, memory.episodes.episode, count)
    episode = memory.episodes.episode[slots]
    return np.where(episode != NONE, scores[episode], words[slots])


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


def _temporal(when: list[Span], times: NDArray[np.float64]) -> NDArray[np.float64]:
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
    fit = z_scores(signals["words"]) + z_scores(signals["cosine"])
    found = np.zeros(len(slots))
    for beside in (memory.episodes.before[slots], memory.episodes.after[slots]):
        rows = np.searchsorted(slots, beside).clip(0, len(slots) - 1)
        known = (beside != NONE) & (slots[rows] == beside)
        found[known] += fit[rows[known]]
    return found


def _association(memory: SlotMemory, slots: Slots, scores: Column) -> Column:
    """What the direct hits, those with half of the best score, spread over the Hebbian graph.

    On the scale of the scores, and never above that of the weakest direct hit (see the bound in
    `nn.hebbian.spread`): an associate comes to mind after what brought it.
    """
    lift = np.zeros(len(slots))
    best = float(scores.max(initial=0.0))
    if best <= 0:
        return lift
    order = np.argsort(-scores, kind="stable")[:_HITS]
    direct = {
        memory.at(int(slots[row])).id: float(scores[row])
        for row in order
        if scores[row] >= best / 2
    }
    damping = safe_damping(direct.values())
    for record_id, active in memory.associations.spread(direct, _HOPS, damping).items():
        if record_id in direct or record_id not in memory:
            continue
        place = int(np.searchsorted(slots, memory.slot(record_id)))
        if place < len(slots) and slots[place] == memory.slot(record_id):
            lift[place] = active / (1 - damping)
    return lift


def _associates(memory: SlotMemory, found: Slots) -> list[int]:
    """Slots that the nominated ones lead to."""
    linked: set[str] = set()
    if not memory.associations:
        return []
    for slot in found.tolist():
        linked.update(memory.associations.targets(memory.at(slot).id))
    return memory.slots_of(linked)
