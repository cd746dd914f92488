"""Slips and omissions: seeded, small, and of the kinds they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.noise import dropped, slipped

TEXT = "my sister plays the violin every evening at the harbour"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_slips() -> None:
    assert slipped(TEXT, rng(3)) == slipped(TEXT, rng(3))
    assert len({slipped(TEXT, rng(seed)) for seed in range(20)}) > 10


@given(st.integers(0, 10_000))
def test_a_slip_swaps_doubles_or_loses_one_letter(seed: int) -> None:
    changed = slipped(TEXT, rng(seed), share=1.0).split()
    assert len(changed) == len(TEXT.split())
    for was, now in zip(TEXT.split(), changed, strict=True):
        if len(was) < 4:
            assert now == was
            continue
        lost = {was[:i] + was[i + 1 :] for i in range(len(was))}
        doubled = {was[: i + 1] + was[i:] for i in range(len(was))}
        swapped = {was[:i] + was[i + 1] + was[i] + was[i + 2 :] for i in range(len(was) - 1)}
        assert now in lost | doubled | swapped


def test_shares_are_kept_on_average() -> None:
    words = " ".join(f"word{n:04d}" for n in range(4000))
    kept = len(dropped(words, rng()).split())
    assert kept / 4000 == pytest.approx(0.7, abs=0.03)
    same = sum(a == b for a, b in zip(words.split(), slipped(words, rng()).split(), strict=True))
    assert 0.68 <= same / 4000 <= 0.76, "a swap of equal digits changes nothing"


@given(st.integers(0, 1000), st.sampled_from([TEXT, "one", ""]))
def test_dropping_keeps_the_order_and_one_word_at_least(seed: int, text: str) -> None:
    left = dropped(text, rng(seed)).split()
    rest = iter(text.split())
    assert all(word in rest for word in left), "a subsequence"
    assert bool(left) == bool(text)
    assert not Counter(left) - Counter(text.split())
