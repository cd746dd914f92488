"""Questions that facts answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.questions import questions


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("My name is Yusuf", ["What is my name?", "Who am I?", "Do you know my name?"]),
        (
            "I work at Google",
            [
                "Where do I work?",
                "Who is my employer?",
                "Which company do I work for?",
                "Who employs me?",
            ],
        ),
        (
            "Mira chairs the board",
            [
                "Who chairs the board?",
                "What does Mira chair?",
                "Who is the head of the board?",
                "Tell me about Mira.",
            ],
        ),
        (
            "The PIN for our bike shed is 3307",
            ["What is the PIN for our bike shed?", "What is our bike shed PIN?"],
        ),
        (
            "My sister Ilka lives in Turku and restores clocks",
            ["Where does my sister Ilka live?", "What does my sister Ilka restore?"],
        ),
        ("The lease was signed by Knut Berg", ["Who signed the lease?"]),
        ("The letter was written by Ada", ["Who wrote the letter?"]),
        ("I'm allergic to nuts", ["What am I allergic to?", "What can I not eat?"]),
        ("I owe Nils 85 francs", ["How much do I owe Nils?"]),
        (
            "We have two hens called Pip and Dot",
            ["What are our hens called?", "How many hens do we have?"],
        ),
        (
            "My flight leaves at 10:40",
            ["When does my flight leave?", "At what time does my flight leave?"],
        ),
        ("I'm 1.74 m tall", ["How tall am I?"]),
        (
            "I keep the ladder behind the shed",
            ["Where do I keep the ladder?", "Where is the ladder?"],
        ),
        ("The kiln belongs to Ravi", ["Who does the kiln belong to?", "Who owns the kiln?"]),
        ("I sold my flute to Ida", ["Who did I sell my flute to?"]),
        (
            "I play chess with Nils in the annex",
            ["Who do I play chess with?", "Where do I play chess?"],
        ),
        ("I moved to Oslo in 2016", ["In what year did I move?"]),
        ("I work for a small firm called Klang", ["Which firm do I work for?"]),
        ("I have to hand in my essay by 3 May", ["By when do I have to hand in my essay?"]),
    ],
)
def test_asks_what_the_fact_answers(fact: str, expected: list[str]) -> None:
    asked = questions(fact)
    assert [question for question in expected if question not in asked] == []


@pytest.mark.parametrize(
    "fact",
    [
        "Мой кот спит",
        "猫が好きです",
        "Mijn kat heet Bo",
        "🙂",
        "milk",
        "Ich heiße Bo und das ist mein Hund",
    ],
)
def test_falls_back_for_what_it_cannot_parse(fact: str) -> None:
    asked = questions(fact)
    assert len(asked) >= 3
    assert all(fact in question for question in asked)


def test_limits_and_distinguishes() -> None:
    asked = questions("My sister Ilka lives in Turku and restores clocks", limit=5)
    assert len(asked) == 5
    assert len({question.lower() for question in asked}) == 5
    assert questions("") == []


@pytest.mark.parametrize(
    "fact", ["I work at Google", "Bo collects stamps", "The key is here", "Ann was promoted in May"]
)
def test_every_fact_gets_at_least_three(fact: str) -> None:
    assert 3 <= len(questions(fact)) <= 12


@given(st.text(max_size=200))
def test_never_raises(text: str) -> None:
    assert len(questions(text)) <= 12


@given(
    st.lists(
        st.sampled_from(
            [
                "I",
                "my",
                "the",
                "Bo",
                "is",
                "was",
                "not",
                "a",
                "to",
                "and",
                ",",
                "who",
                "called",
                "in",
                "at",
                "by",
                "3",
                "euros",
                "of",
                "lives",
                "has",
                "been",
                "moved",
                "pm",
                "10:40",
                "wife",
            ]
        ),
        max_size=25,
    )
)
def test_never_raises_on_word_salad(words: list[str]) -> None:
    questions(" ".join(words))


def test_long_input() -> None:
    assert questions("I live in Rome " * 350)
