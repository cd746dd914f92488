"""Who and what a question is about that a fact does not mention."""

from __future__ import annotations

import pytest

from memgraft.text.foreign import foreign_terms


@pytest.mark.parametrize(
    ("question", "fact", "foreign"),
    [
        ("What is my brother's name?", "My name is Yusuf", ["brother"]),
        ("What is my brother's name?", "My sister's name is Ilse", ["brother"]),
        ("What does my boss drive?", "My neighbour drives a van", ["boss"]),
        ("Who lives at number 22?", "The Okafors live at number 18", ["22"]),
        ("Where does Zoe work?", "Ann works at the harbour", ["zoe"]),
        ("Where does Zoe’s brother work?", "Ann works at the harbour", ["zoe", "brother"]),
        ("When does flight BA117 leave?", "My flight KL1 leaves at noon", ["ba117"]),
    ],
)
def test_somebody_else_is_foreign(question: str, fact: str, foreign: list[str]) -> None:
    assert foreign_terms(question, fact) == foreign


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("What is my name?", "My name is Yusuf"),
        ("What is my mum called?", "My mother is called Ada"),
        ("Who are my parents?", "My father is Ben"),
        ("What is my sibling called?", "My brother is called Ben"),
        ("Who is my partner?", "My wife is Ada"),
        ("Where does my manager live?", "My boss lives in Graz"),
        ("What is my brother's name?", "My brothers' names are known to my brother"),
        ("Where does Ann work?", "Ann works at the harbour"),
        ("Where is Ann's office?", "Ann works at the harbour"),
        ("Who lives at number 22?", "The Okafors live at number 22"),
        ("When does BA117 leave?", "My flight, the BA117, leaves at noon"),
        ("When do I get up?", "My alarm rings at six"),
        ("What do I'm supposed to do?", "My alarm rings at six"),
        ("Zoe is whose cat?", "I have a cat"),  # a capital that opens a sentence shows nothing
        ("", "I have a cat"),
    ],
)
def test_the_same_person_name_or_number_is_not(question: str, fact: str) -> None:
    assert foreign_terms(question, fact) == []


def test_case_of_the_fact_does_not_matter() -> None:
    assert foreign_terms("Where is the Alpine hut?", "the alpine hut is above Graz") == []
    assert foreign_terms("Where is my Mother?", "MOTHER lives in Graz") == []


def test_every_term_is_told() -> None:
    question = "Did Zoe and Max meet my aunt at 7?"
    assert foreign_terms(question, "I have a cat") == ["zoe", "max", "aunt", "7"]
