"""Noticing durable facts in chat messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.notice import notice


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        (
            "Hi! My name is Yusuf and I work at Google. What's the weather?",
            ["My name is Yusuf", "I work at Google"],
        ),
        (
            "I have two kids and I'm allergic to nuts, can you suggest a cake?",
            ["I have two kids", "I'm allergic to nuts"],
        ),
        (
            "I live in Graz with my wife Anna, and my dog is called Rex!",
            ["I live in Graz with my wife Anna", "my dog is called Rex"],
        ),
        ("I'm Yusuf", ["I'm Yusuf"]),
        ("I am called Bo", ["I am called Bo"]),
        ("I am Spanish.", ["I am Spanish"]),
        ("I'm 34 years old", ["I'm 34 years old"]),
        ("I'm a nurse.", ["I'm a nurse"]),
        ("I'm vegetarian. Any recipes?", ["I'm vegetarian"]),
        ("My favourite tea is oolong", ["My favourite tea is oolong"]),
        ("I see Dr. Moss at noon. I live in St. Ives.", ["I live in St. Ives"]),
        ("I don't eat meat", ["I don't eat meat"]),
        ("Remember that the gate code is 55#1", ["the gate code is 55#1"]),
        ("Hello, I'm from Ghana", ["I'm from Ghana"]),
        ("My favourite season is autumn, write a poem", ["My favourite season is autumn"]),
        ("My wife's birthday is 4 May", ["My wife's birthday is 4 May"]),
        ("I'm based in Lyon, any good bakeries?", ["I'm based in Lyon"]),
        ("I own a bakery", ["I own a bakery"]),
        ("My son is eight", ["My son is eight"]),
        ("I live with my parents", ["I live with my parents"]),
        ("I teach a pottery class", ["I teach a pottery class"]),
    ],
)
def test_finds_stated_facts(message: str, facts: list[str]) -> None:
    assert notice(message) == facts


@pytest.mark.parametrize(
    "message",
    [
        "I am tired today",
        "I'm here",
        "I am going to bed",
        "I think so",
        "I'm sorry",
        "I need help",
        "I want a poem",
        "I have a question",
        "my bad",
        "my god",
        "I'm Sorry",
        "I'm in Rome",
        "I'm at the airport",
        "I love you",
        "I love it",
        "I like this",
        "I hope my dog is called Rex",
        "If I lived in Rome, I would be happy",
        "Translate: I live in Rome",
        "Translate this:\nI live in Rome",
        'She said "I live in Rome".',
        "> I live in Rome",
        "`I live in Rome`",
        "Write a story where my name is Bo",
        "Pretend I live in Rome",
        "My head hurts",
        "My code is broken",
        "My question is about Python",
        "Do I live in Rome?",
        "Is my name Bo?",
        "I wish I lived in Rome",
        "Maybe I live in Rome",
        "I'm a bit lost",
        "I'm busy",
        "I'm done",
        "I am working on an essay",
        "I have no idea",
        "Python is a language",
        "He lives in Rome",
        "My dog is sick",
        "OK thanks",
        "I love the way you explain things",
        "I hate when people are late",
        "I live for the weekend",
        "We live in a society",
        "I'm from the future",
        "My name is not important",
        "I moved the file to the trash",
        "I raise an exception here",
        "I work with lists in Python",
        "My character is named Thorin",
        "In my story, my hero is called Bo",
        "I drive to work",
        "I belong here",
        "I like the second version better",
        "I prefer the shorter one",
        "My favourite part is the ending",
        "I eat too much",
        "",
        "🙂",
        "我住在罗马",
    ],
)
def test_leaves_the_rest_alone(message: str) -> None:
    assert notice(message) == []


@given(st.text(max_size=300))
def test_never_raises(message: str) -> None:
    notice(message)


@given(
    st.lists(
        st.sampled_from(
            [
                "I",
                "my",
                "am",
                "is",
                "live",
                "in",
                "Rome",
                "and",
                ",",
                ".",
                "?",
                '"',
                "called",
                "Bo",
                "if",
                "have",
                "dogs",
            ]
        ),
        max_size=25,
    )
)
def test_says_nothing_that_was_not_said(words: list[str]) -> None:
    message = " ".join(words)
    flat = message.replace(" ", "")
    assert all(fact.replace(" ", "") in flat for fact in notice(message))


def test_long_message() -> None:
    assert notice("I live in Rome. " * 300) == ["I live in Rome"]
