"""A text is embedded once, and charged for each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from memgraft.evals.metered import MeteredEncoder
from memgraft.text.encoder import Vectors
from toys import ToyEncoder


class Slow(ToyEncoder):
    """Takes 8 s by a clock of its own, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        self.now += 8
        return super().encode(texts)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr("memgraft.evals.metered.time", made)
    return made


def test_the_vectors_are_the_encoders() -> None:
    texts = ["red boat", "blue car", "red boat"]
    metered = MeteredEncoder(ToyEncoder())
    for _ in range(2):
        np.testing.assert_array_equal(metered.encode(texts), ToyEncoder().encode(texts))
    assert metered.encode([]).shape == (0, metered.dimension)
    assert metered.id == "toy"


def test_what_was_embedded_is_charged_again_but_takes_no_time(slow: Slow) -> None:
    metered = MeteredEncoder(slow)
    metered.encode(["a b", "c d"])
    assert (metered.charged, metered.passed) == (8, 8)
    metered.encode(["c d", "a b"])
    assert (metered.charged, metered.passed) == (16, 8)
    metered.encode(["a b", "e f"])
    assert (metered.charged, metered.passed) == (16 + 4 + 8, 16)
    assert slow.asked == [["a b", "c d"], ["e f"]]


def test_alone_a_text_costs_what_it_takes_alone(slow: Slow) -> None:
    metered = MeteredEncoder(slow)
    metered.encode(["a b", "c d", "e f", "g h"])
    metered.encode(["c d"])
    assert metered.charged == 8 + 8
    metered.encode(["c d"])
    assert metered.charged == 8 + 8 + 8
    assert slow.asked[1:] == [["c d"]]


def test_a_caller_cannot_change_what_is_remembered() -> None:
    metered = MeteredEncoder(ToyEncoder())
    before = metered.encode(["red boat"]).copy()
    metered.encode(["red boat"])[:] = 0
    np.testing.assert_array_equal(metered.encode(["red boat"]), before)
