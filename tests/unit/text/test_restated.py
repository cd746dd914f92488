"""Whether a fact adds nothing: never where a name, a number, an order or a day differs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest

from memgraft.text.restated import says_already, wording_key

NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)
FACTS = [
    json.loads(line)["fact"]
    for line in (Path(__file__).parents[2] / "data" / "facts_dev.jsonl").read_text().splitlines()
]


def known(new: str, old: str, cosine: float | None = 1.0) -> bool:
    return says_already((new, NOON), (old, NOON), cosine)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("By the way, I live in Rome!", "I live in Rome"),
        ("I'm vegetarian", "I am vegetarian."),
        ("im vegetarian", "I'm vegetarian"),
        ("On Fridays I swim", "I swim on Fridays"),
        ("I'm based in Rome", "I live in Rome with my wife"),
        ("my cat is so Tom", "my cat is Tom"),
        ("Anna's my dentist", "Anna's my dentist, as I said"),
        ("On Fridays, I swim.", "I swim on Fridays"),
        ("I swim every second Friday", "every second Friday I swim"),
        ('My cat is "Tom"', "my cat is Tom"),
        ("我住在上海。", "我住在上海"),
    ],
)
def test_says_the_same(new: str, old: str) -> None:
    assert known(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("my cat is Tom", "my cat is Tim"),
        ("my password is hapy", "my password is happy"),
        ("my sister loves my brother", "my brother loves my sister"),
        ("I don't eat fish", "I eat fish"),
        ("I work at Acme as a senior doctor", "I work at Acme as a nurse"),
        ("I live in Rome with my wife Anna", "I live in Rome"),
        ("I live in Rome, Italy", "I live in Rome"),
        ("I take vitamin A", "I take vitamin D"),
        ("My blood type is A", "My blood type is B"),
        ("I used to smoke", "I smoke"),
        ("my blood type is a", "my blood type is b"),
        ("I take vitamin D", "Each morning, I take vitamin A"),
        ("I live in Rome?", "I live in Rome"),
        ("我住在上海", "我住在北京"),
        ("C++ is my language", "C is my language"),
        ("I take 15 mg of warfarin", "I take 1.5 mg of warfarin"),
        ("My shoe size is 9.5", "My shoe size is 95"),
        ("The gate code is 12:34", "The gate code is 1234"),
        ("My server is 192.168.1.11", "My server is 192.168.11.1"),
        ("My mail is ab.c@example.org", "My mail is a.bc@example.org"),
        ("My pulse is < 70", "My pulse is > 70"),
        ("My pulse is <70", "My pulse is >70"),
        ("My office is in the U.S.", "My office is in the us"),
        ("hunter2! is my password", "hunter2 is my password"),
        ('The shelf is 12" deep', "The shelf is 12' deep"),
        ("My limit is -5 degrees", "My limit is 5 degrees"),
        ("At 8 insulin, at 9 aspirin", "Aspirin at 8, insulin at 9"),
        ("I swim and on Tuesday I run on Monday.", "On Monday I swim and on Tuesday I run."),
        ("I swim. I run on Monday", "On Monday I swim. I run"),
        ("Tom beats Ann", "Ann Tom beats"),
        ("Ann in Rome I visit Tom", "In Rome I visit Tom Ann"),
    ],
)
def test_says_something_else(new: str, old: str) -> None:
    assert not known(new, old)


def test_no_two_facts_are_the_same() -> None:
    assert not [pair for pair in permutations(FACTS[:45], 2) if known(*pair)]


def test_another_name_number_or_denial_is_another_fact() -> None:
    changed = []
    for fact in FACTS:
        words = fact.split()
        for i, word in enumerate(words):
            others = []
            if i and word[:1].isupper():
                others.append("Quentin")
            if re.search(r"\d", word):
                others.append(
                    re.sub(r"\d", lambda m: str((int(m.group()) + 1) % 10), word, count=1)
                )
            if word in ("is", "are", "was"):
                others.append(f"{word} not")
            changed += [(" ".join([*words[:i], other, *words[i + 1 :]]), fact) for other in others]
    assert len(changed) > 200
    assert not [pair for pair in changed if known(*pair)]


def test_cosines_only_narrow() -> None:
    assert known("On Fridays I swim", "I swim on Fridays", None)
    assert not known("On Fridays I swim", "I swim on Fridays", 0.2)


def test_yesterday_is_another_day_tomorrow() -> None:
    text, later = "I ran ten miles yesterday", datetime(2024, 3, 11, 12, tzinfo=UTC)
    assert says_already((text, NOON), (text, NOON))
    assert not says_already((text, later), (text, NOON))


def test_the_key_is_the_same_in_any_order() -> None:
    assert wording_key("On Fridays I swim!") == wording_key("i swim on fridays")
    assert wording_key("I swim on Fridays") != wording_key("I swim on Mondays")
