"""The MLP memory: chunks that outlive calls, and steps that do not blow up."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from memories import problem, same

from memgraft.core.errors import InvalidInput
from memgraft.nn.fast_weights import Gates
from memgraft.nn.mlp_memory import MlpState, activation, activation_slope, mlp_memory


def made_state(width: int, hidden: int) -> MlpState:
    noise = torch.Generator().manual_seed(0)
    first = torch.randn(1, 1, width, hidden, generator=noise)
    return MlpState.empty(first, torch.zeros(1, 1, hidden, width))


def flat_gates(tokens: int, theta: float, eta: float = 0.0, alpha: float = 0.0) -> Gates:
    return Gates(*(torch.full((1, 1, tokens), gate) for gate in (theta, eta, alpha)))


def test_the_slope_is_the_activations_derivative() -> None:
    x = torch.linspace(-6, 6, 25, dtype=torch.float64)[:, None].requires_grad_()
    (derivative,) = torch.autograd.grad(activation(x).sum(), x)
    same([activation_slope(x)], [derivative], 1e-12)


def test_rows_may_stand_at_different_places_in_their_chunks() -> None:
    made = replace(problem("mlp"), filled=torch.tensor([15, 2]))
    together = made.run(mlp_memory)
    assert together.state.filled.tolist() == [(15 + 37) % 16, (2 + 37) % 16]
    for row in range(2):
        one = replace(
            made,
            leaves=tuple(leaf[row : row + 1] for leaf in made.leaves),
            filled=made.filled[row : row + 1],
        )
        alone = one.run(mlp_memory)
        same([part[row : row + 1] for part in made.results(together)], one.results(alone))


def test_gradients_stand_still_within_a_chunk() -> None:
    """Two tokens of one key push twice from the same place; in chunks of one the second sees what
    the first has done."""
    keys = torch.eye(4)[:1].expand(1, 1, 2, 4)
    values = torch.ones(1, 1, 2, 4)
    state = made_state(4, 8)
    pair = mlp_memory(keys, keys, values, flat_gates(2, 0.5), state, chunk_size=2)
    each = mlp_memory(keys, keys, values, flat_gates(2, 0.5), state, chunk_size=1)
    assert pair.surprise[0, 0, 0] == pair.surprise[0, 0, 1]
    assert each.surprise[0, 0, 0] > each.surprise[0, 0, 1]


def test_what_is_written_can_be_read() -> None:
    keys = torch.eye(8)[None, None].repeat(1, 1, 400, 1)
    values = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    state = made_state(8, 32)
    first = mlp_memory(keys, keys, values.repeat(1, 1, 400, 1), flat_gates(3200, 1.0), state).output
    wrong = (first[:, :, -8:] - values).norm() / values.norm()
    assert wrong < 0.15
    assert (first[:, :, :8] - values).norm() / values.norm() > 0.9


@pytest.mark.parametrize("length", [1.0, 6.0, 60.0])
@pytest.mark.parametrize("eta", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("size", [4, 64])
def test_a_repeated_key_converges_whatever_its_value(length: float, eta: float, size: int) -> None:
    keys = torch.eye(16)[:1].expand(1, 1, 4096, 16)
    value = torch.randn(16, generator=torch.Generator().manual_seed(1))
    values = (value / value.norm() * length).expand(1, 1, 4096, 16)
    gates = flat_gates(4096, 1 - eta, eta)
    read = mlp_memory(keys, keys, values, gates, made_state(16, 32), chunk_size=size)
    assert read.surprise[0, 0, -1] < 0.05 * length


def test_a_state_from_larger_chunks_is_refused() -> None:
    made = replace(problem("mlp"), filled=torch.tensor([0, 9]))
    with pytest.raises(InvalidInput, match="larger chunks"):
        made.run(mlp_memory, 8)


@pytest.mark.parametrize("size", [5, 16, 64])
def test_it_decays_to_where_it_began(size: int) -> None:
    made = problem("mlp")
    noise = torch.Generator().manual_seed(0)
    shapes = [leaf.shape[1:] for leaf in made.leaves[6:8]]
    origin = tuple(torch.randn(s, generator=noise, dtype=torch.float64) for s in shapes)
    for part in origin:
        part.requires_grad_()
    leaves = (*made.leaves, *origin)
    found = []
    for how in (made.kind.fast, made.kind.oracle):
        read = made.run(how, size, origin=origin)
        results = made.results(read)
        found.append([*results, *torch.autograd.grad([r.sum() for r in results], leaves)])
    same(*found)


def test_a_long_text_does_not_kill_it() -> None:
    noise = torch.Generator().manual_seed(0)
    state = made_state(8, 16)
    origin = (state.first[0], state.second[0])
    gates = flat_gates(4096, 0.5, alpha=0.05)
    for _ in range(2):
        keys = torch.nn.functional.normalize(torch.randn(1, 1, 4096, 8, generator=noise), dim=-1)
        read = mlp_memory(keys, keys, torch.ones(1, 1, 4096, 8), gates, state, origin=origin)
        state = read.state
    dead = mlp_memory(keys, keys, torch.ones(1, 1, 4096, 8), gates, state).state
    assert state.first.abs().max() > 0.1
    assert dead.first.abs().max() < 1e-6
