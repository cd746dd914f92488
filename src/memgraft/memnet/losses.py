"""L = L_task + λ1 L_hallucination + λ2 L_utilization + λ3 L_sparsity."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.memnet.config import MemNetConfig

IGNORED = -100


def task_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy where a target is due; targets (batch, tokens), -100 where none is."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def hallucination_loss(rebuilt: Tensor, original: Tensor, gate: Tensor) -> Tensor:
    """Mean squared error of inputs rebuilt from nothing but what the memory gives back.

    Weighted by how much of a token was written, without a gradient for it: the memory need not
    hold everything, but what it holds it shall be able to say. rebuilt, original (batch, tokens,
    width), gate (batch, heads, tokens).
    """
    weight = gate.detach().mean(dim=1)
    error = (rebuilt - original.detach()).square().mean(dim=-1)
    return (weight * error).sum() / weight.sum().clamp_min(1e-6)


def utilization_loss(use: Tensor) -> Tensor:
    """log(slots) less the entropy of how the slots are used, (batch, heads, slots), unnormalised.

    0 where all are used alike, log(slots) where one takes everything.
    """
    return math.log(use.shape[-1]) - entropy(use).mean()


def sparsity_loss(weights: Tensor, gate: Tensor) -> Tensor:
    """Mean entropy of the reads (..., slots), in nats, plus the mean write gate.

    Both are small when controller and memory say little to each other.
    """
    return entropy(weights).mean() + gate.mean()


def entropy(weights: Tensor) -> Tensor:
    """Entropy in nats of weights (..., n) after normalisation; 0 where all are 0."""
    shares = weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-9)
    return -torch.xlogy(shares, shares.clamp_min(1e-9)).sum(dim=-1)


def total(parts: dict[str, Tensor], config: MemNetConfig) -> Tensor:
    """The weighted sum of the parts that there are."""
    weights = {
        "task": 1.0,
        "hallucination": config.hallucination,
        "utilization": config.utilization,
        "sparsity": config.sparsity,
    }
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum()
