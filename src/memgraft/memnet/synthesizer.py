"""Dreaming: slots look at each other, and redundant ones become one."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.memnet.blocks import Block
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.state import MemNetState
from memgraft.nn.adjacency import strongest


class MemorySynthesizer(nn.Module):
    """Self-attention over the slots of each memory head, then a merge of those that say the same.

    What the attention finds refines values, as a residual that starts at nothing; keys stay, so
    that what could be found before a dream can be found after it.
    """

    def __init__(self, config: MemNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.slot_width
        heads = max(1, width // 32)
        self.blocks = nn.ModuleList(
            Block(width, heads, config.expansion * width, rotary=False)
            for _ in range(config.synthesis_layers)
        )
        self.refine = nn.Linear(width, config.value_width, bias=False)
        nn.init.zeros_(self.refine.weight)

    def forward(self, state: MemNetState) -> MemNetState:
        """The memory after a dream."""
        config = self.config
        return merged(self.refined(state), config.key_width, config.merge_threshold, config.edges)

    def refined(self, state: MemNetState) -> MemNetState:
        """Values moved by what the other slots hold; free slots stay as they are."""
        x = state.slots.flatten(0, 1)
        for block in self.blocks:
            x = block(x)
        change = self.refine(x).view(*state.slots.shape[:3], -1)
        change = change * (state.usage > 0)[..., None]
        return replace(state, slots=state.slots + F.pad(change, (self.config.key_width, 0)))


def merged(state: MemNetState, key_width: int, threshold: float, edges: int) -> MemNetState:
    """Slots whose keys and values both have a cosine of the threshold or more become one.

    The most used slot of such a group stays, as the mean of all by use; the others are free again.
    Its edges are the strongest of the group's, at most `edges` of each row, their trace the sum;
    it is as old as the youngest.
    """
    target = merge_targets(state, key_width, threshold)
    if bool((target == torch.arange(target.shape[-1], device=target.device)).all()):
        return state
    into = F.one_hot(target, target.shape[-1]).to(state.slots.dtype)  # source by target
    weight = state.usage.clamp_min(1e-6)[..., None]
    total = into.mT @ weight
    slots = (into.mT @ (weight * state.slots)) / total.clamp_min(1e-6)
    stays = total[..., 0] > 0
    tied = (into.mT @ state.edges @ into).clamp_max(1.0)
    others = 1 - torch.eye(target.shape[-1], dtype=into.dtype, device=into.device)
    return replace(
        state,
        slots=slots,
        usage=torch.zeros_like(state.usage).scatter_reduce(-1, target, state.usage, "amax"),
        age=state.age.scatter_reduce(-1, target, state.age, "amin") * stays,
        edges=strongest(tied * others, edges),
        trace=torch.zeros_like(state.trace).scatter_add(-1, target, state.trace).clamp_max(2.0),
    )


def merge_targets(state: MemNetState, key_width: int, threshold: float) -> Tensor:
    """The slot that each one is merged into, (batch, heads, slots); itself for most.

    Slots in use are ranked by use. Those without an alike one of higher rank are leaders; another
    joins the highest-ranking leader that it is like, and stays itself where it is like none.
    """
    slots = state.slots.detach()
    keys, values = (F.normalize(part, dim=-1) for part in slots.tensor_split([key_width], dim=-1))
    used = state.usage.detach() > 0
    alike = (keys @ keys.mT >= threshold) & (values @ values.mT >= threshold)
    alike &= used[..., None] & used[..., None, :]
    order = state.usage.detach().argsort(dim=-1, descending=True, stable=True)
    rank = order.argsort(dim=-1)
    higher = rank[..., None, :] < rank[..., :, None]
    leader = ~(alike & higher).any(dim=-1)
    choice = alike & higher & leader[..., None, :]
    best = torch.where(choice, rank[..., None, :], slots.shape[-2]).argmin(dim=-1)
    own = torch.arange(slots.shape[-2], device=slots.device).expand_as(best)
    return torch.where(choice.any(dim=-1), best, own)
