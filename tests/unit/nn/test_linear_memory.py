"""The linear memory does what the delta rule promises, and what a chunk's size must not change."""

from __future__ import annotations

import pytest
import torch
from memories import problem, same

from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearState, linear_memory, surprised


def flat_gates(tokens: int, theta: float, eta: float = 0.0, alpha: float = 0.0) -> Gates:
    return Gates(*(torch.full((1, 1, tokens), gate) for gate in (theta, eta, alpha)))


def empty(width: int) -> LinearState:
    return LinearState.empty((1, 1, width, width))


@pytest.mark.parametrize("size", [2, 5, 37, 64])
def test_the_chunks_size_does_not_change_the_result(size: int) -> None:
    made = problem("linear")
    one, other = made.run(linear_memory, 1), made.run(linear_memory, size)
    same(made.results(one), made.results(other))


def test_orthogonal_keys_are_recalled_exactly_at_any_distance() -> None:
    keys = torch.eye(8)[None, None]
    values = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    written = linear_memory(keys, keys, values, flat_gates(8, 1.0), empty(8)).state
    read = linear_memory(keys, keys, values, flat_gates(8, 0.0), written)
    torch.testing.assert_close(read.output, values)
    assert read.surprise.abs().max() < 1e-6


def test_a_later_value_replaces_the_earlier_one() -> None:
    keys = torch.eye(4)[:1].expand(1, 1, 2, 4)
    values = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])[None, None]
    read = linear_memory(keys, keys, values, flat_gates(2, 1.0), empty(4))
    torch.testing.assert_close(read.output, values)  # a token reads its own write


def test_momentum_and_decay_of_known_numbers() -> None:
    ones = torch.ones(1, 1, 2, 1)
    gates = flat_gates(2, 0.5, eta=0.5, alpha=0.1)
    read = linear_memory(ones, ones, 2 * ones, gates, LinearState.empty((1, 1, 1, 1)))
    # S = .5 · 2 = 1, M = 1; then S = .5 + .5 · (2 - 1) = 1, M = .9 + 1.
    assert read.output.flatten().tolist() == pytest.approx([1.0, 1.9])
    assert read.state.momentum.item() == pytest.approx(1.0)
    assert read.surprise.flatten().tolist() == pytest.approx([2.0, 1.0])


def test_only_what_is_not_yet_known_is_written() -> None:
    keys = torch.eye(4)[[0, 1, 0, 2]][None, None]
    values = torch.eye(4)[[3, 2, 3, 1]][None, None]
    mask = torch.ones(1, 4, dtype=torch.bool)
    writes = surprised(keys, values, flat_gates(4, 1.0), empty(4), mask, 4, 0.5)
    assert writes.flatten().tolist() == [True, True, False, True]


@pytest.mark.parametrize("eta", [0.0, 0.9, 0.99])
def test_one_key_repeated_converges_with_full_steps_too(eta: float) -> None:
    keys = torch.eye(4)[:1].expand(1, 1, 4096, 4)
    read = linear_memory(
        keys, keys, torch.ones(1, 1, 4096, 4), flat_gates(4096, 1.0, eta), empty(4)
    )
    torch.testing.assert_close(read.output[:, :, -1], torch.ones(1, 1, 4))
