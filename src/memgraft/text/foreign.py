"""What a question is about that a fact does not mention: other people, other names, other numbers.

Sentence embeddings put "What is my brother's name?" close to "My name is Yusuf". The few kinds of
words that tell such neighbours apart are compared here literally.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")

# People a possessive or a subject can shift the question to. Words of one line are the same person.
_PEOPLE = (
    "mother mum mom mama mummy parents parent",
    "father dad papa daddy parents parent",
    "grandmother gran granny grandma nan grandparents grandparent",
    "grandfather grandad granddad grandpa grandparents grandparent",
    "brother sibling siblings",
    "sister sibling siblings",
    "son child children kid kids boy baby newborn",
    "daughter child children kid kids girl baby newborn",
    "husband spouse partner hubby",
    "wife spouse partner",
    "girlfriend partner fiancee fiancée",
    "boyfriend partner fiance fiancé",
    "aunt auntie relative",
    "uncle relative",
    "cousin relative",
    "niece relative",
    "nephew relative",
    "friend mate buddy pal",
    "boss manager supervisor",
    "colleague coworker co-worker",
    "neighbour neighbor neighbours neighbors",
    "landlord landlady",
    "teacher tutor",
    "flatmate roommate housemate",
)


def foreign_terms(question: str, fact: str) -> list[str]:
    """Names, numbers and kinds of people in the question that the fact does not mention.

    >>> foreign_terms("What is my brother's name?", "My name is Yusuf")
    ['brother']
    >>> foreign_terms("Who lives at number 22?", "The Okafors live at number 18")
    ['22']
    """
    known = {
        _bare(part)
        for match in _WORD.finditer(fact)
        for part in (match.group(), *match.group().split("-"))
    }
    found = []
    for index, match in enumerate(_WORD.finditer(question)):
        word = _plain(match.group())
        bare = _bare(word)
        if bare in known:
            continue
        if bare in _SAME_PERSON:
            foreign = not (_SAME_PERSON[bare] & known)
        else:
            is_name = index > 0 and _is_name(match.group())
            foreign = is_name or any(c.isdigit() for c in bare)
        if foreign:
            found.append(word)
    return found


def _plain(word: str) -> str:
    """Case and possessive taken off."""
    return re.sub(r"['’]s?$", "", word.casefold())


def _bare(word: str) -> str:
    """A plural s taken off too: enough for words to be compared, not to be read."""
    stem = _plain(word)
    return stem[:-1] if len(stem) > 3 and stem.endswith("s") else stem


def _is_name(word: str) -> bool:
    return word[0].isupper() and word not in ("I", "I'm", "I've", "I'd", "I'll") and len(word) > 1


def _same_person() -> dict[str, frozenset[str]]:
    """Every word that may stand for the same person, by word."""
    same: dict[str, frozenset[str]] = {}
    for line in _PEOPLE:
        words = frozenset(_bare(word) for word in line.split())
        for word in words:
            same[word] = same.get(word, frozenset()) | words
    return same


_SAME_PERSON = _same_person()
