"""Lifetimes of slots, and the curve that is estimated from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memgraft.experiments.survival import Life, kaplan_meier, lives
from memgraft.memnet.bank import Requests
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import Moment
from memgraft.memnet.state import MemNetState

CONFIG = MemNetConfig(
    window=2, slots=2, memory_heads=1, key_width=3, value_width=1, width=8, heads=2
)


def moment(
    keys: tuple[int, int], writes: tuple[tuple[float, float], tuple[float, float]]
) -> Moment:
    """Two tokens, two slots; `keys` are which unit vector each slot holds afterwards."""
    state = MemNetState.empty(CONFIG, 1)
    slots = torch.cat([torch.eye(3)[list(keys)], torch.ones(2, 1)], dim=-1)[None, None]
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
