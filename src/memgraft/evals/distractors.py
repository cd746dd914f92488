"""Facts that are stored and never asked, so that large memories are measured with few questions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memgraft.data import facts as generator
from memgraft.evals.rows import FactRow
from memgraft.text.slots import slot

# Wordings and values are those that encoders are trained with, the facts are others.
SEED = 1_000_003
# Words of this many letters or more tell what a fact is about.
TELLING = 4


def distractors(rows: Sequence[FactRow], count: int) -> list[str]:
    """`count` generated facts that answer none of the rows' questions, nor each other's.

    One about the user, the user's things, or somebody whom the rows name shares no telling word
    with any row: two facts about the same would make two answers right. Facts about others may be
    as alike as they come. None sets what a row or another distractor has set.
    """
    words = {word for row in rows for word in _words(" ".join(_texts(row)))}
    answers = {row.answer.casefold() for row in rows}
    keys: set[tuple[str, str, str]] = set()
    slots = {slot(row.fact) for row in rows} - {None}
    chosen: list[str] = []
    source = generator.facts("train", SEED)
    while len(chosen) < count:
        fact = next(source)
        attribute = slot(fact.text)
        taken = fact.keys & keys or attribute in slots
        if taken or _alike(fact, words) or any(a in fact.text.casefold() for a in answers):
            continue
        keys |= fact.keys
        slots |= {attribute} - {None}
        chosen.append(fact.text)
    return chosen


def _alike(fact: generator.Fact, words: set[str]) -> bool:
    """Whether it may be about the same as a row with these words."""
    about = " ".join(who for _, who, _ in fact.keys)
    stranger = about[:1].isupper() and about != "I" and not _words(about) & words
    return not stranger and any(len(word) >= TELLING for word in _words(fact.text) & words)


def _texts(row: FactRow) -> list[str]:
    return [row.fact, row.question, row.paraphrase, row.neighbour or "", row.locality or ""]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
