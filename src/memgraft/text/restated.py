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
# Marks around a word. Inside of one they tell numbers, addresses and codes apart: 1.5 is not 15.
# A quotation mark behind a digit is an inch, and a dash before one a minus.
_EDGES = re.compile(
    r"""^(?:[("'\[{“”‘’«»。、，！？；：「」]|[–—](?!\d))+"""
    r"""|(?:[.,;:?!…)\]}“”‘’«»–—。、，！？；：「」]|(?<!\d)["'])+$"""
)
# A code or password, whose last mark belongs to it.
_CODE = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])\S+!")
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

# What begins a phrase of time or place; two of them, or what joins clauses, leave open what belongs
# to what.
_WHEN_OR_WHERE = lx.PLACE_PREPOSITIONS | lx.words("before after during since until till from for")
_JOINS = _WHEN_OR_WHERE | lx.words("and or but because when while if")
_WHICH = lx.words("every each last next this")
_TIMES = lx.WEEKDAYS | lx.MONTHS | lx.SEASONS | lx.DAY_WORDS | lx.SPAN_UNITS
_DAYS = {("yesterday",), ("today",), ("tomorrow",), ("tonight",), ("nowadays",)}
_LONGEST_PHRASE = 5


def wording(text: str) -> tuple[str, ...]:
    """The words of a text in order, without fillers, case and the marks around them.

    >>> wording("My cat's called Tom!") == wording("my cat's called Tom")
    True
    >>> wording("I take 1.5 mg") == wording("I take 15 mg")
    False
    """
    return _read(text)[0]


def _read(text: str) -> tuple[tuple[str, ...], frozenset[int]]:
    """The wording, and before which of its words marks stand; its length for the end."""
    found: list[str] = []
    marks: set[int] = set()
    place = 0
    for chunk in normal(text).split():
        for bare in [chunk] if _CODE.fullmatch(chunk) else map(_bare, tokens(chunk)):
            # "A" inside a sentence is a name: vitamin A.
            filler = bare.lower() in _FILLERS and (bare.islower() or place == 0)
            place += 1
            if not bare:
                marks.add(len(found))
            elif not filler:
                found.append(bare.casefold())
    return tuple(found), frozenset(marks)


def _bare(token: str) -> str:
    return _EDGES.sub("", token)


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
    if _same_words(one.text, other.text) and (cosine is None or cosine >= SAME):
        return True
    if _same_slot(new[0], old[0], one, other):
        return True
    if cosine is None or cosine < LIKE or Counter(wording(one.text)) - Counter(wording(other.text)):
        return False
    return _order(one, other) and sameness(one, other, _NO_SLIPS) == "like"


def _same_words(one: str, other: str) -> bool:
    """Same words in the same order, but that a time or place may stand first: "on Fridays I swim".

    What else is turned round may say something else: aspirin at 8 and insulin at 9.
    """
    (mine, my_marks), (its, its_marks) = _read(one), _read(other)
    if not mine or len(mine) != len(its):
        return False
    return (
        mine == its
        or _moved(mine, my_marks, its, its_marks)
        or _moved(its, its_marks, mine, my_marks)
    )


def _moved(
    one: tuple[str, ...], marks: frozenset[int], other: tuple[str, ...], its_marks: frozenset[int]
) -> bool:
    """Whether one begins with the time or place that the other ends with."""
    size, ends = len(one), {0, len(one)}
    return any(
        one[cut:] + one[:cut] == other
        and _says_when_or_where(one[:cut])
        and not set(one[cut:]) & _JOINS
        and marks <= ends | {cut}
        and its_marks <= ends | {size - cut}
        for cut in range(1, min(_LONGEST_PHRASE, size - 2) + 1)
    )


def _says_when_or_where(phrase: tuple[str, ...]) -> bool:
    """One phrase, such as "in Rome", "every second Friday" or "yesterday"."""
    first, *rest = phrase
    if set(rest) & _JOINS or set(phrase) & lx.NOMINATIVE:
        return False
    if first in _WHEN_OR_WHERE:
        return bool(rest)
    if first in _WHICH:
        return bool(rest) and rest[-1].removesuffix("s") in _TIMES
    return phrase[-1] == "ago" or phrase in _DAYS


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
    if set(wording(one.text)) - set(wording(other.text)) - _SLOT_WORDS:
        return False
    return one.forms.keys() - other.forms.keys() <= _SLOT_WORDS and _order(one, other)


def _same_day(new: tuple[str, datetime], old: tuple[str, datetime]) -> bool:
    if not _TOLD.search(new[0]) and not _TOLD.search(old[0]):
        return True
    return bool(found := set(spans(*new))) and found == set(spans(*old))
