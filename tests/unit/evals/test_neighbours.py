"""Near neighbours: alike in words, about somebody else."""

from __future__ import annotations

import pytest

from memgraft.evals.neighbours import neighbour


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("Where do I work?", "Where does my neighbour work?"),
        ("How many dogs have we got?", "How many dogs has my neighbour got?"),
        ("How old am I?", "How old is my neighbour?"),
        ("Where are we from?", "Where is my neighbour from?"),
        ("Where did I grow up?", "Where did my neighbour grow up?"),
        ("What should we avoid?", "What should my neighbour avoid?"),
        ("What is my name?", "What is my neighbour's name?"),
        ("When is our wedding?", "When is our neighbour's wedding?"),
        ("Who taught me to swim?", "Who taught my neighbour to swim?"),
        ("What do I call my cat?", "What does my neighbour call my cat?"),
        ("Who employs Ines Duarte?", "Who employs Ferdinand Aldous?"),
        ("What is Mira's job?", "What is Ferdinand Aldous's job?"),
    ],
)
def test_somebody_else_takes_the_place(question: str, other: str) -> None:
    assert neighbour(question) == other


@pytest.mark.parametrize("question", ["What is the boiler code?", "", "Why?"])
def test_a_question_about_nobody_has_none(question: str) -> None:
    assert neighbour(question) is None
