"""The slots: how they are addressed, read, written, and how they age."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.mag.convolution import ShortConvolution
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.policies import MetaPolicy, among, random, top_k, uniform
from memgraft.memnet.state import MemNetState


@dataclass(frozen=True, eq=False)
class Requests:
    """What the controller asks of the memory, of every token and memory head.

    query, key (batch, heads, tokens, key_width), of unit length; mixture (batch, heads, tokens, 3),
    the shares of the policies; add and erase (batch, heads, tokens, slot_width), the latter in
    (0, 1); gate (batch, heads, tokens), how much of the token is written at all.
    """

    query: Tensor
    mixture: Tensor
    key: Tensor
    add: Tensor
    erase: Tensor
    gate: Tensor

    def segments(self, window: int) -> list[Requests]:
        """Those of each segment; cut at once, as gradients of slices cost their square."""
        names = list(vars(self))
        parts = zip(*(part.split(window, dim=2) for part in vars(self).values()), strict=True)
        return [Requests(**dict(zip(names, each, strict=True))) for each in parts]


class MultiHeadMemoryBank(nn.Module):
    """Slots of key and value for each memory head, read and written by content and use.

    The address of a token is a projection of its hidden state. A token is read for by its own
    address and written under that of the token before it, as a short convolution over addresses
    starts out to say: so what follows a token is found by showing the token again. Values pass a
    semantic bottleneck.

    Writes are the erase and add of neural Turing machines (arXiv 1410.5401), M ← M(1 - w eᵀ) +
    w aᵀ. The place w is what holds the same key already, else the least used slots as in the DNC
    (Graves et al. 2016), the freest for the tokens of a segment that want to write most.
    """

    def __init__(self, config: MemNetConfig) -> None:
        super().__init__()
        self.config = config
        heads, width = config.memory_heads, config.width
        self.address = nn.Linear(width, heads * config.key_width, bias=False)
        self.before = ShortConvolution(heads * config.key_width, 2)
        self.policy = MetaPolicy(config)
        self.bottleneck = nn.Sequential(nn.Linear(width, config.bottleneck), nn.Tanh())
        self.value = nn.Linear(config.bottleneck, heads * config.value_width)
        self.erase = nn.Linear(config.bottleneck, heads * config.slot_width)
        self.gate = nn.Linear(width, heads)
        self.sharpness = nn.Parameter(torch.full((heads, 1, 1), math.log(config.sharpness)))
        # What much use and little age do for a slot, besides its key.
        self.vividness = nn.Parameter(torch.full((heads, 1, 1), 0.5))
        self.recency = nn.Parameter(torch.zeros(heads, 1, 1))
        # Steepness and place of the border between a known key and a new one.
        border = torch.tensor([6.0 / (1 - config.familiarity), config.familiarity])
        self.familiar = nn.Parameter(border.repeat(heads, 1, 1, 1))
        self.retention = nn.Parameter(torch.full((heads, 1), 4.0))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Where the write side starts: under the token before, replacing, and nearly always."""
        with torch.no_grad():
            self.before.weight.copy_(torch.tensor([1.0, 0.0]).expand_as(self.before.weight))
            nn.init.zeros_(self.erase.weight)
            nn.init.constant_(self.erase.bias, 4.0)
            nn.init.zeros_(self.gate.weight)
            nn.init.constant_(self.gate.bias, 1.0)

    def requests(self, hidden: Tensor, tail: Tensor) -> tuple[Requests, Tensor]:
        """What all tokens (batch, tokens, width) ask for, and the last one's address."""
        address = self.address(hidden)
        before, tail = self.before(address, tail)
        essence = self.bottleneck(hidden)
        key = self._heads(F.normalize(self._split(before), dim=-1))
        value = self._heads(self._split(self.value(essence)))
        asked = Requests(
            query=self._heads(F.normalize(self._split(address), dim=-1)),
            mixture=self._heads(self.policy(hidden)),
            key=key,
            add=torch.cat([key, value], dim=-1),
            erase=self._heads(self._split(self.erase(essence)).sigmoid()),
            gate=self.gate(hidden).sigmoid().transpose(1, 2),
        )
        return asked, tail

    def read_weights(
        self, state: MemNetState, asked: Requests, generator: torch.Generator | None = None
    ) -> Tensor:
        """How each token reads the slots, (batch, heads, tokens, slots), before any spreading."""
        used = state.usage > 0
        bias = self.vividness * state.usage[..., None, :]
        bias = bias - self.recency * torch.log1p(state.age)[..., None, :]
        best = top_k(self._scores(asked.query, state) + bias, self.config.top_k)
        others = torch.stack([uniform(used), random(used, generator)], dim=-2)
        return asked.mixture[..., :1] * best + asked.mixture[..., 1:] @ others

    def read(self, state: MemNetState, weights: Tensor) -> Tensor:
        """The values that weights (batch, heads, tokens, slots) give, heads · value_width wide."""
        values = weights @ state.slots[..., self.config.key_width :]
        return values.transpose(1, 2).flatten(2)

    def write_weights(self, state: MemNetState, asked: Requests) -> Tensor:
        """Where each token writes and how much, (batch, heads, tokens, slots)."""
        keys, used = state.slots[..., : self.config.key_width], state.usage > 0
        # However weakly a key was written, it is known; written again is where it is strongest.
        alike = asked.key @ F.normalize(keys, dim=-1, eps=1e-3).mT
        steepness, threshold = self.familiar.unbind(dim=-1)
        known = (steepness * (alike.amax(dim=-1, keepdim=True) - threshold)).sigmoid()
        known = known * used.any(dim=-1)[..., None, None]  # an empty memory knows nothing
        same = self._scores(asked.key, state).softmax(dim=-1)
        fresh = self._fresh(state.usage, asked.gate[..., None] * (1 - known))
        return asked.gate[..., None] * (known * same + (1 - known) * fresh)

    def write(
        self, state: MemNetState, asked: Requests, written: Tensor, read: Tensor
    ) -> MemNetState:
        """The slots after a segment, whose tokens write all at once; usage and age with them.

        Args:
            written, read: weights (batch, heads, tokens, slots).
        """
        # Tokens of a segment seldom share a slot; where they do, the sum erases at most all of it.
        kept = 1 - (written.mT @ asked.erase).clamp_max(1.0)
        slots = state.slots * kept + written.mT @ asked.add
        touched = written.sum(dim=-2).clamp_max(1.0)
        used = state.usage * self.retention.sigmoid()
        used = used + (1 - used) * touched
        # A read reminds: it renews the use of what is in use, by its share in the segment's reads.
        used = used + (1 - used) * used * read.mean(dim=-2)
        return replace(state, slots=slots, usage=used, age=(state.age + 1) * (1 - touched))

    def recalled(self, state: MemNetState, asked: Requests) -> Tensor:
        """What the tokens' own write keys find, as wide as `read`'s."""
        return self.read(state, top_k(self._scores(asked.key, state), self.config.top_k))

    def _scores(self, wanted: Tensor, state: MemNetState) -> Tensor:
        """How well each slot in use answers; a free one takes no share, of reads or of writes."""
        keys = state.slots[..., : self.config.key_width]
        return among(self.sharpness.exp() * (wanted @ keys.mT), state.usage > 0)

    def _fresh(self, usage: Tensor, wish: Tensor) -> Tensor:
        """A slot of its own for every token, one-hot: the least used for the greatest wish.

        The order has no gradient; the amounts that are written have.
        """
        tokens = wish.shape[-2]
        free = usage.detach().argsort(dim=-1, stable=True)[..., :tokens]
        rank = wish.detach()[..., 0].argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
        return F.one_hot(free.gather(-1, rank), usage.shape[-1]).to(usage.dtype)

    def _split(self, flat: Tensor) -> Tensor:
        return flat.unflatten(-1, (self.config.memory_heads, -1))

    @staticmethod
    def _heads(parts: Tensor) -> Tensor:
        """(batch, tokens, heads, n) as (batch, heads, tokens, n)."""
        return parts.transpose(1, 2)
