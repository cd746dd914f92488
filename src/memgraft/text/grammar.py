"""A light shallow parse of English declarative sentences: who does what, where and when."""

from __future__ import annotations

from dataclasses import dataclass

from memgraft.text import lexicon as lx
from memgraft.text.morphology import lemma_of, past_of, reading
from memgraft.text.phrases import BREAKS, Adjunct, opens_phrase, phrases
from memgraft.text.shapes import (
    head_noun,
    is_money,
    is_number,
    is_person,
    is_plural,
    is_singular_name,
    is_time,
)
from memgraft.text.tokenizer import sentences, text_of, tokens
from memgraft.text.verbgroup import find_verb, verb_group, verb_score, without_adverbs

__all__ = [
    "Adjunct",
    "Clause",
    "clauses",
    "head_noun",
    "is_money",
    "is_number",
    "is_person",
    "is_plural",
    "is_singular_name",
    "is_time",
    "lemma_of",
    "parse",
    "past_of",
    "reading",
    "text_of",
    "tokens",
]

_MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Clause:
    """One finite clause; ``verb`` is the whole verb group as written, without adverbs."""

    subject: str
    verb: str
    lemma: str
    negated: bool
    complement: str
    adjuncts: tuple[Adjunct, ...] = ()


def parse(fact: str) -> Clause | None:
    """Return the main clause of a declarative sentence, or None where none is recognised.

    >>> parse("Mira chairs the board")
    Clause(subject='Mira', verb='chairs', lemma='chair', negated=False, complement='the board', \
adjuncts=())
    """
    return next(iter(clauses(fact)), None)


def clauses(fact: str) -> list[Clause]:
    """Return the main clause, then coordinated ones and what appositions say.

    >>> [c.lemma for c in clauses("My sister Lena lives in Graz and teaches chemistry")]
    ['live', 'teach']
    """
    found: list[Clause] = []
    for sentence in sentences(tokens(fact)[:_MAX_TOKENS]):
        found += _sentence_clauses(sentence)
    return found


def _sentence_clauses(parts: list[str]) -> list[Clause]:
    parts, leading = _strip_leading(parts)
    found: list[Clause] = []
    subject: list[str] = []
    for piece in _coordinated(parts):
        verb = find_verb(piece)
        if verb is None and subject:
            piece, verb = [*subject, *piece], len(subject)
        if verb is None:
            continue
        subject = _apposition(without_adverbs(piece[:verb]))[0]
        found += _build(piece, verb, leading if not found else ())
    return found


def _strip_leading(parts: list[str]) -> tuple[list[str], tuple[Adjunct, ...]]:
    """Set apart an opening such as ``"On Wednesdays"`` or ``"When I was eleven"``."""
    first = parts[0].lower()
    opening = first in lx.PREPOSITIONS | {"when", "while"} or opens_phrase(parts, 0)
    if not opening:
        return parts, ()
    for index in range(2, len(parts)):
        token, low = parts[index], parts[index].lower()
        starts = (
            low in lx.NOMINATIVE | lx.DETERMINERS
            and parts[index - 1].lower() not in lx.PREPOSITIONS
        )
        if first in {"when", "while", "after", "before", "since"} and token != ",":
            starts = low in lx.NOMINATIVE and index > 3
        if token == "," or starts:
            rest = parts[index + (token == ",") :]
            if rest and find_verb(rest) is not None:
                return rest, phrases(parts[:index], "be")[1]
    return parts, ()


def _coordinated(parts: list[str]) -> list[list[str]]:
    """Cut at a comma, "and" or "but" after which another predicate or sentence begins."""
    verb = find_verb(parts)
    if verb is None:
        return [parts]
    for index in range(verb + 1, len(parts) - 1):
        low, rest = parts[index].lower(), parts[index + 1 :]
        if low in lx.HEDGED_SUBORDINATORS | {
            "though",
            "although",
            "because",
            "which",
            "but",
            "who",
        }:
            if low in {"but"} and _predicate(rest, parts[:verb]):
                return [parts[:index], *_coordinated_rest(rest)]
            if find_verb(rest) in (1, 2, 3) or low in lx.RELATIVES:
                kept = low in {"before", "after", "since", "until", "as", "once", "that"}
                return [parts] if kept and low != "that" else [parts[:index]]
        elif low == "and" and _predicate(rest, parts[:verb]):
            return [parts[:index], *_coordinated_rest(rest)]
        elif low == "," and rest[0].lower() in lx.NOMINATIVE | lx.POSSESSIVES and find_verb(rest):
            return [parts[:index], *_coordinated(rest)]
    return [parts]


def _coordinated_rest(rest: list[str]) -> list[list[str]]:
    return _coordinated(rest) if find_verb(rest) is not None else [rest]


def _predicate(rest: list[str], subject: list[str]) -> bool:
    """Tell whether a conjunct is a predicate of ``subject`` or a sentence of its own."""
    if rest[0].lower() in lx.NOMINATIVE | lx.POSSESSIVES:
        return find_verb(rest) is not None
    return verb_score([*subject, rest[0]], len(subject)) >= 1


def _build(parts: list[str], verb: int, leading: tuple[Adjunct, ...]) -> list[Clause]:
    subject, apposition = _apposition(without_adverbs(parts[:verb]))
    group, negated, end = verb_group(parts, verb)
    before = {part.lower() for part in parts[len(subject) : verb]}
    negated = negated or bool(before & {"never", "longer"})
    lemma = lemma_of(_content_verb(group))
    complement, adjuncts = phrases(parts[end:], lemma)
    name = text_of(subject)
    if not name:
        return []
    main = Clause(name, text_of(group), lemma, negated, complement, adjuncts + leading)
    named = _object_apposition(parts[end:], complement)
    return [main, *([_copula(name, apposition)] if apposition else []), *named]


def _content_verb(group: list[str]) -> str:
    """Return the verb of ``"has moved in"`` or ``"takes place"``."""
    dropped = lx.PARTICLES | {"place"}
    return next((word for word in reversed(group) if word.lower() not in dropped), group[-1])


def _apposition(subject: list[str]) -> tuple[list[str], str]:
    marks = [index for index, token in enumerate(subject) if token in BREAKS]
    if not marks or marks[0] == 0:
        return subject, ""
    inner = text_of(subject[marks[0] + 1 : marks[1] if len(marks) > 1 else None])
    return subject[: marks[0]], inner if subject[-1] in BREAKS else ""


def _object_apposition(parts: list[str], complement: str) -> list[Clause]:
    """Read ``"my therapist, Dr. Achterberg"`` as "my therapist is Dr. Achterberg"."""
    if "," not in parts or not complement:
        return []
    cut = parts.index(",")
    name = text_of(parts[cut + 1 :])
    known = parts[0].lower() in lx.POSSESSIVES | {"the"} and text_of(parts[:cut]) == complement
    return [_copula(complement, name)] if known and is_singular_name(name) else []


def _copula(subject: str, complement: str) -> Clause:
    return Clause(subject, "are" if is_plural(subject) else "is", "be", False, complement)
