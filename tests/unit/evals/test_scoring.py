"""Scores: what counts as the answer being given."""

from __future__ import annotations

import pytest

from memgraft.evals.scoring import contains, exact, normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  The  Harbour-Café! ", "harbour café"),
        ("Dr. O’Hara’s", "dr o hara s"),
        ("ﬁve", "five"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("a theatre and an anthem", "theatre and anthem"),
        ("...", "..."),
        ("A", "a"),
        ("🐱", "🐱"),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Your name is Yusuf.", "Yusuf"),
        ("your dog is called the Duke, I think", "The Duke"),
        ("It's 44-71.", "44 71"),
        ("You live in PORTO", "Porto"),
    ],
)
def test_contained(reply: str, answer: str) -> None:
    assert contains(reply, answer)
    assert not exact(reply, answer)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Your name is Annabel.", "Ann"),  # whole words only
        ("The code is 44711.", "4471"),
        ("Duarte Ines", "Ines Duarte"),
        ("", "Yusuf"),
        ("I don't know.", "Yusuf"),
    ],
)
def test_not_contained(reply: str, answer: str) -> None:
    assert not contains(reply, answer)


def test_exact() -> None:
    assert exact("The Duke.", "duke")
    assert not exact("The Duke of York", "Duke")
