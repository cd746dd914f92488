"""Complements and adjuncts: what follows the verb, divided and classified."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memgraft.text import lexicon as lx
from memgraft.text.morphology import nounlike, reading
from memgraft.text.shapes import is_money, is_number, is_person, is_time
from memgraft.text.tokenizer import text_of

BREAKS = frozenset([",", ";", ":", "-", "–", "—", "(", ")"])


@dataclass(frozen=True, slots=True)
class Adjunct:
    """A phrase that adds where, when, how or with whom."""

    kind: str
    """place, time, duration, manner, recipient, company, topic or other"""
    preposition: str
    text: str

    @property
    def phrase(self) -> str:
        """The preposition and its text: ``"in Graz"``."""
        return f"{self.preposition} {self.text}".strip()


_TIME_PREPOSITIONS = lx.words(
    "for since until till during by in on at from before after of around over within"
) | {""}


def _kind(preposition: str, text: str, lemma: str) -> str:
    if text.endswith(" ago") or (preposition == "to" and is_time(text) and not is_money(text)):
        return "time"
    if preposition in {"at", "by", "before", "after", "until"} and is_number(text):
        return "time"
    if preposition in _TIME_PREPOSITIONS and is_time(text):
        span = is_number(text.split()[0]) and text.split()[-1].rstrip("s") in lx.SPAN_UNITS
        return (
            "duration" if preposition in {"for", "over"} or (not preposition and span) else "time"
        )
    table = {"about": "topic", "regarding": "topic", "like": "manner", "without": "company"}
    if preposition in table:
        return table[preposition]
    if preposition == "with":
        return "company" if is_person(text) else "other"
    if preposition == "to":
        if is_money(text):
            return "other"
        if lemma in lx.MOTION and not (lemma == "ship" and is_person(text)):
            return "place"
        return "recipient" if lemma in lx.TRANSFER or is_person(text) else "other"
    if preposition == "from":
        return "place" if lemma in lx.MOTION | {"originate", "start", "be"} else "other"
    place = preposition in lx.PLACE_PREPOSITIONS and preposition != "by"
    return "place" if place and not is_money(text) else "other"


def phrases(parts: list[str], lemma: str) -> tuple[str, tuple[Adjunct, ...]]:
    """Divide what follows the verb into the complement and its adjuncts."""
    chunks: list[list[str]] = [[]]
    for index, token in enumerate(parts):
        if token in BREAKS:
            rest = parts[index + 1 :]
            if chunks[-1] and not ({"and", "or"} & set(rest)) and not _place_name(chunks[-1], rest):
                chunks.append([])  # an afterthought: it only counts if it is a phrase
                continue
        if opens_phrase(parts, index) and not (chunks[-1] and _absorbs(chunks[-1])):
            chunks.append([])
        chunks[-1].append(token)
    adjuncts: list[Adjunct] = []
    for chunk in filter(None, chunks[1:]):
        first = chunk[0].lower()
        bare = first not in lx.PREPOSITIONS | lx.SUBORDINATORS
        preposition = "" if bare else first
        text = text_of(chunk if bare else chunk[1:])
        if not text or (bare and not is_time(text) and "times" not in chunk and "ago" not in chunk):
            continue
        subordinate = first in lx.SUBORDINATORS - lx.PREPOSITIONS
        kind = "time" if bare or first in {"when", "while"} else _kind(preposition, text, lemma)
        kind = (
            _kind("", text, lemma) if bare else "other" if subordinate and kind != "time" else kind
        )
        adjunct = Adjunct(kind, preposition, text)
        if kind == "place" and adjuncts and adjuncts[-1].kind == "place":
            joined = f"{adjuncts[-1].text} {adjunct.phrase}"
            adjuncts[-1] = replace(adjuncts[-1], text=joined)
        else:
            adjuncts.append(adjunct)
    return text_of(chunks[0]), tuple(adjuncts)


def _place_name(chunk: list[str], rest: list[str]) -> bool:
    """Tell the comma of ``"in Lyon, France"``."""
    return len(chunk) > 1 and chunk[-1][0].isupper() and bool(rest) and rest[0][0].isupper()


def _absorbs(chunk: list[str]) -> bool:
    return chunk[-1].lower() in lx.PREPOSITIONS or chunk[0].lower() in {"about", "when", "while"}


def opens_phrase(parts: list[str], index: int) -> bool:
    low, rest = parts[index].lower(), parts[index + 1 :]
    if low == "of" or (low == "like" and index == 0):
        return False
    if low == "past" and index and parts[index - 1] in {"half", "quarter"}:
        return False
    if low in lx.TIME_OPENERS and rest and (is_time(rest[0]) or is_time(" ".join(rest[:2]))):
        return True
    if is_number(low) and rest and (rest[0] in lx.FREQUENCY or rest[1:2] == ["ago"]):
        return True
    ahead = rest[0].lower() if rest else ""
    if low == "to" and index and reading(ahead, "base") and ahead not in nounlike():
        return False
    if low in lx.PREPOSITIONS:
        stranded = ahead in lx.PREPOSITIONS and low not in _ADVERBIAL_PREPOSITIONS
        return bool(rest) and not (index and stranded)
    if low == "ago" and index > 1 and is_number(parts[index - 2]):
        return False
    return bool(low in lx.BARE_TIME or low in {"when", "while"})


_ADVERBIAL_PREPOSITIONS = lx.words("upstairs downstairs inside outside next from")
