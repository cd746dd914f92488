"""Tables of relations: ways of telling a fact and of asking for it, for any subject.

A table is a text file of sections::

    [employer]
    group: work
    subject: person
    value: company
    say:
    - {S} [work|works] at {V}.
    ask:
    - where [do|does] {S} work?
    back:
    - who works at {V}?

`{S}`, `{S's}`, `{me}`, `{he}`, `{him}`, `{his}` are forms of the subject, `{E}` is the thing a fact
is about, `{V}` the value; `{a V}` and `{a E}` take their article along. `[work|works]` and
`[am|are|is]` agree with the subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from memgraft.core.errors import InvalidInput

SUBJECTS = ("person", "user", "pet", "none")
_SECTION = re.compile(r"\[(\w+)\]$")
_FIELDS = ("group", "subject", "entity", "value")
_LISTS = ("say", "ask", "back")
_SLOT = re.compile(r"\{(a )?(S's|S|me|him|his|he|E|V)\}")
_AGREEMENT = re.compile(r"\[([^\[\]|]+)\|([^\[\]|]+)(?:\|([^\[\]|]+))?\]")


@dataclass(frozen=True)
class Subject:
    """A grammatical subject in one person, with the forms that templates ask for."""

    nominative: str
    possessive: str
    objective: str
    he: str
    him: str
    his: str
    # Which of [I | they | he, she, it] a verb agrees with.
    agreement: int

    def form(self, slot: str) -> str:
        return {
            "S": self.nominative, "S's": self.possessive, "me": self.objective,
            "he": self.he, "him": self.him, "his": self.his,
        }[slot]  # fmt: skip


FIRST = Subject("I", "my", "me", "I", "me", "my", 0)


def third(noun: str, pronouns: tuple[str, str, str], plural: bool = False) -> Subject:
    """A noun phrase or a name; pronouns such as ("she", "her", "her")."""
    possessive = noun + ("'" if plural and noun.endswith("s") else "'s")
    return Subject(noun, possessive, noun, *pronouns, 1 if plural else 2)


@dataclass(frozen=True)
class Relation:
    """What can be said of a subject or an entity; the first template of each list is plainest."""

    name: str
    group: str
    subject: str
    value: str
    entity: str | None
    say: tuple[str, ...]
    ask: tuple[str, ...]
    back: tuple[str, ...] = ()


def render(template: str, subject: Subject | None, value: str, entity: str = "") -> str:
    """Fill a template in; `sentence` makes its first letter a capital.

    >>> render("{S} [have|has] {a V}.", FIRST, "oboe")
    'I have an oboe.'
    """

    def agree(found: re.Match[str]) -> str:
        if subject is None:
            raise InvalidInput(f"no subject for {found.group()} in {template!r}")
        forms = [form for form in found.groups() if form is not None]
        if len(forms) == 2:
            return forms[1] if subject.agreement == 2 else forms[0]
        return forms[subject.agreement]

    def fill(found: re.Match[str]) -> str:
        article, slot = found.groups()
        if slot in "VE":
            text = value if slot == "V" else entity
            return f"{_article(text)} {text}" if article else text
        if subject is None:
            raise InvalidInput(f"no subject for {found.group()} in {template!r}")
        return subject.form(slot)

    # Agreement goes first: values may have brackets of their own.
    return _SLOT.sub(fill, _AGREEMENT.sub(agree, template))


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _article(text: str) -> str:
    sounds = text.lower()
    if re.match(r"(uni|use|usu|eu|one\b|ukulele|utah)", sounds) or (
        text[:1] == "U" and text[1:2].isupper()
    ):
        return "a"
    if re.match(r"(8|11\b|18\b|hour|honest|heir|[AEFHILMNORSX][A-Z0-9])", text):
        return "an"
    return "an" if sounds[:1] in "aeiou" else "a"


@cache
def relations() -> tuple[Relation, ...]:
    """All bundled relations, ordered by file and place."""
    folder = files("memgraft.data") / "relations"
    tables = sorted((f for f in folder.iterdir() if f.name.endswith(".txt")), key=lambda f: f.name)
    return tuple(r for f in tables for r in parse(f.read_text(encoding="utf-8"), f.name))


def parse(text: str, source: str = "table") -> Iterator[Relation]:
    """Read a table; a malformed section is an `InvalidInput` that names it."""
    for name, fields, lists in _sections(text, source):
        missing = [key for key in ("group", "subject", "value") if key not in fields]
        if missing or not lists["say"] or not lists["ask"]:
            raise InvalidInput(f"{source}: [{name}] lacks {', '.join(missing) or 'say or ask'}")
        relation = Relation(
            name, fields["group"], fields["subject"], fields["value"], fields.get("entity"),
            *(tuple(lists[key]) for key in _LISTS),
        )  # fmt: skip
        _check(relation, source)
        yield relation


def _sections(text: str, source: str) -> Iterator[tuple[str, dict[str, str], dict[str, list[str]]]]:
    current: tuple[str, dict[str, str], dict[str, list[str]]] | None = None
    filling: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if section := _SECTION.match(line):
            if current:
                yield current
            current = (section.group(1), {}, {key: [] for key in _LISTS})
            continue
        key, _, rest = line.partition(":")
        if current and line.startswith("- "):
            filling.append(line[2:].strip())
        elif current and key in _LISTS and not rest.strip():
            filling = current[2][key]
        elif current and key in _FIELDS:
            current[1][key] = rest.strip()
        else:
            raise InvalidInput(f"{source}, line {number} is not part of a relation", got=line)
    if current:
        yield current


def _check(relation: Relation, source: str) -> None:
    """Templates must hold what they need and nothing that cannot be filled."""
    place = f"{source}: [{relation.name}]"
    if relation.subject not in SUBJECTS:
        raise InvalidInput(f"{place} subject", expected=", ".join(SUBJECTS), got=relation.subject)
    for template in (*relation.say, *relation.ask, *relation.back):
        left = _AGREEMENT.sub("", _SLOT.sub("", template))
        if re.search(r"[{}\[\]|]", left):
            raise InvalidInput(f"{place} has an unknown slot", got=template)
        slots = [slot for _, slot in _SLOT.findall(template)]
        bound = set(slots) - {"V", "E"} or _AGREEMENT.search(template)
        if relation.subject == "none" and bound:
            raise InvalidInput(f"{place} has no subject to fill in", got=template)
        if "E" in slots and relation.entity is None:
            raise InvalidInput(f"{place} has no entity to fill in", got=template)
    for template in relation.say:
        if template.count("V}") != 1 or not template.endswith((".", "!")):
            raise InvalidInput(f"{place} say needs one {{V}} and a full stop", got=template)
    for template in relation.ask:
        if "V}" in template or not template.endswith(("?", ".")):
            raise InvalidInput(f"{place} ask needs no {{V}} and ends with ? or .", got=template)
    for template in relation.back:
        if "V}" not in template:
            raise InvalidInput(f"{place} back needs {{V}}", got=template)
