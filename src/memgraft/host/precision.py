"""Models in half precision."""

from __future__ import annotations

import torch
from torch import nn


def to_half(model: nn.Module, dtype: torch.dtype = torch.bfloat16) -> None:
    """Convert the weights, in place, and not the frequencies of positions: what is lost there
    grows with the distance between tokens."""
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
