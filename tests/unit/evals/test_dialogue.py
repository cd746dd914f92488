"""The coherence of conversations, worked out by hand on vectors that are given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import Conversation, Turn
from memgraft.evals.dialogue import coherence, context_relevance, judged, response_consistency
from memgraft.text.encoder import Encoder, Vectors
from toys import ToyEncoder


class Compass(Encoder):
    """A text is a direction in degrees."""

    id, dimension = "compass", 2

    def encode(self, texts: Sequence[str]) -> Vectors:
        angles = np.radians([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


COMPASS = Compass()
HALF = math.cos(math.radians(60))


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ([], None),
        (["0"], None),
        (["7"] * 9, 1.0),
        (["0", "180"], -1.0),
        (["0", "60", "60"], (HALF + 1) / 2),
        (["0", "60", "0", "60"], HALF),
    ],
)
def test_coherence_of_neighbours(texts: list[str], value: float | None) -> None:
    assert coherence(texts, COMPASS) == (None if value is None else pytest.approx(value, abs=1e-6))


def test_relevance_is_to_the_nearest_passage() -> None:
    contexts = [["180", "60", "90"], [], ["20"]]
    value = context_relevance(["0", "50", "20"], contexts, COMPASS)
    assert value == pytest.approx((HALF + 1) / 2, abs=1e-6)


def test_relevance_without_passages() -> None:
    assert context_relevance([], [], COMPASS) is None
    assert context_relevance(["0"], [[]], COMPASS) is None
    with pytest.raises(InvalidInput, match="every response needs its context"):
        context_relevance(["0"], [], COMPASS)


def test_consistency_is_with_what_the_same_speaker_said_before() -> None:
    speakers = ["Ann", "Bo", "Ann", "Bo", "Ann"]
    # Ann: 60 against 0, then 30 against the mean of both, which is 30. Bo: 180 against 0.
    value = response_consistency(["0", "0", "60", "180", "30"], speakers, COMPASS)
    assert value == pytest.approx((HALF + 1 - 1) / 3, abs=1e-6)


def test_consistency_is_about_the_same_topic() -> None:
    texts, speakers = ["0", "180", "0"], ["Ann"] * 3
    assert response_consistency(texts, speakers, COMPASS, ["boats", "cats", "boats"]) == 1
    without = response_consistency(texts, speakers, COMPASS)
    assert without == pytest.approx((-1 + 0) / 2, abs=1e-6), "0 and 180 degrees cancel out"


def test_consistency_needs_something_said_before() -> None:
    assert response_consistency([], [], COMPASS) is None
    assert response_consistency(["0", "0"], ["Ann", "Bo"], COMPASS) is None
    with pytest.raises(InvalidInput, match="every response needs its speaker"):
        response_consistency(["0"], ["Ann", "Bo"], COMPASS)
    with pytest.raises(InvalidInput, match="every response needs its speaker"):
        response_consistency(["0"], ["Ann"], COMPASS, [])


def test_a_conversation_is_judged_by_what_was_said_before() -> None:
    said = ["tea is green", "green tea is fine", "boats are blue", "what colour was the tea"]
    turns = [Turn(f"t{i}", "s", "ann" if i % 2 else "bob", text) for i, text in enumerate(said)]
    figures = judged(Conversation("c", turns, []), ToyEncoder())
    assert figures["turns"] == 4
    assert figures["coherence"] == pytest.approx(coherence(said, ToyEncoder()))
    # The last turn answers the third; what is recalled for it are the first two.
    assert 0 < figures["context_relevance"] < 1
