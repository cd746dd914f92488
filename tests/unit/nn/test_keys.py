"""Answering keys: equal to their oracle in values and gradients, and right about padding."""

from __future__ import annotations

import torch

from memgraft.nn.keys import answering_keys, answering_keys_oracle


def problem(rows: int = 5, width: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, width, generator=noise, dtype=torch.float64)
    root = torch.randn(width, width, generator=noise, dtype=torch.float64)
    return inputs, torch.linalg.inv(root @ root.T / width + 0.1 * torch.eye(width).double())


def test_it_equals_its_oracle() -> None:
    inputs, precision = problem()
    assert torch.allclose(
        answering_keys(inputs, precision), answering_keys_oracle(inputs, precision)
    )


def test_gradients_equal_the_oracles() -> None:
    inputs, precision = problem()
    grads = []
    for solve in (answering_keys, answering_keys_oracle):
        leaf = inputs.clone().requires_grad_(True)
        (solve(leaf, precision) ** 3).sum().backward()
        grads.append(leaf.grad)
    assert torch.allclose(grads[0], grads[1])


def test_inputs_call_for_their_own_row() -> None:
    inputs, precision = problem()
    keys = answering_keys(50 * inputs, precision)
    assert torch.allclose(keys @ (50 * inputs).T, torch.eye(5).double(), atol=1e-2)


def test_rows_of_zeros_are_padding() -> None:
    inputs, precision = problem()
    padded = torch.cat([inputs, torch.zeros(3, 12).double()])
    batch = answering_keys(torch.stack([padded, padded.flip(0)]), precision)
    alone = answering_keys(inputs, precision)
    assert torch.allclose(batch[0, :5], alone)
    assert torch.equal(batch[0, 5:], torch.zeros(3, 12).double())
    assert torch.allclose(batch[1, 3:], alone.flip(0))
