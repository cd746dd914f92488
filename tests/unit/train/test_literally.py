"""Where in a context each token of an answer was written."""

from __future__ import annotations

import random

import pytest

from memgraft.train.mag_readout import NEAR, _literally, _places
from memgraft.train.mag_samples import Asked

FILLER = [*range(100, 140)]


def test_what_is_told_word_for_word() -> None:
    assert _literally([1, 2, 3], [*FILLER, 1, 2, 3, *FILLER]) == [40, 41, 42]
    assert _literally([1], [5, 1, 5]) == [1]


def test_what_is_told_twice_is_where_it_was_told_last() -> None:
    assert _literally([1, 2, 3], [1, 2, 3, *FILLER, 1, 2, 3, 9]) == [43, 44, 45]
    assert _literally([1, 2], [1, 2, 1, 2]) == [2, 3]


def test_what_is_told_in_other_words() -> None:
    """I and my for you and your, at the beginning and in the midst of it."""
    told = [*FILLER, 7, 1, 2, 8, 3, 4, 5, *FILLER]
    assert _literally([70, 1, 2, 80, 3, 4, 5], told) == [-1, 41, 42, -1, 44, 45, 46]


def test_the_rest_is_looked_for_near_the_longest_part_only() -> None:
    due = [1, 2, 3, 9, 4]
    near = [*FILLER[:20], 1, 2, 3, *FILLER[: NEAR - 1], 4]
    assert _literally(due, [4, *near]) == [21, 22, 23, -1, 21 + 3 + NEAR - 1]
    far = [1, 2, 3, *FILLER, 4, *FILLER]
    assert _literally(due, far) == [0, 1, 2, -1, -1]


def test_single_words_that_stand_somewhere_are_not_the_answer() -> None:
    """The fact stands in what is read again, and nothing of it but a full stop in the context."""
    assert _literally([1, 2, 3, 50], [*FILLER, 50, 3]) == [-1] * 4
    assert _literally([1, 2], [*FILLER, 1]) == [-1] * 2


@pytest.mark.parametrize(("due", "context"), [([1, 2], []), ([], [1, 2]), ([1], [2, 3])])
def test_nothing_to_find(due: list[int], context: list[int]) -> None:
    assert _literally(due, context) == [-1] * len(due)


def test_places_hold_the_tokens_and_follow_each_other() -> None:
    rng = random.Random(1)
    found = 0
    for _ in range(300):
        context = [rng.randrange(12) for _ in range(80)]
        start, length = rng.randrange(70), rng.randint(2, 9)
        due = context[start : start + length]
        due[rng.randrange(length)] = 99
        places = _literally(due, context)
        assert len(places) == length
        known = [(token, place) for token, place in zip(due, places, strict=True) if place >= 0]
        assert all(context[place] == token for token, place in known)
        assert [place for _, place in known] == sorted({place for _, place in known})
        found += bool(known)
    assert found > 200


def test_only_the_first_tokens_are_searched_question_by_question() -> None:
    asked = Asked([1, 2, 3, 4, 5, 6], [([9], [2, 3]), ([9], [5, 6]), ([9], [4])])
    assert _places(asked, 4) == [1, 2, -1, -1, 3]
    assert _places(asked, 6) == [1, 2, 4, 5, 3]
