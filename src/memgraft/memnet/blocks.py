"""A transformer block, of MemNet and of its baselines."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Causal attention with rotary positions (arXiv 2104.09864), then a feed-forward layer.

    Both are pre-norm residuals, whose last projections start small.

    Args:
        window: tokens that a token sees, itself included; all before it, if left out.
        rotary: whether tokens have positions; slots have none, and are not causal either.
    """

    def __init__(
        self, width: int, heads: int, inner: int, window: int | None = None, rotary: bool = True
    ) -> None:
        super().__init__()
        self.heads, self.window, self.rotary = heads, window, rotary
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.feed = nn.Linear(width, inner)
        self.back = nn.Linear(inner, width)
        for layer in (self.out, self.back):
            nn.init.normal_(layer.weight, std=0.02)
        nn.init.zeros_(self.back.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) as it goes on."""
        x = x + self.out(self.attend(self.first(x)))
        return x + self.back(F.gelu(self.feed(self.second(x))))

    def attend(self, x: Tensor) -> Tensor:
        """What the heads bring together, (batch, tokens, width)."""
        parts = self.project(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        tokens = x.shape[1]
        mask = None
        if self.rotary:
            query, key = rotated(query), rotated(key)
            if self.window is not None and self.window < tokens:
                place = torch.arange(tokens, device=x.device)
                lag = place[:, None] - place[None, :]
                mask = (lag >= 0) & (lag < self.window)
        causal = self.rotary and mask is None
        mixed = F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal)
        return mixed.transpose(1, 2).flatten(2)


def rotated(x: Tensor) -> Tensor:
    """Rotary positions for (..., tokens, n), n even, counted from the first token."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device, dtype=x.dtype) / half)
    angles = torch.arange(x.shape[-2], device=x.device, dtype=x.dtype)[:, None] * rates
    cos, sin = angles.cos(), angles.sin()
    one, other = x.chunk(2, dim=-1)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], dim=-1)
