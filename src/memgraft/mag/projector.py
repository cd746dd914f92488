"""Queries, refined by what the layer below found in its memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from memgraft.mag.config import MagConfig


class QueryProjector(nn.Module):
    """From the residual stream x and the previous layer's memory output p to a query:

    * `concat`: W [x; p]
    * `add`: W x + s ⊙ p, as p already lies in the space of heads
    * `gate`: W x + σ(G x + b) ⊙ P p, so that tokens choose channel by channel

    Where there is no p, in the first layer, it is W x.

    Args:
        hidden_size: width of the residual stream.
        refined: whether a layer with a memory comes before; without, there are no weights for it.
    """

    def __init__(self, hidden_size: int, config: MagConfig, refined: bool = False) -> None:
        super().__init__()
        size = config.memory_size
        self.combine = config.query_combine if refined else None
        self.project = nn.Linear(hidden_size, size, bias=False)
        if self.combine == "add":
            self.scale = nn.Parameter(torch.empty(size))
        elif self.combine is not None:
            self.refine = nn.Linear(size, size, bias=False)
        if self.combine == "gate":
            self.choose = nn.Linear(hidden_size, size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """What is not a projection starts as constants; `project`, `refine` and `choose` keep the
        initialisation of their kind."""
        if self.combine == "add":
            nn.init.constant_(self.scale, 0.5)

    def forward(self, hidden: Tensor, previous: Tensor | None = None) -> Tensor:
        """Queries (batch, tokens, memory_size) of hidden (batch, tokens, hidden_size) and
        previous (batch, tokens, memory_size)."""
        query: Tensor = self.project(hidden)
        if previous is None or self.combine is None:
            return query
        previous = previous.to(query.dtype)
        if self.combine == "add":
            return query + self.scale * previous
        refinement: Tensor = self.refine(previous)
        if self.combine == "gate":
            refinement = torch.sigmoid(self.choose(hidden)) * refinement
        return query + refinement
