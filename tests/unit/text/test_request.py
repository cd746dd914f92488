"""Messages that are no questions to a memory."""

from __future__ import annotations

import pytest

from memgraft.data.facts import SPLITS, facts
from memgraft.text.request import asks_to_make, impersonal


@pytest.mark.parametrize(
    ("message", "made"),
    [
        ("Write a haiku about my dog", True),
        ("Please, can you explain gravity?", True),
        ("Give me three tips for sleeping", True),
        ("Tell me a joke", True),
        ("Tell me a password of mine", False),
        ("What did I write?", False),
        ("", False),
    ],
)
def test_requests_to_make_something(message: str, made: bool) -> None:
    assert asks_to_make(message) is made


@pytest.mark.parametrize(
    ("message", "fact", "expected"),
    [
        ("Why is the sky blue?", "My tent is blue.", True),
        ("What colour is my tent?", "My tent is blue.", False),
        ("Where is Bo?", "I left Bo at home.", False),
        ("What do cats eat?", "Ove's cat eats fish.", False),
        ("", "My tent is blue.", True),
    ],
)
def test_the_world_and_the_teller(message: str, fact: str, expected: bool) -> None:
    assert impersonal(message, fact) is expected


@pytest.mark.parametrize("split", SPLITS)
def test_hardly_any_generated_question_is_taken_for_either(split: str) -> None:
    source = facts(split, 5)  # type: ignore[arg-type]
    drawn = [next(source) for _ in range(400)]
    pairs = [(question.text, fact.text) for fact in drawn for question in fact.questions]
    assert not any(asks_to_make(question) for question, _ in pairs)
    assert sum(impersonal(*pair) for pair in pairs) <= 0.01 * len(pairs)
