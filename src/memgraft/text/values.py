"""What counts as the value of an attribute, and whether two values say the same."""

from __future__ import annotations

from memgraft.text import lexicon as lx
from memgraft.text.grammar import is_number

_PHONES = lx.words("phone mobile telephone")
_MEASURES = lx.words("height weight size age")
_MONTH_LENGTH = 3
_SAME_LINE = 8  # digits that make two spellings of a phone number the same
_COMMON = lx.words("the a an my our at on in of and")
_COUNTED = lx.words("salary rent age height weight")
_DIALLED = lx.words("phone mobile telephone")
_DESCRIBING = lx.TAGGED_ADJECTIVES | lx.words(
    "wrong right correct secret safe weak strong high low short expired same different important "
    "unknown hard easy private broken dead off down lost stolen missing blocked confidential here "
    "there fine nice terrible awful great new useless changed coming soon over gone late cancelled"
)


def is_value(head: str, text: str) -> bool:
    """Tell a value from a description: not "my password is wrong", "my boss is Portuguese"."""
    parts = text.lower().split()
    described = parts[-1] in _DESCRIBING or (head in lx.ROLES and parts[0] in lx.DEMONYMS)
    counted = head not in _COUNTED or any(char.isdigit() for char in text) or is_number(parts[0])
    reached = head not in _DIALLED or sum(char.isdigit() for char in text) > 1
    return not described and counted and reached and (head == "type" or parts[0] != "a")


def agree(key: str, first: str, second: str) -> bool:
    """Tell whether two normalised values of a slot can both hold.

    >>> agree("meeting|clock", "3 pm", "15:00"), agree("i|name", "bo", "bo ek")
    (True, True)
    >>> agree("i|residence", "rome", "oslo")
    False
    """
    one, two = _parts(first), _parts(second)
    if one <= two or two <= one:
        return True
    attribute = set(key.partition("|")[2].split())
    if attribute & _PHONES and _same_line(first, second):
        return True
    return bool(attribute & _MEASURES) and _units(one) != _units(two)


def _parts(value: str) -> set[str]:
    found: list[str] = []
    for part in _spelled(value):
        hour = _hour(part, found)
        if hour:
            found = found[:-1] if part in {"am", "pm", "a.m", "p.m"} else found
            found.append(hour)
        elif part not in _COMMON:
            found.append(part[:_MONTH_LENGTH] if part in lx.MONTHS else part)
    return set(found)


_CURRENCIES = {
    "€": "euros", "euro": "euros", "eur": "euros", "$": "dollars", "dollar": "dollars",
    "usd": "dollars", "£": "pounds", "pound": "pounds", "gbp": "pounds",
}  # fmt: skip


def _spelled(value: str) -> list[str]:
    """Spell amounts and ordinals in one way: ``"€3,000"`` and ``"3000 euro"``, "3rd" and "3"."""
    found: list[str] = []
    for sign in "€$£":
        value = value.replace(sign, f" {sign} ")
    for part in value.split():
        bare = part.strip(",")
        number = bare.replace(",", "")
        if number.isdecimal() and all(len(group) == 3 for group in bare.split(",")[1:]):
            found.append(number)
        elif bare[:-2].isdecimal() and bare[-2:] in {"st", "nd", "rd", "th"}:
            found.append(bare[:-2])
        else:
            found += [_CURRENCIES.get(word, word) for word in bare.split(",") if word]
    return found


def _hour(part: str, before: list[str]) -> str:
    """Return a clock time as hours and minutes of the day, or "" for anything else."""
    mark = part.replace(".", "")[-2:]
    shown = part.replace(".", "")[:-2] if mark in {"am", "pm"} else part
    if mark in {"am", "pm"} and not shown:
        shown = before[-1] if before else ""
    hours, colon, minutes = shown.partition(":")
    clock = hours.isdecimal() and len(hours) < 3 and (minutes.isdecimal() or not colon)
    if not clock or not (colon or mark in {"am", "pm"}):
        return ""
    late = 12 if mark == "pm" and int(hours) < 12 else 0
    early = 12 if mark == "am" and int(hours) == 12 else 0
    return f"{int(hours) + late - early}:{minutes or '00'}"


def _same_line(first: str, second: str) -> bool:
    one, two = ("".join(char for char in text if char.isdigit()) for text in (first, second))
    return len(one) >= _SAME_LINE and one[-_SAME_LINE:] == two[-_SAME_LINE:]


def _units(parts: set[str]) -> set[str]:
    return {part for part in parts if part.isalpha()}
