"""A peer: the hypernetwork of the first prototype of Mneme, at the size of our memory encoder.

It reads the fact with token embeddings of its own, not with the base model, and pools what it read
into one vector, from which each layer's A and B are emitted whole. What is kept per fact is A and
B, rank-16, spelled out; several facts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.host.load import Host
from memgraft.injection.at_rest import Kind, filled, load_network, save_network
from memgraft.injection.check import unanswered
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.encoding import OWN
from memgraft.injection.forcing import Terms, padded
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.writer import Attempt, Writer

KIND = Kind("memgraft-seed-encoder", version=1, command="seed")


@dataclass(frozen=True)
class SeedConfig(Config):
    """Sizes that give, for SmolLM2-135M, as many parameters as the memory encoder has: 7.6 M."""

    vocabulary: int
    hidden: int  # d_model of the base
    intermediate: int  # d_intermediate of the base
    layers: tuple[int, ...]  # that are changed
    rank: int = 16
    # Token embeddings; the encoder: width, blocks, heads, feed-forward width.
    embedding: int = 64
    width: int = 192
    blocks: int = 2
    heads: int = 6
    feed_forward: int = 512
    # What a layer's head sees of the pooled vector; most parameters are in what follows it.
    head: int = 36

    @classmethod
    def for_model(cls, base: Any, **changes: Any) -> SeedConfig:
        """Sizes from a base model's config; the layers are those of the memory encoder."""
        same = MnemeConfig.for_model(base)
        settings = {
            "vocabulary": base.vocab_size,
            "hidden": same.hidden,
            "intermediate": same.intermediate,
            "layers": same.layers,
        }
        return cls.from_dict(settings | changes)


class SeedEncoder(nn.Module):
    """Tokens of a fact → one vector → A and B of every layer."""

    def __init__(self, config: SeedConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding(config.vocabulary, config.embedding)
        self.inward = nn.Linear(config.embedding, config.width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.width, config.heads, config.feed_forward, dropout=0.0,
                activation="gelu", batch_first=True, norm_first=True,
            )
            for _ in range(config.blocks)
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.width)
        self.heads = nn.ModuleDict({str(n): _Head(config) for n in config.layers})

    def forward(self, ids: Tensor, mask: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """Per layer a (batch, d_model, rank) and b (batch, d_intermediate, rank).

        Shapes: ids (batch, length), mask (batch, length), true where there is a token.
        """
        hidden = self.inward(self.embeddings(ids))
        hidden = hidden + _positions(ids.shape[1], self.config.width).to(hidden)
        for block in self.blocks:
            hidden = block(hidden, src_key_padding_mask=~mask)
        told = self.norm(hidden) * mask[..., None]
        pooled = told.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return {n: self.heads[str(n)](pooled) for n in self.config.layers}

    def read(self, host: Host, facts: Sequence[str]) -> Terms:
        """The terms of each fact, as the user tells it."""
        ids, mask = padded([host.encode(fact) for fact in facts], host, left=False)
        return self(ids, mask.bool())


class _Head(nn.Module):
    """One layer's A and B. A begins at zero, so an untrained network changes nothing."""

    def __init__(self, config: SeedConfig) -> None:
        super().__init__()
        self.rank = config.rank
        self.inner = nn.Linear(config.width, config.head)
        self.a = nn.Linear(config.head, config.hidden * config.rank)
        self.b = nn.Linear(config.head, config.intermediate * config.rank)
        nn.init.zeros_(self.a.weight)
        nn.init.zeros_(self.a.bias)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        hidden = nn.functional.gelu(self.inner(pooled))
        a = self.a(hidden).unflatten(-1, (-1, self.rank))
        b = self.b(hidden).unflatten(-1, (-1, self.rank))
        return a, b * b.shape[-2] ** -0.5


class SeedWriter(Writer):
    """One forward pass per fact, and a check; nothing is refined."""

    def __init__(self, host: Host, encoder: SeedEncoder) -> None:
        self.host = host
        self.encoder = encoder.eval()

    @classmethod
    def load(cls, host: Host, path: Path) -> Self:
        """From a file of `save_seed`; see `load_seed`."""
        return cls(host, load_seed(host, path))

    @torch.no_grad()
    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        written = self.encoder.read(self.host, [told])
        delta = LowRankDelta.rounded({layer: (a[0], b[0]) for layer, (a, b) in written.items()})
        terms = {t.layer: (t.a.float()[None], t.b.float()[None]) for t in delta.terms}
        return Attempt(delta, unanswered(self.host, terms, questions[:OWN], reply))


def new_seed(config: SeedConfig, seed: int = 0) -> SeedEncoder:
    """An untrained network; the seed settles its random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SeedEncoder(config)


def save_seed(encoder: SeedEncoder, path: Path, base: str, **card: Any) -> None:
    """Write the weights; see `save_network`."""
    save_network(encoder, encoder.config, path, KIND, base, card)


def load_seed(host: Host, path: Path) -> SeedEncoder:
    """Read what `save_seed` wrote.

    Raises:
        FolderError: the file is damaged, or was trained for another base model.
    """
    settings, weights = load_network(host, path, KIND)
    return filled(SeedEncoder(SeedConfig.from_dict(settings)), weights, path)


def _positions(length: int, width: int) -> Tensor:
    """Sines and cosines of every position (length, width), of Vaswani et al., arXiv 1706.03762."""
    rates = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
