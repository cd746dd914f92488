"""Whether two texts say the same thing, as far as their words can tell.

Vectors of "my cat is called Tom" and "my cat is called Tim" are nearly equal; so are those of a
statement and its denial. What is compared here is what vectors are poor at: names, numbers, who,
when, whether, and which word stands where. Where the words leave it open, the answer is no.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal

from memgraft.core.stop_words import STOP_WORDS
from memgraft.text import lexicon as lx
from memgraft.text.morphology import verb_forms
from memgraft.text.person import strip_preamble
from memgraft.text.rivals import rival_terms
from memgraft.text.stems import stems
from memgraft.text.tokenizer import tokens

Sameness = Literal["same", "like"]

# What is said about the saying.
_ASIDES = re.compile(
    r"(?:^|[\s,;]+)(?:as i (?:said|mentioned)(?: before)?|like i said|you know|by the way|"
    r"just so you know|for the record|don't forget|remember|as you know|in case you forgot|"
    r"it(?:'s| is) true that|once more|once again|one more time|"
    r"did i mention (?:it|that)|did i tell you(?: that)?)"
    r"(?=[\s,;:.!?]|$)[,:?]?\s*",
    re.IGNORECASE,
)
_BARE = {"dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not",
         "arent": "are not", "wasnt": "was not", "werent": "were not", "cant": "can not",
         "wont": "will not", "im": "I am", "ive": "I have", "thats": "that is"}  # fmt: skip
_FILLERS = lx.words("a an the that so just also well please too then")
# Where these differ, it is not the same that is said.
_DENIALS = lx.words(
    "not no never none nobody nothing neither nor without hardly barely unless except former "
    "formerly ex almost nearly instead"
)
_SIDES = lx.words("before after until till since from to over under with without")
_MODALS = lx.MODALS | lx.words("used maybe perhaps probably")
# A word that begins with no capital.
_SMALL = re.compile(r"(?<![^\W\d_])[a-zß-öø-ÿ]\w*")
_PAST, _PRESENT = lx.words("was were"), lx.words("am is are")
_WHO = lx.KIN | lx.ROLES
_NUMBERS = lx.NUMBER_WORDS | lx.WEEKDAYS | lx.MONTHS | lx.words("first second third last next")
_PLAIN = STOP_WORDS | lx.BE | lx.HAVE | lx.DO | lx.DETERMINERS | lx.PREPOSITIONS | lx.PRONOUNS
_FIRST = lx.words("i me my mine we us our ours myself")
_SECOND = lx.words("you your yours yourself")
# In texts that are longer, too much can differ without moving the vector.
_LONGEST = 30


class Vocabulary:
    """How often the texts at hand hold words that are written small."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts = Counter(word for text in texts for word in _SMALL.findall(text))

    def count(self, word: str) -> int:
        return self._counts[word]

    def common(self, word: str) -> bool:
        """Whether it is a word of the language, as far as can be told, and no name."""
        return word in _known() or self._counts[word] >= 3

    def slipped(self, wrong: str, right: str) -> bool:
        """Whether one is unknown and rare where the other is known or commoner."""
        if wrong in _known() or not (right in _known() or self.count(right) > self.count(wrong)):
            return False
        return self.count(wrong) <= max(2, self.count(right) // 10)


@dataclass(frozen=True)
class Word:
    """A word in lower case; `sharp` if it is a name, a number or a code."""

    form: str
    sharp: bool
    possessive: bool
    # The preposition that it hangs on, or ""; and whether a mark stands between the last and it.
    role: str
    apart: bool = False


@dataclass(frozen=True)
class Statement:
    """A text as `sameness` reads it."""

    text: str
    words: tuple[Word, ...]
    asks: bool

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary) -> Statement:
        bare = strip_preamble(_ASIDES.sub(" ", text).strip(" ,;")) or text
        parts = [
            part
            for token in tokens(bare.replace("’", "'"))
            for part in _BARE.get(token.lower(), token).split()
        ]
        words: list[Word] = []
        role, initial, apart = "", True, True
        for part in parts:
            bare_part = part.strip("\"'()[]“”‘«»*_,;:.!?…-–—")
            if not bare_part:
                initial = initial or part in ".!?…"
                role, apart = "", True
                continue
            words.append(word := _word(bare_part, initial, role, apart, vocabulary))
            low, initial, apart = word.form, False, False
            if low in lx.PREPOSITIONS | {"of", "to"}:
                role = low
            elif low not in lx.DETERMINERS and not word.sharp:
                role = ""
        return cls(bare, tuple(words), "?" in bare)

    @cached_property
    def forms(self) -> Counter[str]:
        return Counter(word.form for word in self.words)

    @cached_property
    def content(self) -> frozenset[str]:
        """Stems of the words that mean something."""
        plain = (word.form for word in self.words if word.form not in _PLAIN)
        return frozenset(stem for form in plain for stem in stems(form))

    @cached_property
    def sharp(self) -> frozenset[str]:
        return frozenset(word.form for word in self.words if word.sharp)

    def corrected(self, slips: Mapping[str, str]) -> Statement:
        """With words in the place of others."""
        if not slips:
            return self
        words = (replace(word, form=slips.get(word.form, word.form)) for word in self.words)
        return replace(self, words=tuple(words))

    @cached_property
    def owners(self) -> int:
        """How many words end like possessives."""
        return sum(word.possessive for word in self.words)

    def among(self, *lists: Iterable[str]) -> frozenset[str]:
        """Which of these words it holds."""
        return frozenset(form for listed in lists for form in listed if form in self.forms)


