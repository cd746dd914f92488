"""Low-rank changes of a linear map: x ↦ W x + Σ_f g_f · A_f (B_fᵀ x)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def low_rank(x: Tensor, a: Tensor, b: Tensor, gain: float = 1.0) -> Tensor:
    """The change that one term adds to the map's output.

    Shapes: x (..., d_in), a (d_out, rank), b (d_in, rank) → (..., d_out). Costs
    rank · (d_in + d_out) products per position; the full matrix is never formed.
    """
    return gain * (x @ b) @ a.transpose(-1, -2)


def low_rank_sum(x: Tensor, terms: Sequence[tuple[Tensor, Tensor, float]]) -> Tensor:
    """The change that several terms (a, b, gain) add together, in two products for all of them."""
    return low_rank(x, *side_by_side(terms))


def side_by_side(terms: Sequence[tuple[Tensor, Tensor, float]]) -> tuple[Tensor, Tensor]:
    """Several terms as one: a (d_out, total rank) with the gains in it, b (d_in, total rank)."""
    a = torch.cat([gain * a for a, _, gain in terms], dim=-1)
    return a, torch.cat([b for _, b, _ in terms], dim=-1)


def low_rank_sum_oracle(x: Tensor, terms: Sequence[tuple[Tensor, Tensor, float]]) -> Tensor:
    """`low_rank_sum` by its definition: form every Δ W = g A Bᵀ, add them up, multiply."""
    a, b, gain = terms[0]
    delta = gain * a @ b.T
    for a, b, gain in terms[1:]:
        delta = delta + gain * a @ b.T
    return x @ delta.T
