"""Hebbian plasticity and spreading activation of a dense graph that gradients flow through.

`memgraft.nn.hebbian` is the same idea for a store's sparse graph, without gradients. Here edges A
(..., slots, slots), source by target, lie in [0, 1], nothing is tied to itself, and activities of
slots lie in [0, 1]; the leading dimensions are independent graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Plasticity:
    """η of potentiation and of depression, the share of an edge that fades per call, and the
    share of a trace that is left one step later. Each is a scalar or broadcasts over graphs."""

    potentiation: Tensor
    depression: Tensor
    decay: Tensor
    persistence: float = 0.5


def stdp(edges: Tensor, trace: Tensor, activity: Tensor, rule: Plasticity) -> tuple[Tensor, Tensor]:
    """Edges and trace after some steps of activity.

    With x the trace of what was active before step t, a pairing adds η·x_i·a_j to edge i → j
    (pre before post) and takes η₋·a_i·x_j of it (post before pre). The pairings of a call are
    summed, and act through soft bounds:

        P = Σ_t x_t ᵀ a_t,   A ← (1-δ)A,   A ← A + (1-A)(1 - e^(-η P)) - A (1 - e^(-η₋ Pᵀ)),

    so that an edge stays in [0, 1] without clipping, and to first order ΔA_ij = η·pre_i·post_j.

    Args:
        edges: (..., slots, slots).
        trace: (..., slots), what is left of earlier activity.
        activity: (..., steps, slots), of each step.
    """
    steps, slots = activity.shape[-2:]
    powers = torch.arange(steps, device=activity.device, dtype=activity.dtype)
    lags = powers[:, None] - powers[None, :] - 1
    kernel = torch.where(lags >= 0, rule.persistence ** lags.clamp_min(0), 0.0)
    fading = rule.persistence**powers
    before = kernel @ activity + fading[:, None] * trace[..., None, :]
    others = 1 - torch.eye(slots, device=edges.device, dtype=edges.dtype)
    pairings = (before.mT @ activity) * others
    up = -torch.expm1(-rule.potentiation * pairings)
    down = -torch.expm1(-rule.depression * pairings.mT)
    last = rule.persistence * before[..., -1, :] + activity[..., -1, :]
    return (1 - rule.decay) * edges * (1 - up - down) + up, last


def stdp_oracle(
    edges: Tensor, trace: Tensor, activity: Tensor, rule: Plasticity
) -> tuple[Tensor, Tensor]:
    """`stdp` step by step and edge by edge; dials without leading dimensions."""
    slots = edges.shape[-1]
    pairings = torch.zeros_like(edges)
    for now in activity.unbind(-2):
        pairings = pairings + trace[..., :, None] * now[..., None, :]
        trace = rule.persistence * trace + now
    columns = []
    for i in range(slots):
        row = []
        for j in range(slots):
            edge = (1 - rule.decay) * edges[..., i, j]
            up = 1 - torch.exp(-rule.potentiation * pairings[..., i, j])
            down = 1 - torch.exp(-rule.depression * pairings[..., j, i])
            after = edge + (1 - edge) * up - edge * down
            row.append(after if i != j else torch.zeros_like(after))
        columns.append(torch.stack(row, dim=-1))
    return torch.stack(columns, dim=-2), trace


def strongest(edges: Tensor, k: int) -> Tensor:
    """The k strongest edges of every row; the others are 0. Of equal ones no more than k stay."""
    if k >= edges.shape[-1]:
        return edges
    best = edges.detach().topk(k, dim=-1).indices
    return edges * torch.zeros_like(edges, dtype=torch.bool).scatter(-1, best, True)


def spread(weights: Tensor, edges: Tensor, influence: Tensor) -> Tensor:
    """(1-α)W + α·norm(W A): one hop from what is read to what is tied to it.

    Rows that weigh more than 1 are divided by their sum: no slot gives more than it has.

    Args:
        weights: (..., reads, slots), non-negative.
        edges: (..., slots, slots).
        influence: α, in [0, 1].
    """
    given = weights / edges.sum(dim=-1).clamp_min(1.0)[..., None, :]
    return (1 - influence) * weights + influence * (given @ edges)
