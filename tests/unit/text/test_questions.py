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
    ("fact", "expected"),
    [
        ("The winter coat cost 189 euros", "What is the price of the winter coat?"),
        ("I bought a used cello for 2,400 dollars", "What was the price of my used cello?"),
        ("I paid 80 euros for the tickets", "What was the price of the tickets?"),
        ("I hid the presents in the attic", "Where are the presents?"),
        ("My daughter Nele starts school in May", "Which school does my daughter Nele go to?"),
        ("My son's school is Lindenhof", "Which school does my son go to?"),
        ("The thesis deadline is 30 May", "When is the thesis due?"),
        ("The Netflix password is otter9", "How do I log on to Netflix?"),
        ("Clara manages the Hamburg branch", "Who is in charge of the Hamburg branch?"),
        ("My yoga class starts at 7 pm", "When do I have to be at my yoga class?"),
        ("My wife Aiko works as a midwife", "Who am I married to?"),
        ("I quit smoking in 2015", "When did I quit smoking?"),
        ("My brother Tomas runs a shop", "What does my brother Tomas run?"),
        ("I'm a nurse", "What do I do?"),
    ],
)
def test_relation_questions_name_what_they_ask_about(fact: str, expected: str) -> None:
    assert expected in questions(fact)


@pytest.mark.parametrize(
    ("fact", "absent"),
    [
        ("I ran my first half marathon in Ghent", "in charge"),
        ("I ran my first half marathon in Ghent", "What did I run in Ghent?"),
        ("The bakery delivers on Thursdays", "release date"),
        ("My library card number is 20417", "phone"),
        ("My phone is a grey Pixel 8", "reached"),
        ("I work in the garden at night", "employer"),
        ("My dentist appointment is at noon", "teeth"),
        ("My car insurance is with Helvetia", "What car"),
        ("The gate code for the shed is 12", "plane"),
        ("I own a red kayak", "in charge"),
        ("My wife works as a midwife", "married"),
        ("I worked at Norvia until 2019", "Who is my employer"),
        ("I see my doctor on Mondays", "physician"),
        ("My sister's wedding is in Bruges", "found"),
        ("My PIN is 8812", "Who"),
        ("Our neighbours are called Smit", "What are the name"),
    ],
)
def test_relations_fire_only_where_they_hold(fact: str, absent: str) -> None:
    assert [question for question in questions(fact) if absent in question] == []


@pytest.mark.parametrize(
    "fact",
    [
        "I bought a used cello for 2,400 dollars",
        "My rent is 940 euros",
        "We booked a hotel room in Split",
        "My meeting with Bo is on Friday in Ghent",
        "The wifi password is heron77",
        "My PIN is 8812",
        "I lost my umbrella on the tram",
        "The lawnmower belongs to Piet",
        "I sold my boat to Henk",
        "My passport expires in 2029",
    ],
)
def test_no_question_points_at_something_unnamed(fact: str) -> None:
    words = {word.strip("?.").lower() for question in questions(fact) for word in question.split()}
    assert not words & {"it", "there", "that"}


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
