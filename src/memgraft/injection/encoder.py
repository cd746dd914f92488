"""The memory encoder: a fact becomes weights in one forward pass.

A hypernetwork in the line of generative adapters (arXiv 2411.05877) that reads the frozen base
model's own hidden states. It emits `rank` rank-1 terms per token of the reply and layer. What makes
values work that it has never seen is the shifted pairing: the key stands for the moment before a
token, the value is built on that token's own embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from memgraft.injection.mneme import MnemeConfig
from memgraft.nn.keys import answering_keys

# Codes lie in ±1 and are kept as int8.
LEVELS = 127


class MemoryEncoder(nn.Module):
    """Hidden states → codes → terms.

    Args:
        embeddings: the base's token embeddings (vocabulary, d_model); read, never trained.
        precisions: A⁻¹ (d_intermediate, d_intermediate) per changed layer, from ordinary chats.
    """

    def __init__(
        self, config: MnemeConfig, embeddings: Tensor, precisions: Mapping[int, Tensor]
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("embeddings", embeddings.detach().float(), persistent=False)
        for layer in config.layers:
            self.register_buffer(f"precision_{layer}", precisions[layer], persistent=False)
        self.reader = _Reader(config)
        self.tokens = nn.ModuleList(
            nn.Linear(config.hidden, config.token, bias=False) for _ in range(2)
        )
        self.heads = nn.ModuleDict({str(n): _Head(config) for n in config.layers})

    def fingerprint(self) -> str:
        """A hash of the trained weights: codes mean something to these heads only."""
        digest = hashlib.sha256(repr(self.config).encode())
        for _, parameter in sorted(self.named_parameters()):
            digest.update(parameter.detach().half().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def encode(self, states: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        """Codes of a reply's tokens, in ±1.

        Shapes: states (batch, length, taps, d_model), mask (batch, length) true where there is
        a token, places (batch, tokens): where in the sequence each token of the reply is about
        to come → (batch, tokens, code).
        """
        return quantised(torch.tanh(self.reader(states, mask, places)))

    def decode(
        self, codes: Tensor, before: Tensor, after: Tensor
    ) -> dict[int, tuple[Tensor, Tensor]]:
        """Per layer, the change wanted (…, d_model) and the input that should call for it
        (…, d_intermediate), for every token; with a higher rank, the terms of a token follow
        each other.

        Shapes: codes (…, tokens, code); before and after (…, tokens): the token that stands
        there, the token that comes → (…, tokens · rank, d).
        """
        seen, due = (self.embeddings[ids] for ids in (before, after))
        context = torch.cat([codes, self.tokens[0](seen), self.tokens[1](due)], dim=-1)
        return {n: self.heads[str(n)](context, due) for n in self.config.layers}

    def terms(
        self, decoded: Mapping[int, tuple[Tensor, Tensor]], valid: Tensor
    ) -> dict[int, tuple[Tensor, Tensor]]:
        """Solve for the keys: per layer a (batch, d_model, tokens · rank), b (batch, d_int,
        tokens · rank)."""
        valid = valid.repeat_interleave(self.config.rank, dim=-1)
        solved = {}
        for layer, (values, inputs) in decoded.items():
            inputs = inputs * valid[..., None]
            keys = answering_keys(inputs, getattr(self, f"precision_{layer}"))
            values = values * valid[..., None]
            solved[layer] = (values.transpose(-1, -2), keys.transpose(-1, -2))
        return solved


class _Reader(nn.Module):
    """A small transformer over the base's states, read out where the reply's tokens come."""

    def __init__(self, config: MnemeConfig) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(len(config.taps), config.hidden))
        self.inward = nn.Linear(len(config.taps) * config.hidden, config.width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.width, config.heads, config.feed_forward, dropout=0.0,
                activation="gelu", batch_first=True, norm_first=True,
            )
            for _ in range(config.blocks)
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.width)
        self.outward = nn.Linear(config.width, config.code)

    def forward(self, states: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        states = states.float()
        normed = states * states.square().mean(dim=-1, keepdim=True).add(1e-6).rsqrt()
        hidden = self.inward((normed * self.scale).flatten(-2))
        for block in self.blocks:
            hidden = block(hidden, src_key_padding_mask=~mask)
        index = places[..., None].expand(-1, -1, hidden.shape[-1])
        return self.outward(self.norm(hidden.gather(1, index)))


class _Head(nn.Module):
    """What one layer is to add for a token, and on which input."""

    def __init__(self, config: MnemeConfig) -> None:
        super().__init__()
        self.rank = config.rank
        self.inner = nn.Linear(config.code + 2 * config.token, config.head)
        self.inputs = nn.Linear(config.head, config.rank * config.intermediate)
        self.values = nn.Linear(config.head, config.rank * config.hidden)
        self.copy = nn.Parameter(torch.tensor(4.0))
        nn.init.zeros_(self.values.weight)

    def forward(self, context: Tensor, due: Tensor) -> tuple[Tensor, Tensor]:
        hidden = nn.functional.gelu(self.inner(context))
        corrections, inputs = (
            part.unflatten(-1, (self.rank, -1)).flatten(-3, -2)
            for part in (self.values(hidden), self.inputs(hidden))
        )
        return self.copy * due.repeat_interleave(self.rank, dim=-2) + corrections, inputs


def quantised(codes: Tensor) -> Tensor:
    """Rounded to int8 steps; gradients pass straight through (arXiv 1308.3432)."""
    rounded = torch.round(codes * LEVELS) / LEVELS
    return codes + (rounded - codes).detach()
