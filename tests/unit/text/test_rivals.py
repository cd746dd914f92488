"""Words of one class that exclude each other."""

from __future__ import annotations

import pytest

from memgraft.data.facts import SPLITS, facts
from memgraft.text.rivals import rival_terms


@pytest.mark.parametrize(
    ("question", "fact", "rivals"),
    [
        ("What is my cat called?", "My dog is called Bo", ["cat"]),
        ("What are my dogs called?", "My puppy is called Bo", []),
        ("Who plays the Viola?", "Ada plays the violin.", ["viola"]),
        ("When is it open on Saturdays?", "On Sundays it opens at ten.", ["saturdays"]),
        ("Do I take tea or coffee?", "I drink coffee.", []),
        ("What is my favourite pet?", "My dog is called Bo", []),
        ("What?", "", []),
    ],
)
def test_rivals(question: str, fact: str, rivals: list[str]) -> None:
    assert rival_terms(question, fact) == rivals


@pytest.mark.parametrize("split", SPLITS)
def test_hardly_any_generated_question_names_a_rival_of_its_fact(split: str) -> None:
    source = facts(split, 5)  # type: ignore[arg-type]
    drawn = [next(source) for _ in range(400)]
    pairs = [(question.text, fact.text) for fact in drawn for question in fact.questions]
    assert sum(bool(rival_terms(*pair)) for pair in pairs) <= 0.005 * len(pairs)
