"""Short causal convolutions, whose memory of the last tokens is a value."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class ShortConvolution(nn.Module):
    """One filter per channel over a token and the `size` - 1 before it (as in H3, arXiv
    2212.14052; Titans puts one after each projection). The last tap is the token itself."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.empty(channels, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.size)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(
        self, x: Tensor, tail: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The filtered tokens (batch, tokens, channels) and the next call's tail.

        Args:
            x: (batch, tokens, channels), pads only at the end of a row.
            tail: (batch, size - 1, channels), what came before; zeros where nothing did.
            lengths: (batch,) tokens that are no pads; all, if left out.
        """
        seen = torch.cat([tail.to(x.dtype), x], dim=1)
        first, *others = self.weight.to(x.dtype).unbind(dim=1)
        filtered = first * seen[:, : x.shape[1]]
        for tap, weight in enumerate(others, start=1):
            filtered = torch.addcmul(filtered, weight, seen[:, tap : tap + x.shape[1]])
        steps = torch.arange(self.size - 1, device=x.device)
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        index = (lengths[:, None] + steps)[..., None].expand(-1, -1, x.shape[-1])
        return filtered, seen.gather(1, index).to(tail.dtype)
