"""The learned dials of the graph between slots."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from memgraft.memnet.config import MemNetConfig
from memgraft.nn.adjacency import Plasticity, spread, stdp, strongest

# Depression outweighs potentiation by so much at the start (Song, Miller & Abbott 2000).
DEPRESSION = 1.05


class HebbianGraph(nn.Module):
    """Edges grow from slots that were active to those that are active next, and reads spread.

    Every memory head has its own η of potentiation and depression, decay and influence α, all
    learned; see `memgraft.nn.adjacency` for the rules.
    """

    def __init__(self, config: MemNetConfig) -> None:
        super().__init__()
        self.edges = config.edges
        rate = math.log(math.expm1(config.hebbian_rate))
        depressed = math.log(math.expm1(DEPRESSION * config.hebbian_rate))
        heads = (config.memory_heads, 1, 1)
        self.potentiation = nn.Parameter(torch.full(heads, rate))
        self.depression = nn.Parameter(torch.full(heads, depressed))
        self.decay = nn.Parameter(torch.full(heads, _logit(config.hebbian_decay)))
        self.influence = nn.Parameter(torch.full(heads, _logit(config.graph_influence)))

    @property
    def rule(self) -> Plasticity:
        """The dials as they are now: η > 0, the decay between 0 and 1."""
        soft = nn.functional.softplus
        return Plasticity(soft(self.potentiation), soft(self.depression), self.decay.sigmoid())

    def learn(self, edges: Tensor, trace: Tensor, activity: Tensor) -> tuple[Tensor, Tensor]:
        """Edges, the strongest of each row, and trace after a segment; see `stdp`."""
        grown, trace = stdp(edges, trace, activity, self.rule)
        return strongest(grown, self.edges), trace

    def spread(self, weights: Tensor, edges: Tensor) -> Tensor:
        """Read weights that have spread along the edges; see `spread`."""
        return spread(weights, edges, self.influence.sigmoid())


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
