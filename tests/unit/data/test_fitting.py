"""How many pieces there is room for, before a text is fitted."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.fitting import Fitter, Frame, TokenCount

FRAME = Frame(["the needle."], "\nwhat?", " it.", company=["one", "two, longer", "3", "and four"])


def fitter(size: int, tokenizer: Any) -> Fitter:
    return Fitter(size, TokenCount(tokenizer), random.Random(1))


def test_pieces_are_counted_with_what_joins_them(byte_tokenizer: Any) -> None:
    """A token per byte: 21 of the frame; of each piece its own, its line end, one to spare."""
    needed = [21]
    for piece in FRAME.company:
        needed.append(needed[-1] + len(piece) + 2)
    for number, size in enumerate(needed):
        assert fitter(size, byte_tokenizer).fitting(FRAME) == number
        if number:
            assert fitter(size - 1, byte_tokenizer).fitting(FRAME) == number - 1
    assert fitter(10**6, byte_tokenizer).fitting(FRAME) == len(FRAME.company)


def test_it_is_the_first_pieces_that_count(byte_tokenizer: Any) -> None:
    long_first = replace(FRAME, company=["x" * 100, "y"])
    assert fitter(60, byte_tokenizer).fitting(long_first) == 0
    assert fitter(60, byte_tokenizer).fitting(replace(FRAME, company=["y", "x" * 100])) == 1


def test_none_without_company_or_without_room(byte_tokenizer: Any) -> None:
    assert fitter(100, byte_tokenizer).fitting(replace(FRAME, company=[])) == 0
    assert fitter(5, byte_tokenizer).fitting(FRAME) == 0


def test_what_is_said_to_fit_does(tokenizers: dict[str, Any]) -> None:
    words = ("a", "component", "depends", "on", "walnut,", "and", "heron", "returns", "b")
    numbers = set()
    for tokenizer in tokenizers.values():
        for seed in range(40):
            rng = random.Random(seed)
            company = [" ".join(rng.choices(words, k=rng.randint(1, 6))) for _ in range(9)]
            frame = replace(FRAME, company=company)
            fits = fitter(90, tokenizer)
            number = fits.fitting(frame)
            fitted = fits.fit(replace(frame, company=company[:number]), [])
            assert fitted.tokens + fitted.target_tokens <= 90
            numbers.add(number)
    assert {1, 2, 9} <= numbers


def test_the_needle_comes_first(byte_tokenizer: Any) -> None:
    """What does not fit even alone is for `fit` to refuse."""
    small = fitter(15, byte_tokenizer)
    assert small.fitting(FRAME) == 0
    with pytest.raises(InvalidInput, match="longer than the sample"):
        small.fit(replace(FRAME, company=[]), [])
