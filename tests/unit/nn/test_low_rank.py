"""The low-rank kernel computes what its oracle defines, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memgraft.nn.low_rank import low_rank, low_rank_sum, low_rank_sum_oracle

Terms = list[tuple[Tensor, Tensor, float]]

# (batch dimensions, d_in, d_out, ranks of the terms)
SHAPES = [
    ((), 5, 3, [1]),
    ((1,), 1, 1, [1]),
    ((7,), 6, 9, [2, 3]),
    ((2, 4), 16, 8, [1, 5, 2]),
    ((2, 1, 3), 4, 11, [6]),
    ((0,), 4, 3, [2]),
]
GAINS = [1.0, -0.7, 2.5]


def made(batch: tuple[int, ...], d_in: int, d_out: int, ranks: list[int]) -> tuple[Tensor, Terms]:
    """Random input and terms that want gradients."""
    torch.manual_seed(d_in * d_out)
    x = torch.randn(*batch, d_in, dtype=torch.float64, requires_grad=True)
    terms = [
        (
            torch.randn(d_out, rank, dtype=torch.float64, requires_grad=True),
            torch.randn(d_in, rank, dtype=torch.float64, requires_grad=True),
            gain,
        )
        for rank, gain in zip(ranks, GAINS, strict=False)
    ]
    return x, terms


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sum_equals_the_oracle(shape: tuple[tuple[int, ...], int, int, list[int]]) -> None:
    batch, d_in, d_out, ranks = shape
    x, terms = made(batch, d_in, d_out, ranks)
    fast, slow = low_rank_sum(x, terms), low_rank_sum_oracle(x, terms)
    assert fast.shape == (*batch, d_out)
    close(fast, slow)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_equal_the_oracles(shape: tuple[tuple[int, ...], int, int, list[int]]) -> None:
    x, terms = made(*shape)
    wanted = [x, *(tensor for a, b, _ in terms for tensor in (a, b))]
    fast, slow = low_rank_sum(x, terms), low_rank_sum_oracle(x, terms)
    upstream = torch.randn_like(slow)
    for one, other in zip(
        torch.autograd.grad(fast, wanted, upstream),
        torch.autograd.grad(slow, wanted, upstream),
        strict=True,
    ):
        close(one, other)


@pytest.mark.parametrize("gain", GAINS)
def test_one_term_equals_the_oracle(gain: float) -> None:
    x, [(a, b, _)] = made((3, 2), 6, 4, [3])
    close(low_rank(x, a, b, gain), low_rank_sum_oracle(x, [(a, b, gain)]))


def test_a_term_of_known_numbers() -> None:
    x, a, b = torch.tensor([2.0, 3.0]), torch.tensor([[5.0], [7.0]]), torch.tensor([[1.0], [10.0]])
    assert low_rank(x, a, b, 0.5).tolist() == [80.0, 112.0]  # 0.5 · (2 + 30) · (5, 7)
    assert low_rank_sum_oracle(x, [(a, b, 0.5)]).tolist() == [80.0, 112.0]
