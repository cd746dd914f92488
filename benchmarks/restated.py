"""Statements with restatements of some of them, and others that come as near as they can.

A statement is a relation, a subject, an entity and a value: texts of one statement are duplicates,
texts of two never are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from memgraft.data.facts import Split, held_out
from memgraft.data.relations import FIRST, Relation, Subject, relations, render, sentence, third
from memgraft.data.values import first_name, listed, sample
from memgraft.text.noise import slipped

_KIN = ("brother", "sister", "mother", "father", "uncle", "aunt", "boss", "neighbour", "flatmate")
_PETS = ("dog", "cat", "rabbit", "parrot", "horse", "hamster")
_HE = ("he", "him", "his")
_OPENERS = (
    "Just so you know,", "As I said,", "By the way,", "Remember:", "Note that", "For the record:",
    "Did I mention it?", "Once more:", "Don't forget,", "One more time:", "It's true that", "So,",
    "Fun fact:", "As it happens,",
)  # fmt: skip
_TAILS = (", you know.", ", as I said.", ", by the way.", ", just so you know.", ", remember?")
_PHRASE = re.compile(r"^([^,]{12,}) ((?:on|in|at|for|since|from|with|near|every) [^,]+)\.$")
_CONTRACTIONS = (
    ("I am ", "I'm "), ("I have been ", "I've been "), ("I will ", "I'll "), ("I would ", "I'd "),
    ("is not ", "isn't "), ("do not ", "don't "), ("does not ", "doesn't "), ("It is ", "It's "),
    ("it is ", "it's "), ("I have never ", "I've never "), (" is ", "'s "),
)  # fmt: skip
_NEGATED = (
    (" am ", " am not "), (" is ", " is not "), (" are ", " are not "), (" was ", " was not "),
    (" were ", " weren't "), (" has ", " hasn't "), (" will ", " won't "), (" can ", " can't "),
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """What is said; and `text`, one way of saying it by a template of the relation."""

    relation: Relation
    subject: Subject | None
    entity: str
    value: str
    template: str

    @property
    def text(self) -> str:
        return sentence(render(self.template, self.subject, self.value, self.entity))

    @property
    def question(self) -> str:
        return sentence(render(self.relation.ask[0], self.subject, self.value, self.entity))

    @property
    def key(self) -> tuple[str, ...]:
        who = self.subject.nominative if self.subject else ""
        return self.relation.name, who, self.entity.casefold(), self.value.casefold()


@dataclass(frozen=True)
class Told:
    """A text, the statement that it makes, and how it came about."""

    text: str
    key: tuple[str, ...]
    kind: str
    # A question that it answers, if it is plain which.
    question: str = ""


def told(
    split: Split, seed: int, count: int, restated: float = 0.2, near: float = 0.16
) -> list[Told]:
    """So many texts in random order, of which shares are restatements and near misses.

    `split` "relations" draws from those relations that "train" holds out.
    """
    rng = random.Random(f"{split}-{seed}")
    noise = np.random.default_rng(seed)
    pool = [r for r in relations() if held_out(r.name, 10) == (split == "relations")]
    kept = round(count * (1 - restated - near))
    distinct: dict[tuple[str, ...], Statement] = {}
    while len(distinct) < kept:
        statement = drawn(rng.choice(pool), rng)
        distinct.setdefault(statement.key, statement)
    statements = list(distinct.values())
    found = [Told(s.text, s.key, "first", s.question) for s in statements]
    said = {s.text.casefold() for s in statements}
    for kinds, share in ((RESTATED, restated), (NEAR, near)):
        wanted = round(count * share)
        chosen = iter(endless(statements, rng))
        while wanted:
            statement, kind = next(chosen), rng.choice(list(kinds))
            made = kinds[kind](statement, rng, noise, pool)
            # The very words of something else would be a duplicate for all that anyone can tell.
            fresh = kinds is RESTATED or (made is not None and made.text.casefold() not in said)
            if made is not None and made.text != statement.text and fresh:
                found.append(replace(made, kind=kind))
                wanted -= 1
    rng.shuffle(found)
    return found


def endless(statements: list[Statement], rng: random.Random) -> Iterator[Statement]:
    """Each once, in random order, again and again."""
    while True:
        yield from rng.sample(statements, len(statements))


def drawn(relation: Relation, rng: random.Random) -> Statement:
    entity = sample(relation.entity, rng) if relation.entity else ""
    subject = drawn_subject(relation, rng)
    return Statement(
        relation, subject, entity, sample(relation.value, rng), rng.choice(relation.say)
    )


def drawn_subject(relation: Relation, rng: random.Random) -> Subject | None:
    if relation.subject == "none":
        return None
    if relation.subject == "pet":
        return third(f"my {rng.choice(_PETS)}", ("it", "it", "its"))
    chance = rng.random()
    if relation.subject == "user" or chance < 0.5:
        return FIRST
    return third(f"my {rng.choice(_KIN)}" if chance < 0.75 else first_name(rng), _HE)


Making = Callable[[Statement, random.Random, np.random.Generator, list[Relation]], "Told | None"]


# Restatements: the same statement in another text ------------------------------------------------


def _same(statement: Statement, text: str) -> Told:
    return Told(text, statement.key, "")


def with_slips(s: Statement, rng: random.Random, noise: np.random.Generator, pool: object) -> Told:
    """Slips of the pen, but not in what the statement is about: a name with a slip is another."""
    kept = {
        w for part in (s.value, s.entity, s.key[1]) for w in re.findall(r"\w+", part.casefold())
    }

    def slip(found: re.Match[str]) -> str:
        word = found.group()
        return word if word.casefold() in kept else slipped(word, noise, 0.35)

    return _same(s, re.sub(r"(?<!\w)[a-z]{4,}(?!\w|'s)", slip, s.text))


def in_other_case(s: Statement, rng: random.Random, noise: object, pool: object) -> Told:
    return _same(s, s.text.upper() if rng.random() < 0.2 else s.text.lower())


def in_other_marks(s: Statement, rng: random.Random, noise: object, pool: object) -> Told:
    """Without the full stop, with another mark, or without apostrophes."""
    bare = s.text.rstrip(".!")
    return _same(
        s,
        rng.choice(
            (bare, bare + "!", bare + "...", s.text.replace("'", "’") + " ", bare.replace("'", ""))
        ),
    )


def contracted(s: Statement, rng: random.Random, noise: object, pool: object) -> Told | None:
    for long, short in _CONTRACTIONS:
        if long in s.text:
            return _same(s, s.text.replace(long, short))
        if short in s.text and short != "'s ":
            return _same(s, s.text.replace(short, long))
    return None


def in_other_order(s: Statement, rng: random.Random, noise: object, pool: object) -> Told | None:
    """With its last phrase in front: "On Monday, I sing." """
    found = _PHRASE.match(s.text)
    if found is None:
        return None
    rest, phrase = found.groups()
    if rest.split()[0].lower() in {"the", "my", "a", "an", "our", "his", "her", "in", "it", "on"}:
        rest = rest[0].lower() + rest[1:]
    return _same(s, f"{sentence(phrase)}, {rest}.")


def in_a_frame(s: Statement, rng: random.Random, noise: object, pool: object) -> Told:
    text = s.text
    if rng.random() < 0.4:
        return _same(s, text.rstrip(".!") + rng.choice(_TAILS))
    if text.split()[0].lower() in {"the", "my", "a", "an", "our", "his", "her", "in", "it", "on"}:
        text = text[0].lower() + text[1:]
    return _same(s, f"{rng.choice(_OPENERS)} {text}")


def told_otherwise(s: Statement, rng: random.Random, noise: object, pool: object) -> Told:
    """By another template of the same relation."""
    others = [template for template in s.relation.say if template != s.template]
    return _same(s, replace(s, template=rng.choice(others)).text if others else s.text)


# Near misses: another statement in as near a text -----------------------------------------------


def other_value(s: Statement, rng: random.Random, noise: object, pool: object) -> Told:
    other = replace(s, value=sample(s.relation.value, rng))
    return Told(other.text, other.key, "")


def other_subject(s: Statement, rng: random.Random, noise: object, pool: object) -> Told | None:
    other = replace(s, subject=drawn_subject(s.relation, rng))
    return Told(other.text, other.key, "") if other.key != s.key else None


def negated(s: Statement, rng: random.Random, noise: object, pool: object) -> Told | None:
    for plain, denied in _NEGATED:
        if plain in s.text:
            return Told(s.text.replace(plain, denied, 1), ("not", *s.key), "")
    return None


def other_relation(
    s: Statement, rng: random.Random, noise: object, pool: list[Relation]
) -> Told | None:
    """Something else of the same subject, with the same value."""
    alike = [
        r for r in pool
        if r.group != s.relation.group
        and (r.value, r.subject) == (s.relation.value, s.relation.subject)
        and r.entity == s.relation.entity
    ]  # fmt: skip
    if not alike:
        return None
    relation = rng.choice(alike)
    other = replace(s, relation=relation, template=rng.choice(relation.say))
    return Told(other.text, other.key, "")


def with_a_rival(s: Statement, rng: random.Random, noise: object, pool: object) -> Told | None:
    """With one word replaced by another of its kind, such as "dog" by "cat"."""
    rows = [line.split() for line in listed("rivals")]
    found = [(w, row) for row in rows for w in row if re.search(rf"\b{w}\b", s.text)]
    if not found:
        return None
    word, row = rng.choice(found)
    rival = rng.choice([other for other in row if other != word])
    return Told(re.sub(rf"\b{word}\b", rival, s.text), ("rival", rival, *s.key), "")


RESTATED: dict[str, Making] = {
    "slips": with_slips,
    "case": in_other_case,
    "marks": in_other_marks,
    "contraction": contracted,
    "order": in_other_order,
    "frame": in_a_frame,
    "telling": told_otherwise,
}
NEAR: dict[str, Making] = {
    "value": other_value,
    "subject": other_subject,
    "negation": negated,
    "relation": other_relation,
    "rival": with_a_rival,
}
