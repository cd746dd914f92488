"""Whether a fact says nothing that another has not said already, so that it need not be kept.

Stricter than `sameness`, on which it builds: there, one of two texts rests and can be woken; here
the new one is gone for good. Where anything differs that may matter, the answer is no.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

from memgraft.text import lexicon as lx
from memgraft.text.extract_english import normal
from memgraft.text.sameness import Statement, Vocabulary, sameness
from memgraft.text.slots import contradicts, slot
from memgraft.text.tokenizer import tokens
from memgraft.text.when import spans

# Least cosines of two that say the same in the same words, and in other words.
SAME, LIKE = 0.5, 0.85

# No slips of the pen are looked for: in names and passwords they are other names and passwords.
_NO_SLIPS = Vocabulary(())
_FILLERS = lx.words("a an the that so just also well please too then")
_MARK = re.compile(r"[^\w@#/+&%°€$£-]+")
# Words whose day depends on when they are said.
_TOLD = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|ago|now|"
    r"(?<!half )(?<!quarter )(?:this|next|last|past|coming) \w+|"
    r"in (?:a|an|\w+) (?:days?|weeks?|months?|years?)|"
    r"(?:on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
# Ways of saying the one thing that a slot holds, besides its value.
_SLOT_WORDS = lx.words(
    "i my me am is are live lives living reside resides in based name named called call s at "
    "for by work works working employed employer years year old now currently and born on it"
)


def wording(text: str) -> tuple[str, ...]:
    """The words of a text in order, without marks, case and fillers.

    >>> wording("My cat's called Tom!") == wording("my cat's called Tom")
    True
    """
    found = []
    for place, token in enumerate(tokens(normal(text))):
        bare = _MARK.sub("", token)
        # "A" inside a sentence is a name: vitamin A.
        filler = bare.lower() in _FILLERS and (bare.islower() or place == 0)
        if bare and not filler:
            found.append(bare.casefold())
    return tuple(found)


def wording_key(text: str) -> int:
    """Equal for texts of the same words in any order; only for looking up within one process."""
    return hash(tuple(sorted(wording(text))))


def says_already(
    new: tuple[str, datetime], old: tuple[str, datetime], cosine: float | None = None
) -> bool:
    """Whether the old fact says all that the new one does.

    Args:
        new, old: each text, and the moment from which its "yesterday" is seen.
        cosine: of their vectors, where there are some; without, only the same words count.

    >>> noon = datetime(2024, 3, 10, 12)
    >>> says_already(("On Fridays I swim", noon), ("I swim on Fridays.", noon))
    True
    >>> says_already(("my cat is Tom", noon), ("my cat is Tim", noon))
    False
    """
    if not _same_day(new, old):
        return False
    one, other = Statement.of(new[0], _NO_SLIPS), Statement.of(old[0], _NO_SLIPS)
    if one.asks or other.asks:
        return False
    if _rotated(wording(one.text), wording(other.text)) and (cosine is None or cosine >= SAME):
        return True
    if _same_slot(new[0], old[0], one, other):
        return True
    if cosine is None or cosine < LIKE or Counter(wording(one.text)) - Counter(wording(other.text)):
        return False
    return _order(one, other) and sameness(one, other, _NO_SLIPS) == "like"


def _rotated(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Same words, but that the end may stand first: "on Fridays I swim"."""
    if not one or len(one) != len(other):
        return False
    return any(
        one[start:] + one[:start] == other for start, word in enumerate(one) if word == other[0]
    )


def _order(one: Statement, other: Statement) -> bool:
    """Whether the words that both share stand in the same order, but for the slot's own."""
    shared = (one.forms.keys() & other.forms.keys()) - _SLOT_WORDS
    first, second = ([w.form for w in s.words if w.form in shared] for s in (one, other))
    return first == second


def _same_slot(new: str, old: str, one: Statement, other: Statement) -> bool:
    """ "I'm based in Rome", where "I live in Rome" is known: one attribute, its value, no more."""
    attribute = slot(new)
    if attribute is None or attribute != slot(old) or contradicts(new, old):
        return False
    return one.forms.keys() - other.forms.keys() <= _SLOT_WORDS and _order(one, other)


def _same_day(new: tuple[str, datetime], old: tuple[str, datetime]) -> bool:
    if not _TOLD.search(new[0]) and not _TOLD.search(old[0]):
        return True
    return bool(found := set(spans(*new))) and found == set(spans(*old))
