"""How strongly a token writes, what goes on of the step before it, and what is forgotten."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from memgraft.mag.config import MagConfig
from memgraft.nn.fast_weights import Gates


class WriteGates(nn.Module):
    """θ, η and α for every head and token (Titans, arXiv 2501.00663), each σ(w · x + b).

    θ comes multiplied by 1-η: the momentum averages steps instead of adding them up, and a memory
    with unit keys is stable whatever the weights are, see `linear_memory`. Untrained, the gates
    are near the config's initial values; one whose initial value is 0 is 0 for good.
    """

    def __init__(self, hidden_size: int, config: MagConfig) -> None:
        super().__init__()
        self.heads = config.memory_heads
        self.initial = (
            config.initial_strength,
            config.initial_momentum,
            config.initial_decay,
        )
        rows = self.heads * sum(value > 0 for value in self.initial)
        self.weight = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias = nn.Parameter(torch.empty(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.02)
        present = [value for value in self.initial if value > 0]
        with torch.no_grad():
            for bias, value in zip(self.bias.split(self.heads), present, strict=True):
                nn.init.constant_(bias, math.log(value / (1 - value)))

    def forward(self, hidden: Tensor) -> Gates:
        """Gates (batch, heads, tokens) in float32 or wider, of hidden (batch, tokens, width)."""
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        weight, bias = self.weight.to(dtype), self.bias.to(dtype)
        logits = nn.functional.linear(hidden.to(dtype), weight, bias).mT
        opened = iter(torch.sigmoid(logits).split(self.heads, dim=1))
        absent = torch.zeros_like(logits[:, : self.heads])
        gates = Gates(*(next(opened) if value > 0 else absent for value in self.initial))
        return gates._replace(strength=gates.strength * (1 - gates.momentum))
