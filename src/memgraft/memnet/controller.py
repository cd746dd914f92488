"""The controller: a causal transformer that sees one segment at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.memnet.blocks import Block
from memgraft.memnet.config import MemNetConfig


class TransformerController(nn.Module):
    """Blocks below and above the memory, with attention inside each segment.

    All segments pass at once, each as a row of its own: a token is encoded once, and no prefix
    again. What crosses a segment's border is the memory alone.
    """

    def __init__(self, config: MemNetConfig) -> None:
        super().__init__()
        self.window = config.window
        inner = config.expansion * config.width
        blocks = [Block(config.width, config.heads, inner) for _ in range(config.layers)]
        below = (config.layers + 1) // 2
        self.below, self.above = nn.ModuleList(blocks[:below]), nn.ModuleList(blocks[below:])
        self.norm = nn.LayerNorm(config.width)
        read = config.memory_heads * config.value_width
        self.gate = nn.Linear(config.width + read, config.width)
        self.take = nn.Linear(read, config.width)

    def perceive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The stream below the memory, and its norm, from which requests are made.

        (batch, tokens, width) each.
        """
        x = self._through(self.below, x)
        return x, self.norm(x)

    def conclude(self, x: Tensor, read: Tensor) -> Tensor:
        """The stream above the memory, with what was read (batch, tokens, heads · value_width)."""
        gate = self.gate(torch.cat([self.norm(x), read], dim=-1)).sigmoid()
        return self._through(self.above, x + gate * self.take(read))

    def _through(self, blocks: nn.ModuleList, x: Tensor) -> Tensor:
        batch, tokens = x.shape[:2]
        missing = -tokens % self.window  # pads stand last, where no token sees them
        rows = F.pad(x, (0, 0, 0, missing)).view(-1, self.window, x.shape[2])
        for block in blocks:
            rows = block(rows)
        return rows.view(batch, tokens + missing, -1)[:, :tokens]