def sameness(one: Statement, other: Statement, vocabulary: Vocabulary) -> Sameness | None:
    """ "same" if both say the same in the same words, but for slips, marks, asides and order;
    "like" if names, numbers, persons and denials agree and the other words may; None if not.
    """
    left, right, slips = _unmatched(one, other, vocabulary)
    one = one.corrected(slips)
    if one.asks != other.asks:
        return None
    if any(one.among(words) != other.among(words) for words in (_DENIALS, _MODALS)):
        return None
    if not {*left, *right} - _FILLERS - {"and"}:
        return "same" if _in_order(one, other) else None
    if not _alike(one, other):
        return None
    # More in the same place, or something else, is another statement ("I met Ann", "I called Ann",
    # "my target weight"), but not what a mark sets apart ("as it happens, ...").
    if _without(one, left) == _without(other, right):
        extra, held = (one, right) if left else (other, left)
        return "like" if not held and _set_apart(extra, left or right) else None
    return "like"


def has_slip(one: Statement, vocabulary: Vocabulary) -> bool:
    """Whether some word looks like a slip of the pen: unknown, rare, and no name."""
    return any(
        not word.sharp
        and word.form.isalpha()
        and word.form not in _known()
        and vocabulary.count(word.form) <= 2
        for word in one.words
    )


def _word(part: str, initial: bool, role: str, apart: bool, vocabulary: Vocabulary) -> Word:
    possessive = part.lower().endswith(("'s", "s'"))
    form = part.removesuffix("'").removesuffix("'s").removesuffix("'S").casefold()
    if form[:1].isdigit() and form.replace(",", "").isdigit():
        form = form.replace(",", "")
    name = part[:1].isupper() and part not in {"I", "OK"} and form not in _PLAIN
    if initial and part[1:] == part[1:].lower():
        name = name and not vocabulary.common(form)
    sharp = name or form in _NUMBERS or any(c.isdigit() or c in "@/_" for c in form)
    return Word(form, sharp, possessive, role, apart)


def _unmatched(
    one: Statement, other: Statement, vocabulary: Vocabulary
) -> tuple[list[str], list[str], dict[str, str]]:
    """The words of each that the other has not; and slips of the first, with what was meant."""
    slips: dict[str, str] = {}
    left = list((one.forms - other.forms).elements())
    right = list((other.forms - one.forms).elements())
    blunt = (one.sharp | other.sharp) - _known()
    owners = {w.form for w in (*one.words, *other.words) if w.possessive}
    for word in list(left):
        for rival in right:
            owned = {word, rival} & owners and (word + "s" == rival or rival + "s" == word)
            if owned or (not {word, rival} & blunt and _is_slip(word, rival, vocabulary)):
                left.remove(word)
                right.remove(rival)
                slips[word] = rival
                break
    # "Anna's my dentist" is "Anna is my dentist".
    for short, words in ((other, left), (one, right)):
        if "is" in words and short.owners > (one if short is other else other).owners:
            words.remove("is")
    return left, right, slips


