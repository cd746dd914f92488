"""The kind of answer that a question wants, and whether a fact holds anything of that kind.

Sentence embeddings put "Who wrote Tin Harbour?" close to "I've read Tin Harbour four times". What
is asked for, and not there, tells such neighbours apart. Every rule errs towards letting a fact
pass: only a fact that surely has no person, time or amount in it is said to have none.
"""

from __future__ import annotations

import re
from typing import Literal

from memgraft.text import lexicon as lx

Kind = Literal["person", "time", "amount", "count"]

_LEAD = r"^\W*(?:(?:and|so|at|on|in|by|to|of|from|with|for|since|until|till|around)\s+)*"
_OPENINGS: tuple[tuple[Kind, str], ...] = (
    ("person", r"who|whom|whose|(?:which|what) (?:person|people|man|woman|guy|colleague)"),
    ("time", r"when|(?:what|which) (?:time|day|date|weekday|month|year|hour|season)"),
    ("time", r"how (?:long|often)"),
    ("amount", r"how (?:much|old|tall|far|heavy|large|high)|what (?:amount|price)"),
    ("amount", r"what (?:do|does|did) .* (?:cost|weigh|earn)"),
    ("amount", r"what (?:is|was|are|were) .*\b(?:phone number|salary|age|weight|height|price)"),
    ("count", r"how many"),
)
_KINDS = [(kind, re.compile(f"{_LEAD}(?:{said})\\b", re.IGNORECASE)) for kind, said in _OPENINGS]

_WORD = re.compile(r"[^\W_]+(?:[-'’.:/,][^\W_]+)*")
_FIRST_PERSON = lx.words("i we me us my our mine ours myself ourselves")
_SOMEBODY = lx.ROLES | lx.words(
    "he she they him them everyone everybody someone somebody nobody anyone family team crew "
    "company firm agency police council club band group couple guy boy girl lady twins relative "
    "volunteer friend alone"
)
_AGENT = re.compile(r".{3,}(?:ist|ian|man|men|woman|women|parent)s?$")
# "By a carpenter", but not "the locker": only what a person is usually told by counts.
_DOER = re.compile(
    r"\b(?:a|an|my|our|his|her|by|by the)\s+(?:\w+\s+)?(\w{3,}(?:er|or|ant|ee|ess))\b",
    re.IGNORECASE,
)
_TIMES = lx.PERIODS | lx.BARE_TIME | lx.CLOCK | lx.FREQUENCY | lx.NUMBER_WORDS | lx.TIME_OPENERS
_TIMES |= lx.words(
    "since before after until till during birthday always never often sometimes rarely usually "
    "regularly forever soon late early later recently childhood young born first second third "
    "old aged"
)
_AMOUNTS = lx.NUMBER_WORDS | lx.FREQUENCY | lx.BARE_TIME | lx.words(
    "no none nothing free zero few several many couple pair twins triplets drop splash pinch lot "
    "little bit plenty double triple third age same newborn"
)  # fmt: skip
_COUNTS = _AMOUNTS | lx.words("a an both single only all every each")
_KNOWN = {"time": _TIMES, "amount": _AMOUNTS, "count": _COUNTS}
_COMMON_OPENERS = lx.words(
    "the a an my our your his her its their this that these those there it i we you he she they "
    "every each all both some no please remember note actually today tomorrow yesterday"
) | lx.PREPOSITIONS | lx.PLACE_PREPOSITIONS | lx.NUMBER_WORDS  # fmt: skip


def answer_kind(question: str) -> Kind | None:
    """What the question asks for, where its first words tell.

    >>> answer_kind("Since when do I work there?"), answer_kind("What is my name?")
    ('time', None)
    """
    return next((kind for kind, pattern in _KINDS if pattern.match(question)), None)


def lacks_answer(question: str, fact: str) -> bool:
    """Whether the question asks for a person, a time or an amount, and the fact has none.

    >>> lacks_answer("Who wrote Tin Harbour?", "I've read the novel Tin Harbour four times.")
    True
    >>> lacks_answer("Who read Tin Harbour?", "My sister read Tin Harbour.")
    False
    """
    kind = answer_kind(question)
    if kind is None:
        return False
    asked = {_plain(word) for word in _WORD.findall(question)}
    words = _WORD.findall(fact)
    if kind == "person":
        doers = {doer.casefold() for doer in _DOER.findall(fact)} - lx.MONTHS - asked
        return not doers and not _holds_person(words, asked)
    plain = {_plain(word) for word in words}
    counted = any(word[0].isdigit() for word in plain)  # not "B17": that is a name
    return not counted and not (plain | {_singular(word) for word in plain}) & _KNOWN[kind]


def _holds_person(words: list[str], asked: set[str]) -> bool:
    if not any(word[0].isupper() and word != "I" for word in words[1:]) and (
        words[:1] and words[0] == words[0].lower()
    ):
        return True  # written without capitals: a name would not show
    new = [(place, word) for place, word in enumerate(words) if _plain(word) not in asked]
    named = any(_is_name(word, place) for place, word in new)
    plain = {_plain(word) for _, word in new}
    somebody = any(_singular(word) in _SOMEBODY or _AGENT.match(word) for word in plain)
    # Where the question says "I", the user is not the answer.
    myself = not asked & _FIRST_PERSON and bool(plain & _FIRST_PERSON)
    return named or somebody or myself


def _is_name(word: str, place: int) -> bool:
    plain = _singular(_plain(word))
    if not word[0].isupper() or plain in lx.WEEKDAYS | lx.MONTHS | {"i"}:
        return False
    return place > 0 or plain not in _COMMON_OPENERS


def _plain(word: str) -> str:
    return re.sub(r"['’](?:s|ve|m|d|ll|re)?$", "", word.casefold())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
