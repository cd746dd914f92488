"""What a phrase looks like: a person, a time, an amount, a plural."""

from __future__ import annotations

import itertools

from memgraft.text import lexicon as lx


def head_noun(phrase: str) -> str:
    """Return the head of a noun phrase, lower case: ``"the PIN for our panel"`` -> ``"pin"``."""
    parts = phrase.replace(",", " ,").split()
    for index, part in enumerate(parts):
        stop = part.lower() in lx.PREPOSITIONS | {",", "called", "named", "who", "that", "which"}
        if index and stop:
            parts = parts[:index]
            break
    return parts[-1].lower() if parts else ""


def is_plural(subject: str) -> bool:
    """Tell whether a present-tense verb takes no -s after this subject (I and you included)."""
    low = subject.lower()
    if not low.split():
        return False
    if low in {"i", "you", "we", "they", "these", "those"} or " and " in f" {low} ":
        return True
    if low in lx.PRONOUNS or low.split(" ")[:1] in (["each"], ["every"], ["one"]):
        return False
    head = head_noun(subject)
    named = subject.split()[0][:1].isupper() and subject.lower().split()[0] not in lx.POSSESSIVES
    last = next((part for part in subject.split() if part.lower() == head), "")
    if last[:1].isupper() and len(subject.split()) > 1 and not low.startswith("the "):
        return False  # "my brother Tomas"
    if head in lx.IRREGULAR_PLURALS:
        return True
    if head in lx.SINGULAR_S or head.endswith(("ss", "us", "is", "'s")):
        return False
    return head.endswith("s") and not (named and len(subject.split()) == 1 and len(head) < 7)


def is_singular_name(text: str) -> bool:
    """Tell a run of capitalised words, such as a person's or a firm's name."""
    parts = [part for part in text.split() if part not in {"&", "de", "van", "von", "of", "der"}]
    return bool(parts) and all(part[0].isupper() and part != "I" for part in parts)


def is_time(text: str) -> bool:
    """Tell phrases that say when: dates, clock times, weekdays, years, "the evening"."""
    parts = text.lower().replace(",", "").split()
    shaped = any(_is_clock(part) or _is_year(part) for part in parts[:3])
    edges = [part for part in parts[:2] + parts[-2:] if part.rstrip("s") in lx.PERIODS]
    named = bool(edges) and (parts[-1].rstrip("s") in lx.PERIODS or parts[-1][:2].isdigit())
    named = named or (bool(edges) and len(parts) > 2 and parts[-2] == "of")
    slashed = any(part.count("-") == 2 and part.replace("-", "").isdigit() for part in parts)
    numbered = any(is_number(part) and part not in {"half", "quarter"} for part in parts)
    clock = set(parts) & lx.CLOCK and (numbered or not set(parts) & _NEEDS_NUMBER)
    return shaped or slashed or (named and len(parts) < 7) or bool(clock)


_NEEDS_NUMBER = lx.words("half quarter past sharp am pm")


def _is_clock(word: str) -> bool:
    digits = word.rstrip("apm.")
    hour, mark, rest = digits.partition(":")
    return (digits != word and digits.isdigit()) or (bool(mark) and (hour + rest[:2]).isdigit())


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdigit() and word[:2] in {"18", "19", "20"}


def is_number(word: str) -> bool:
    """Tell numerals and number words: ``"3,415.60"``, ``"twelve"``."""
    bare = word.lower().lstrip("$€£~").rstrip("%€£$")
    return bare.replace(",", "").replace(".", "").isdigit() or bare in lx.NUMBER_WORDS


def is_money(text: str) -> bool:
    """Tell amounts of money: ``"46 pounds"``, ``"$5"``."""
    parts = text.lower().split()
    signed = any(part[0] in "$€£" or part[-1] in "$€£" for part in parts)
    return signed or any(is_number(a) and b in lx.MONEY for a, b in itertools.pairwise(parts))


def is_person(text: str) -> bool:
    """Tell phrases that name a person: pronouns, titles, kin and roles, capitalised names."""
    low, parts = text.lower(), text.split()
    head = head_noun(text)
    if low in lx.PRONOUNS - {"it", "this", "that"} or {head, head.rstrip("s")} & lx.ROLES:
        return True
    kin = any(part.lower() in lx.KIN | lx.TITLES for part in parts[:-1])
    named = is_singular_name(text) and not any(char.isdigit() for char in text)
    named = named and not {part.lower() for part in parts} & (lx.BODIES | lx.DETERMINERS)
    return bool(parts) and parts[-1][0].isupper() and (kin or named)
