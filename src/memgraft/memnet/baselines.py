"""What MemNet is compared with: networks without its memory, of as many parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from memgraft.core.errors import InvalidInput
from memgraft.memnet.blocks import Block
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.embedding import Embedding

KINDS = ("transformer-window", "transformer-full", "lstm")


class TransformerBaseline(nn.Module):
    """A causal transformer that sees the last `window` tokens, or all if it is left out."""

    def __init__(
        self, config: MemNetConfig, inner: int, layers: int, window: int | None = None
    ) -> None:
        super().__init__()
        self.embedding = Embedding(config.vocabulary, config.features, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, inner, window) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary)

    def forward(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (batch, tokens, vocabulary)."""
        x = self.embedding(ids, features)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits


class LSTMBaseline(nn.Module):
    """One LSTM layer, the recurrent memory of the field."""

    def __init__(self, config: MemNetConfig, hidden: int) -> None:
        super().__init__()
        self.embedding = Embedding(config.vocabulary, config.features, config.width)
        self.recurrence = nn.LSTM(config.width, hidden, batch_first=True)
        self.head = nn.Linear(hidden, config.vocabulary)

    def forward(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (batch, tokens, vocabulary)."""
        states, _ = self.recurrence(self.embedding(ids, features))
        logits: Tensor = self.head(states)
        return logits


def baseline(kind: str, config: MemNetConfig, parameters: int, seed: int = 0) -> nn.Module:
    """A network of a kind with as close to so many parameters as its inner width allows.

    The transformers have the width, heads and window of the config, and a layer more, in place of
    the memory; the feed-forward layers take what is left. Of the LSTM it is the hidden size.

    Raises:
        InvalidInput: the kind is unknown, or so few parameters do not make one.
    """

    def build(inner: int) -> nn.Module:
        if kind == "lstm":
            return LSTMBaseline(config, inner)
        window = config.window if kind == "transformer-window" else None
        return TransformerBaseline(config, inner, config.layers + 1, window)

    if kind not in KINDS:
        raise InvalidInput(f"there is no baseline {kind!r}", expected=", ".join(KINDS))
    inner = _fitting(build, parameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(inner)


def count(module: nn.Module) -> int:
    """Its parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def _fitting(build: Callable[[int], nn.Module], parameters: int) -> int:
    """The inner width whose parameter count is nearest, which grows with the width."""

    def size(inner: int) -> int:
        with torch.device("meta"):
            return count(build(inner))

    if size(1) > parameters:
        raise InvalidInput(
            "a baseline has more parameters than that", expected=f"at least {size(1)}"
        )
    high = 2
    while size(high) < parameters:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= parameters else (low, middle)
    return min((low, high), key=lambda inner: abs(size(inner) - parameters))
