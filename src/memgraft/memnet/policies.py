"""How slots are read: three policies, and the meta-policy that mixes them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.memnet.config import MemNetConfig

# The policies of the mixture, in the order of its columns.
MIXED = ("topk", "uniform", "random")


def top_k(scores: Tensor, k: int) -> Tensor:
    """A softmax over the k best slots of each read, 0 elsewhere; scores (..., reads, slots).

    Of equal slots no more than k are read.
    """
    if k >= scores.shape[-1]:
        return scores.softmax(dim=-1)
    best = scores.topk(k, dim=-1)
    return torch.zeros_like(scores).scatter(-1, best.indices, best.values.softmax(dim=-1))


def among(scores: Tensor, used: Tensor) -> Tensor:
    """Scores (..., reads, slots) that leave a softmax to the slots in use, unless none is.

    used (..., slots), boolean.
    """
    free = ~used & used.any(dim=-1, keepdim=True)
    return scores.masked_fill(free[..., None, :], -torch.inf)


def uniform(used: Tensor) -> Tensor:
    """Equal weights for the slots in use, none where there are none; used (..., slots), boolean."""
    weights = used.float()
    return weights / weights.sum(dim=-1, keepdim=True).clamp_min(1.0)


def random(used: Tensor, generator: torch.Generator | None) -> Tensor:
    """Random weights for the slots in use; without a generator what they are on average.

    They are the softmax of Gumbel noise, the same in distribution for every slot, so that their
    expectation is `uniform`: that is what evaluation reads, which has no randomness.
    """
    if generator is None:
        return uniform(used)
    noise = torch.empty(used.shape).exponential_(generator=generator).to(used.device)
    weights = noise.clamp_min(1e-20).reciprocal() * used
    return weights / weights.sum(dim=-1, keepdim=True).clamp_min(1e-20)


class MetaPolicy(nn.Module):
    """The shares of the policies for every read, from what the controller sees."""

    def __init__(self, config: MemNetConfig) -> None:
        super().__init__()
        self.heads, self.policy = config.memory_heads, config.policy
        self.choice = nn.Linear(config.width, config.memory_heads * len(MIXED))
        nn.init.zeros_(self.choice.weight)
        with torch.no_grad():  # it starts from the policy that can recall, with room to leave it
            self.choice.bias.copy_(torch.tensor([3.0, 0.0, 0.0]).repeat(config.memory_heads))

    def forward(self, hidden: Tensor) -> Tensor:
        """Shares (..., tokens, heads, 3) that sum to 1, of hidden states (..., tokens, width)."""
        choice = self.choice(hidden).unflatten(-1, (self.heads, len(MIXED)))
        if self.policy == "mixed":
            return choice.softmax(dim=-1)
        alone = torch.tensor(MIXED.index(self.policy), device=hidden.device)
        return F.one_hot(alone, len(MIXED)).to(choice.dtype).expand_as(choice)
