"""Facts with questions, made from relation tables and open value lists; seeded and endless.

What is held out, for measuring: by value (a twentieth of all values, by hash), by phrasing (the
last way of telling and the last two ways of asking of each relation) and by relation (a tenth of
them, by hash).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from memgraft.core.errors import InvalidInput
from memgraft.data.relations import FIRST, Relation, Subject, relations, render, sentence, third
from memgraft.data.values import first_name, full_name, listed, sample
from memgraft.text.person import to_second_person

Split = Literal["train", "values", "phrasing", "relations"]
SPLITS: tuple[Split, ...] = ("train", "values", "phrasing", "relations")

_HE, _SHE, _IT, _THEY = (
    ("he", "him", "his"),
    ("she", "her", "her"),
    ("it", "it", "its"),
    ("they", "them", "their"),
)
_MEN = [
    "brother",
    "father",
    "husband",
    "son",
    "uncle",
    "grandfather",
    "nephew",
    "boyfriend",
    "father-in-law",
    "godson",
]
_WOMEN = [
    "sister",
    "mother",
    "wife",
    "daughter",
    "aunt",
    "grandmother",
    "niece",
    "girlfriend",
    "mother-in-law",
]
_OTHERS = [
    "boss",
    "colleague",
    "neighbour",
    "flatmate",
    "cousin",
    "best friend",
    "landlord",
    "teacher",
    "doctor",
    "partner",
    "manager",
    "coach",
    "tutor",
]
_PLURALS = ["parents", "grandparents", "children", "neighbours", "in-laws"]
_PETS = [
    "dog",
    "cat",
    "rabbit",
    "parrot",
    "hamster",
    "horse",
    "tortoise",
    "puppy",
    "kitten",
    "goldfish",
    "budgie",
    "ferret",
]


@dataclass(frozen=True)
class Question:
    """A question and the value that answers it."""

    text: str
    answer: str


@dataclass(frozen=True)
class Fact:
    """What the user tells, what the assistant replies when asked, and what stands near it.

    `keys` are what the fact is about: two facts that share one would answer each other's
    questions, so no stack holds both. `neighbours` are questions that it does not answer.
    """

    text: str
    reply: str
    questions: tuple[Question, ...]
    neighbours: tuple[str, ...]
    relation: str
    keys: frozenset[tuple[str, str, str]]


def facts(split: Split, seed: int) -> Iterator[Fact]:
    """Endless facts of a split. The same seed gives the same facts."""
    rng = random.Random(f"{as_split(split)}-{seed}")
    pool = [r for r in relations() if held_out(r.name, 10) == (split == "relations")]
    while True:
        fact = _fact(rng.choice(pool), split, rng)
        # Somebody may be called "Us", which the restating rules take for a pronoun.
        if all(asked.answer.lower() in fact.reply.lower() for asked in fact.questions):
            yield fact


def as_split(name: str) -> Split:
    """The split of that name, or `InvalidInput`."""
    for split in SPLITS:
        if split == name:
            return split
    raise InvalidInput(f"no split is called {name!r}", expected=", ".join(SPLITS))


def stack(source: Iterator[Fact], size: int) -> list[Fact]:
    """The next `size` facts of a source that do not answer each other's questions."""
    group: list[Fact] = []
    for fact in source:
        if not any(_collide(fact, other) for other in group):
            group.append(fact)
        if len(group) == size:
            break
    return group


def _collide(one: Fact, other: Fact) -> bool:
    asked = [{question.text for question in fact.questions} for fact in (one, other)]
    if one.keys & other.keys or asked[0] & asked[1]:
        return True
    return any(
        question.answer.lower() in text.lower()
        for asked, text in ((one, other.text), (other, one.text))
        for question in asked.questions
    )


def held_out(text: str, share: int) -> bool:
    """One in `share` of all texts, the same ones everywhere."""
    return int(hashlib.sha256(text.lower().encode()).hexdigest(), 16) % share == 0


def _fact(relation: Relation, split: Split, rng: random.Random) -> Fact:
    subject = _subject(relation, rng)
    entity = _value(relation.entity, split, rng) if relation.entity else ""
    value = _value(relation.value, split, rng)
    tellings, askings = _wordings(relation, split)
    telling = rng.choice(tellings)
    told = render(telling, subject, value, entity)
    questions = [Question(sentence(render(a, subject, value, entity)), value) for a in askings]
    if split != "phrasing" and relation.back:
        questions.append(_back(relation, rng.choice(relation.back), subject, value, entity))
    who = subject.nominative if subject else ""
    keys = {(relation.group, who, entity)}
    if subject and rng.random() < 0.06 and (other := _companion(relation, split, rng)):
        keys.add((other.group, who, ""))
        extra = _value(other.value, split, rng)
        second_telling, second_asking = (rng.choice(w) for w in _wordings(other, split))
        told = f"{told[:-1]}, and {render(second_telling, subject, extra)}"
        questions.append(Question(sentence(render(second_asking, subject, extra)), extra))
    elif rng.random() < 0.03 and (former := _value(relation.value, split, rng)) != value:
        told = f"{told[:-1]}, no longer {former}."
    asked = {question.text for question in questions}
    near = _neighbours(relation, subject, entity, askings, rng)
    return Fact(
        text=sentence(told),
        reply=to_second_person(sentence(told)),
        questions=tuple(questions),
        neighbours=tuple(text for text in near if text not in asked),
        relation=relation.name,
        keys=frozenset(keys),
    )


