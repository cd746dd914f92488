"""Slots: tokens move together, and back."""

from __future__ import annotations

import torch

from memgraft.nn.slots import Slots

MASK = torch.tensor([[False, True, True, False, True], [True, True, False, False, False]])
TOKENS = torch.arange(1.0, 11).view(2, 5, 1)


def test_tokens_move_to_the_front() -> None:
    slots = Slots.of(MASK)
    assert slots.fill(TOKENS)[..., 0].tolist() == [[2, 3, 5, 0, 0], [6, 7, 0, 0, 0]]
    assert slots.used.tolist() == [[True, True, True, False, False], [True, True, *[False] * 3]]


def test_they_follow_what_came_before() -> None:
    slots = Slots.of(MASK, torch.tensor([1, 2]))
    assert slots.fill(TOKENS)[..., 0].tolist() == [[0, 2, 3, 5], [0, 0, 6, 7]]
    assert slots.used.tolist() == [[False, True, True, True], [False, False, True, True]]


def test_they_come_back_and_pads_are_zero() -> None:
    for taken in (None, torch.tensor([3, 0])):
        slots = Slots.of(MASK, taken)
        assert torch.equal(slots.read(slots.fill(TOKENS)), TOKENS * MASK[..., None])


def test_dimensions_between_batch_and_tokens_go_along() -> None:
    heads = torch.stack([TOKENS, -TOKENS], dim=1)
    slots = Slots.of(MASK)
    filled = slots.fill(heads)
    assert torch.equal(filled[:, 1], -slots.fill(TOKENS))
    assert torch.equal(slots.read(filled), heads * MASK[:, None, :, None])
