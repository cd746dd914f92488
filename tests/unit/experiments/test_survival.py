"""Lifetimes of slots, and the curve that is estimated from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memgraft.experiments.survival import Life, counted, kaplan_meier, lives, median, pooled
from memgraft.memnet.bank import Requests
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import Moment
from memgraft.memnet.state import MemNetState

CONFIG = MemNetConfig(
    window=2, slots=2, memory_heads=1, key_width=3, value_width=1, width=8, heads=2
)


def moment(
    keys: tuple[int | list[float], int | list[float]],
    writes: tuple[tuple[float, float], tuple[float, float]],
    usage: tuple[float, float] = (1.0, 1.0),
) -> Moment:
    """Two tokens, two slots; `keys` are those they hold then, or which unit vectors these are."""
    state = replace(MemNetState.empty(CONFIG, 1), usage=torch.tensor(usage)[None, None])
    held = [torch.eye(3)[key] if isinstance(key, int) else torch.tensor(key) for key in keys]
    slots = torch.cat([torch.stack(held), torch.ones(2, 1)], dim=-1)[None, None]
    written = torch.tensor(writes)[None, None]
    nothing = torch.zeros(1, 1, 2, 3)
    asked = Requests(nothing, nothing, nothing, nothing, nothing, nothing[..., 0])
    return Moment(asked, written, written, replace(state, slots=slots))


def test_a_life_ends_by_another_key_and_not_by_the_same() -> None:
    none = ((0.0, 0.0), (0.0, 0.0))
    moments = [
        moment((0, 1), ((1.0, 0.0), (0.0, 1.0))),
        moment((0, 1), ((0.9, 0.0), (0.0, 0.0))),  # an update
        moment((0, 1), none),
        moment((2, 1), ((0.0, 0.0), (1.0, 0.0))),  # slot 0 holds another thing
    ]
    found = lives(moments, 3, 2)
    assert found == [
        Life(sequence=0, token=0, segments=3, ended=True),
        Life(sequence=0, token=7, segments=1, ended=False),
        Life(sequence=0, token=1, segments=4, ended=False),
    ]


NONE = ((0.0, 0.0), (0.0, 0.0))


def test_a_write_of_less_than_half_a_slot_begins_and_ends_lives() -> None:
    moments = [
        moment(([0.4, 0, 0], 1), ((0.4, 0.0), (0.0, 0.05))),  # slot 1 is as good as not written
        moment(([0.64, 0, 0], 1), ((0.4, 0.0), (0.0, 0.0))),  # the same key once more
        moment(([0.384, 0.4, 0], 1), ((0.0, 0.0), (0.4, 0.0))),  # another
        moment(([0.38, 0.41, 0], 1), ((0.0, 0.0), (0.05, 0.0))),
    ]
    assert lives(moments, 3, 2) == [
        Life(sequence=0, token=0, segments=2, ended=True),
        Life(sequence=0, token=5, segments=2, ended=False),
    ]


def test_what_was_begun_too_faintly_lives_from_the_write_that_counts() -> None:
    moments = [
        moment((0, 1), ((0.05, 0.0), (0.0, 0.0))),
        moment((0, 1), ((0.0, 0.0), (0.4, 0.0))),
    ]
    assert lives(moments, 3, 2) == [Life(sequence=0, token=3, segments=1, ended=False)]


def test_a_slot_that_was_merged_away_holds_nothing() -> None:
    moments = [
        moment((0, 0), ((0.5, 0.0), (0.0, 0.5))),
        moment((0, [0.0, 0.0, 0.0]), NONE, usage=(1.0, 0.0)),  # the dream
        moment((0, [0.0, 0.0, 0.0]), NONE, usage=(1.0, 0.0)),
        moment((0, 2), ((0.0, 0.5), (0.0, 0.0))),  # what is there is new: nothing was overwritten
    ]
    assert lives(moments, 3, 2) == [
        Life(sequence=0, token=1, segments=2, ended=False),
        Life(sequence=0, token=0, segments=4, ended=False),
        Life(sequence=0, token=6, segments=1, ended=False),
    ]


def test_the_curve_is_the_product_limit() -> None:
    # By hand: 1 of 5 ends at 1, 1 of the 3 left at 3, 1 of 1 at 5; 2 and 4 are censored.
    times, share = kaplan_meier([1, 2, 3, 4, 5], [True, False, True, False, True])
    assert times == [0.0, 1.0, 3.0, 5.0]
    assert share == pytest.approx([1.0, 4 / 5, 4 / 5 * 2 / 3, 0.0])


def test_without_censoring_it_is_the_share_that_is_left() -> None:
    times, share = kaplan_meier([2, 2, 4, 6], [True] * 4)
    assert times == [0.0, 2.0, 4.0, 6.0]
    assert share == pytest.approx([1.0, 0.5, 0.25, 0.0])


def test_of_nothing_there_is_nothing_to_estimate() -> None:
    assert kaplan_meier([], []) == ([0.0], [1.0])
    assert pooled([[], []]) == ([0.0], [1.0])


def test_a_curve_goes_on_to_the_last_time_that_was_observed() -> None:
    assert kaplan_meier([1, 7], [True, False]) == ([0.0, 1.0, 7.0], [1.0, 0.5, 0.5])
    assert kaplan_meier([3, 7], [False, False]) == ([0.0, 7.0], [1.0, 1.0])


def test_lives_are_pooled_before_anything_is_estimated() -> None:
    short = counted([Life(0, 0, 2, True)] * 3 + [Life(0, 1, 9, False)])
    long = counted([Life(0, 0, 9, False)] * 5)
    assert short == [[2, 1, 3], [9, 0, 1]]
    assert median(pooled([short])) == 2.0
    times, share = pooled([short, long])  # 3 of 9 ended: a mean over runs would still be 2
    assert times == [0.0, 2.0, 9.0]
    assert share == pytest.approx([1.0, 6 / 9, 6 / 9])
    assert median((times, share)) is None