def _back(
    relation: Relation, template: str, subject: Subject | None, value: str, entity: str
) -> Question:
    """A question for the subject or the entity; "you" is a poor answer to look for."""
    answer = entity
    if subject and "S}" not in template:
        answer = "" if subject is FIRST else re.sub(r"^(my|our) ", "", subject.nominative)
    if not answer:
        return Question(sentence(render(relation.ask[0], subject, value, entity)), value)
    return Question(sentence(render(template, subject, value, entity)), answer)


def _wordings(relation: Relation, split: Split) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ways of telling and of asking that the split may use."""
    if split == "relations":
        return relation.say, relation.ask
    if split == "phrasing":
        return relation.say[-1:], relation.ask[-2:]
    return relation.say[:-1], relation.ask[:-2]


def _value(kind: str, split: Split, rng: random.Random) -> str:
    """Values of closed kinds (weekdays) can only be held out by chance of a few tries."""
    value = sample(kind, rng)
    for _ in range(300):
        if held_out(value, 20) == (split != "train" and split != "phrasing"):
            break
        value = sample(kind, rng)
    return value


def _subject(relation: Relation, rng: random.Random) -> Subject | None:
    if relation.subject == "none":
        return None
    if relation.subject == "pet":
        return _pet(rng)
    chance = rng.random()
    if relation.subject == "user" or chance < 0.5:
        return FIRST
    return _relative(rng) if chance < 0.75 else _named(rng)


def _named(rng: random.Random) -> Subject:
    name = (first_name if rng.random() < 0.6 else full_name)(rng)
    return third(name, rng.choice((_HE, _SHE)))


def _relative(rng: random.Random) -> Subject:
    chance = rng.random()
    if chance < 0.1:
        return third(f"my {rng.choice(_PLURALS)}", _THEY, plural=True)
    if chance < 0.4:
        return third(f"my {rng.choice(_OTHERS)}", rng.choice((_HE, _SHE)))
    nouns, pronouns = rng.choice([(_MEN, _HE), (_WOMEN, _SHE)])
    name = f" {first_name(rng)}" if rng.random() < 0.15 else ""
    return third(f"my {rng.choice(nouns)}{name}", pronouns)


def _pet(rng: random.Random) -> Subject:
    if rng.random() < 0.3:
        return third(rng.choice(listed("pet_name")), rng.choice((_HE, _SHE)))
    return third(f"{rng.choice(('my', 'our'))} {rng.choice(_PETS)}", _IT)


@cache
def _by_subject(subject: str, held: bool) -> tuple[Relation, ...]:
    return tuple(
        r
        for r in relations()
        if r.subject == subject and not r.entity and held_out(r.name, 10) == held
    )


def _companion(relation: Relation, split: Split, rng: random.Random) -> Relation | None:
    """Another relation that can be told of the same subject in the same breath."""
    pool = _by_subject(relation.subject, split == "relations")
    fits = [r for r in pool if r.group != relation.group and r.value != relation.value]
    return rng.choice(fits) if fits else None


def _neighbours(
    relation: Relation,
    subject: Subject | None,
    entity: str,
    askings: tuple[str, ...],
    rng: random.Random,
) -> Iterator[str]:
    """The same question about somebody or something else, a similar one about the same, and one
    with a word replaced by a rival."""
    asking = rng.choice(askings)
    if relation.entity and "E}" in asking:
        elsewhere = sample(relation.entity, rng)
        if elsewhere != entity:
            yield sentence(render(asking, subject, "", elsewhere))
    elif subject and ("S}" in asking or "S's}" in asking or "{me}" in asking):
        yield sentence(render(asking, _other(relation, subject, rng), "", entity))
    if near := _siblings(relation.name):
        yield sentence(render(rng.choice(rng.choice(near).ask[:-2]), subject, "", entity))
    if rival := _with_rival(sentence(render(rng.choice(askings), subject, "", entity)), rng):
        yield rival


@cache
def _siblings(name: str) -> tuple[Relation, ...]:
    """The relations that can be asked of the same subject and entity in the likest words."""
    (relation,) = (r for r in relations() if r.name == name)

    def words(other: Relation) -> set[str]:
        return {word for ask in other.ask for word in re.findall(r"\w{4,}", _bare(ask))}

    mine = words(relation)
    alike = [
        other for other in relations()
        if other.group != relation.group
        and held_out(other.name, 10) == held_out(name, 10)
        and (other.subject, other.entity) == (relation.subject, relation.entity)
    ]  # fmt: skip
    return tuple(sorted(alike, key=lambda other: -len(mine & words(other)))[:8])


def _bare(template: str) -> str:
    return re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", template).lower()


def _with_rival(question: str, rng: random.Random) -> str | None:
    """The question with one word replaced by another of its kind, such as "dog" by "cat"."""
    rows = [line.split() for line in listed("rivals")]
    found = [(w, row) for row in rows for w in row if re.search(rf"\b{w}\b", question)]
    if not found:
        return None
    word, row = rng.choice(found)
    other = rng.choice([rival for rival in row if rival != word])
    return re.sub(rf"\b{word}\b", other, question, count=1)


def _other(relation: Relation, subject: Subject, rng: random.Random) -> Subject:
    """A different subject of a sort that the relation takes."""
    while True:
        other = _pet(rng) if relation.subject == "pet" else rng.choice((_named, _relative))(rng)
        if relation.subject != "pet" and subject is not FIRST and rng.random() < 0.3:
            other = FIRST
        if other.nominative != subject.nominative:
            return other
