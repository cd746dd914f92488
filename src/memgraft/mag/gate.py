"""The gate between attention and memory: MAG, memory as a gate (Titans, arXiv 2501.00663)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from memgraft.mag.config import MagConfig


class ZeroProjection(nn.Linear):
    """A linear map that starts at zero; a class of its own, so that whoever initialises a model
    by the kinds of its modules can tell it from the others."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class MemoryGate(nn.Module):
    """Joins the attention's output a with the memory's read m, channel by channel and token by
    token, with g = σ(G h + b):

    * `add`: a + g ⊙ W_o m, which is a, exactly, while W_o is zero, as it is at the start;
    * `mix`: (1-g) ⊙ a + g ⊙ W_o m, near a at the start, as g begins near σ(gate_bias).

    Args:
        hidden_size: width of the residual stream.
    """

    def __init__(self, hidden_size: int, config: MagConfig) -> None:
        super().__init__()
        self.mode, self.bias_at_start = config.gate_mode, config.gate_bias
        self.out = ZeroProjection(config.memory_size, hidden_size, bias=False)
        self.weight = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Open by σ(gate_bias) everywhere; W_o by its own `reset_parameters`."""
        nn.init.zeros_(self.weight)
        nn.init.constant_(self.bias, self.bias_at_start)

    def opening(self, hidden: Tensor) -> Tensor:
        """g in (0, 1), (batch, tokens, hidden_size), for hidden of the same shape."""
        return torch.sigmoid(nn.functional.linear(hidden, self.weight, self.bias))

    def forward(self, attention: Tensor, memory: Tensor, hidden: Tensor) -> Tensor:
        """What goes into the residual stream in place of the attention's output.

        Shapes: attention, hidden (batch, tokens, hidden_size); memory (batch, tokens,
        memory_size) → (batch, tokens, hidden_size).
        """
        opening, found = self.opening(hidden), self.out(memory)
        if self.mode == "mix":
            return attention + opening * (found - attention)
        return attention + opening * found
