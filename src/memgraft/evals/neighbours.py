"""Near neighbours: questions that look like a given one and are about somebody else."""

from __future__ import annotations

import re

# Tried in order; the first that applies makes the neighbour.
_SWAPS = (
    (r"\b(do|have) (I|we)\b", {"do": "does my neighbour", "have": "has my neighbour"}),
    (r"\b(am) (I|we)\b", {"am": "is my neighbour"}),
    (r"\b(are) (we)\b", {"are": "is my neighbour"}),
    (r"\b(did|was|were|should|must|can|will) (I|we)\b", None),
    (r"\b(my|our)\b", {"my": "my neighbour's", "our": "our neighbour's"}),
    (r"\b(me|us)\b", {"me": "my neighbour", "us": "my neighbour"}),
)
_NAME = re.compile(r"(?<=\s)[A-Z][\w-]+(?:\s[A-Z][\w-]+)*")
OTHER_NAME = "Ferdinand Aldous"


def neighbour(question: str) -> str | None:
    """The question about a neighbour, or about another name; None if it names nobody.

    >>> neighbour("Where do I work?")
    'Where does my neighbour work?'
    >>> neighbour("Who employs Ines Duarte?")
    'Who employs Ferdinand Aldous?'
    """
    for pattern, replacements in _SWAPS:
        found = re.search(pattern, question)
        if found:
            verb = found.group(1)
            other = replacements[verb] if replacements else f"{verb} my neighbour"
            return question[: found.start()] + other + question[found.end() :]
    named = _NAME.search(question)
    if named is None or named.group() == "I":
        return None
    return question[: named.start()] + OTHER_NAME + question[named.end() :]