def _is_slip(one: str, other: str, vocabulary: Vocabulary) -> bool:
    """Whether one is the other with two letters swapped, or one doubled, lost or added.

    One letter for another is not taken for a slip: Jonas is not Jonah.
    """
    if min(len(one), len(other)) < 3 or not (one + other).isalpha() or not _near(one, other):
        return False
    return vocabulary.slipped(one, other) != vocabulary.slipped(other, one)


def _near(one: str, other: str) -> bool:
    if len(one) > len(other):
        one, other = other, one
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) == len(other):
        swapped = one[:start] + one[start + 1 : start + 2] + one[start : start + 1]
        return swapped + one[start + 2 :] == other
    return len(other) == len(one) + 1 and one[start:] == other[start + 1 :]


def _in_order(one: Statement, other: Statement) -> bool:
    """Whether names and numbers stand in the same places: Tom pays Ann is not Ann pays Tom."""
    if [w.form for w in one.words] == [w.form for w in other.words]:
        return True
    persons = _FIRST | _SECOND
    if one.among(persons) != other.among(persons):
        return False
    for words in ((*_PAST, "am", "are"), _SIDES):
        if one.among(words) != other.among(words):
            return False
    return _same_places(one, other)


def _same_places(one: Statement, other: Statement) -> bool:
    """Same sequence of the sharp words, or each on its preposition but one at most."""
    shared = one.sharp | other.sharp
    mine, its = _runs(one, shared), _runs(other, shared)
    if [form for run in mine for form in run[0]] == [form for run in its for form in run[0]]:
        return True
    free = [run for run in mine if not run[1] and not run[2]]
    return sorted(mine) == sorted(its) and len(free) <= 1


def _runs(statement: Statement, sharp: frozenset[str]) -> list[tuple[tuple[str, ...], str, bool]]:
    """Sharp words that stand together, what they hang on, and whether they own something."""
    runs: list[list[Word]] = [[]]
    for word in statement.words:
        if word.form not in sharp or word.apart:
            runs.append([])
        if word.form in sharp:
            runs[-1].append(word)
    return [(tuple(w.form for w in run), run[0].role, run[-1].possessive) for run in runs if run]


def _alike(one: Statement, other: Statement) -> bool:
    anchors = one.sharp & (other.sharp | other.forms.keys())
    sharp = one.sharp <= other.forms.keys() and other.sharp <= one.forms.keys()
    if not anchors or not sharp or max(len(one.words), len(other.words)) > _LONGEST:
        return False
    if not _same_persons(one, other) or one.among(_WHO) != other.among(_WHO):
        return False
    if bool(one.among(_PAST)) != bool(other.among(_PAST)) and one.among(_PRESENT) != other.among(
        _PRESENT
    ):
        return False
    sides = one.among(_SIDES) - other.among(_SIDES), other.among(_SIDES) - one.among(_SIDES)
    if all(sides) or not _same_places(one, other) or rival_terms(one.text, other.text):
        return False
    if rival_terms(other.text, one.text):
        return False
    mine, its = one.content - other.content, other.content - one.content
    return bool(mine or its) and (len(mine), len(its)) != (1, 1)


def _without(statement: Statement, words: Sequence[str]) -> list[str]:
    """The forms in order, but for these and fillers."""
    left = Counter(words)
    kept = []
    for word in statement.words:
        if left[word.form] > 0:
            left[word.form] -= 1
        elif word.form not in _FILLERS:
            kept.append(word.form)
    return kept


def _set_apart(statement: Statement, extra: Sequence[str]) -> bool:
    """Whether these words of it are its first or last ones, up to or from a mark."""
    wanted, count = Counter(extra), len(extra)
    forms = [word.form for word in statement.words]
    if count >= len(forms):
        return False
    if Counter(forms[:count]) == wanted and statement.words[count].apart:
        return True
    return Counter(forms[-count:]) == wanted and statement.words[-count].apart


def _same_persons(one: Statement, other: Statement) -> bool:
    for person in (_FIRST, _SECOND):
        mine, its = one.among(person), other.among(person)
        if bool(mine) != bool(its):
            return False
        if ("i" in mine) != ("i" in its) and ("me" in mine or "me" in its):
            return False
    return True


@cache
def _known() -> frozenset[str]:
    """Words that are spelled right."""
    lists = (value for value in vars(lx).values() if isinstance(value, frozenset))
    return frozenset().union(STOP_WORDS, verb_forms(), _FILLERS, *lists)
