"""Questions that a fact answers, worded as its user would ask them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from memgraft.text import lexicon as lx
from memgraft.text.constituents import constituent_questions
from memgraft.text.grammar import Clause, clauses, is_money, is_number, is_time, reading, tokens
from memgraft.text.person import strip_preamble
from memgraft.text.related import relation_questions
from memgraft.text.wording import definite, double_object, lowered

_FOREIGN = lx.words(
    "mijn ik het een de van der das und ist ich mein meine le les des est je mon ma el los las mi "
    "es y un une il och jag är min den på det jeg er mio è sono eu meu não uma si da que por del"
)
_ENOUGH = 4


def questions(fact: str, limit: int = 12) -> list[str]:
    """Return up to ``limit`` different questions that the fact answers, most direct first.

    >>> questions("Mira chairs the board")[:2]
    ['What does Mira chair?', 'Who chairs the board?']
    """
    text = strip_preamble(fact)
    found = clauses(text) if _is_english(text) else []
    direct = _distinct(_interleave([constituent_questions(clause) for clause in found]))
    related = _distinct(_interleave([relation_questions(clause) for clause in found]))
    room = max(limit - 1 - len(related), limit // 2)
    asked = _distinct([*direct[:room], *related])[: limit - 1]
    topic = _topic(text, found)
    fallback = [f"Tell me about {topic}.", f"What do you know about {topic}?",
                f"What did I tell you about {topic}?"] if topic else []  # fmt: skip
    bare = bool(found) and _is_bare(topic)
    wanted = max((3 if bare else _ENOUGH) - len(asked), 0 if bare else 1)
    return _distinct([*asked, *fallback[:wanted]])[:limit] if topic else []


def _is_english(text: str) -> bool:
    low = [token.lower() for token in tokens(text[:2000])]
    foreign = sum(token in _FOREIGN for token in low)
    function = lx.DETERMINERS | lx.PREPOSITIONS | lx.PRONOUNS | lx.FINITE_AUXILIARIES
    native = sum(token in function for token in low)
    known = any(reading(token, tag) for token in low for tag in ("s", "past"))
    return foreign < max(native, 1) and (native > 0 or known)


def _interleave(lists: Iterable[Iterable[str]]) -> Iterator[str]:
    rows = zip_longest(*lists)
    return (question for question in chain.from_iterable(rows) if question)


def _distinct(found: Iterable[str]) -> list[str]:
    return list({question.lower(): question for question in reversed(list(found))}.values())[::-1]


def _topic(text: str, found: list[Clause]) -> str:
    """Return what the fact is about: its subject, or what the user does something with."""
    if not found:
        return " ".join(text.rstrip(".!?… ").split()[:8])[:80]
    clause = found[0]
    if clause.subject.lower() not in lx.PRONOUNS:
        return lowered(clause.subject)
    phrases = [
        double_object(clause.complement)[1],
        *(a.text for a in clause.adjuncts if " " in a.text or a.text[:1].isupper()),
    ]
    if clause.lemma != "be":
        phrases = [definite(phrase, clause.subject) if phrase else "" for phrase in phrases]
    solid = (lowered(phrase) for phrase in phrases if phrase and not _is_bare(phrase))
    return next(solid, "") or next(filter(None, phrases), clause.verb)


def _is_bare(phrase: str) -> bool:
    """Tell phrases that make no topic of their own: amounts, times, adjectives, "a nurse"."""
    parts = phrase.lower().split()
    if not parts or parts[0] in {"a", "an"} or is_money(phrase) or is_time(phrase):
        return True
    return is_number(parts[0]) or parts[-1] in lx.TAGGED_ADJECTIVES | lx.PRONOUNS
