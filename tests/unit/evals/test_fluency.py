"""The entropy of n-grams: high for varied text, low for repetition, none for nothing."""

from __future__ import annotations

import math

import pytest

from memgraft.evals.fluency import fluency, words_of


def test_words_and_marks() -> None:
    assert words_of("It’s late, Mr. Orvo!") == ["it", "’", "s", "late", ",", "mr", ".", "orvo", "!"]


@pytest.mark.parametrize("text", ["", "one", "one two", "no no no no no no"])
def test_nothing_varied(text: str) -> None:
    assert fluency(text) == 0


def test_all_different() -> None:
    text = " ".join("abcdefghij")
    assert fluency(text) == pytest.approx((math.log2(9) + 2 * math.log2(8)) / 3)


def test_bigrams_and_trigrams_are_weighed() -> None:
    # Bigrams ab, ba, ab, ba, ab; trigrams aba, bab, aba, bab.
    two = -(3 / 5 * math.log2(3 / 5) + 2 / 5 * math.log2(2 / 5))
    assert fluency("a b a b a b") == pytest.approx((two + 2 * 1) / 3)
