"""Swapped words: of the question's own, shared with the fact, related to what they replace."""

from __future__ import annotations

import random

import numpy as np
import pytest

from memgraft.text.encoder import Encoder, Vectors
from memgraft.train.swaps import Swaps
from memgraft.train.verifier import Pair, swapped_pairs

KINDS = {"ferret": 0.0, "hamster": 1.0, "gerbil": 1.1, "polecat": 0.2, "engine": 1.57}


class Angles(Encoder):
    """Words as directions in a plane: related at about a radian."""

    id = "angles"
    dimension = 2

    def encode(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        angles = np.array([KINDS[text] for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def swaps() -> Swaps:
    return Swaps(Angles(), [*KINDS, "##ing", "is", "[CLS]", "cat"])


def test_related_words_take_the_place_of_a_shared_one(swaps: Swaps) -> None:
    rng = random.Random(0)
    asked = {
        swaps.swapped("What is my ferret's name?", "My ferret is called Rex", rng)
        for _ in range(50)
    }
    # Neither what means the same (polecat) nor what has nothing to do with it (engine).
    assert asked == {"What is my hamster's name?", "What is my gerbil's name?"}


def test_words_that_the_fact_does_not_have_stay(swaps: Swaps) -> None:
    rng = random.Random(0)
    assert swaps.swapped("What is my ferret's name?", "My cat is called Rex", rng) is None
    assert swaps.swapped("Who is Ferret?", "My ferret is called Rex", rng) is None


def test_swapped_pairs_do_not_answer(swaps: Swaps) -> None:
    fact = "My ferret is called Rex"
    found = [Pair("What is my ferret called?", fact, True), Pair("Who am I?", fact, False)] * 4
    made = swapped_pairs(found, swaps, random.Random(1))
    assert len(made) == 2
    assert not any(pair.answers for pair in made)
    assert all(pair.fact == fact and "ferret" not in pair.question for pair in made)
