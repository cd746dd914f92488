"""The networks of the character-level encoders: words of n-grams, a body, a pool, unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.text.ngrams import grams

WINDOW = 64  # words that a network sees at once
STRETCH = 8.0  # n-grams are met rarely: an optimiser's step moves them so many times as far
PART = 64  # texts that the body sees at once


@dataclass(frozen=True)
class NetworkConfig(Config):
    """Sizes; the defaults make about 7 MB of int8."""

    body: str = "transformer"  # or "conv"
    buckets: int = 36_864
    embedding: int = 128
    width: int = 256
    layers: int = 2
    dimension: int = 384


class Network(nn.Module):
    """Lists of at most `WINDOW` words, none empty, to unit vectors (n, dimension)."""

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:
        super().__init__()
        if config.body not in BODIES:
            raise InvalidInput("unknown body", expected=" or ".join(BODIES), got=config.body)
        self.config = config
        self.words = Words(config)
        self.body = BODIES[config.body](config)

    def forward(self, texts: Sequence[Sequence[str]]) -> Tensor:
        """The body sees texts in order of length, a part at a time, so that little is padding."""
        known, place = self.words(texts)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        made = []
        for start in range(0, len(order), PART):
            part = [texts[i] for i in order[start : start + PART]]
            longest = max(map(len, part))
            rows = [[place[word] for word in t] + [-1] * (longest - len(t)) for t in part]
            index = torch.tensor(rows, device=known.device)
            mask = index >= 0
            made.append(self.body(known[index.clamp(min=0)] * mask.unsqueeze(-1), mask).float())
        back = torch.tensor(order, device=known.device).argsort()
        return F.normalize(torch.cat(made)[back], dim=-1)


class Words(nn.Module):
    """Each word is the sum of its n-grams' vectors. Words that repeat are computed once."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.buckets = config.buckets
        self.grams = nn.EmbeddingBag(config.buckets, config.embedding, mode="sum")
        nn.init.normal_(self.grams.weight, std=0.2 / STRETCH)
        self.wider = nn.Linear(config.embedding, config.width)

    def forward(self, texts: Sequence[Sequence[str]]) -> tuple[Tensor, dict[str, int]]:
        """Vectors of the distinct words, (words, width), and the row of each."""
        place = {word: i for i, word in enumerate(dict.fromkeys(w for t in texts for w in t))}
        parts = [grams(word, self.buckets) for word in place]
        device = self.grams.weight.device
        flat = torch.tensor([part for each in parts for part in each], device=device)
        offsets = torch.tensor([0, *map(len, parts)], device=device)[:-1].cumsum(0)
        return self.wider(STRETCH * self.grams(flat, offsets)), place


class Pool(nn.Module):
    """The mean over words, weighted by their relevance: (n, words, width) to (n, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.relevance = nn.Linear(width, 1)
        nn.init.zeros_(self.relevance.weight)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        relevance = self.relevance(hidden).float().masked_fill(~mask.unsqueeze(-1), -torch.inf)
        return (hidden * relevance.softmax(dim=1)).sum(dim=1)


class TransformerBody(nn.Module):
    """Pre-norm self-attention with learned positions, and the weighted mean over words.

    Like `ConvBody` it begins as the mean of the words: what is added to them starts at zero.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(WINDOW, config.width))
        layer = nn.TransformerEncoderLayer(
            config.width, max(1, config.width // 64), 3 * config.width, dropout=0.0,
            activation="gelu", batch_first=True, norm_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        for each in self.layers.layers:
            for last in (each.self_attn.out_proj, each.linear2):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        self.pool = Pool(config.width)
        self.out = nn.Linear(config.width, config.dimension)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        vectors = vectors + self.positions[: vectors.shape[1]]
        with sdpa_kernel(SDPBackend.MATH):  # texts are short, and the others slow on CPUs
            hidden = self.layers(vectors, src_key_padding_mask=~mask)
        return self.out(self.pool(hidden, mask))


class ConvBody(nn.Module):
    """Gated convolutions, dilated by 1, 2, 4 ... (Dauphin et al., arXiv 1612.08083); the weighted
    mean and the maximum over words."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.layers))
        # As products of matrices: convolutions of so few words are three times as slow on CPUs.
        self.convolutions = nn.ModuleList(
            nn.Linear(3 * config.width, 2 * config.width) for _ in range(config.layers)
        )
        for each in self.convolutions:
            nn.init.zeros_(each.weight)
            nn.init.zeros_(each.bias)
        self.pool = Pool(config.width)
        self.out = nn.Linear(config.width, config.dimension)
        self.out_of_largest = nn.Linear(config.width, config.dimension, bias=False)
        nn.init.zeros_(self.out_of_largest.weight)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        held = mask.unsqueeze(-1)
        for layer, (norm, convolution) in enumerate(
            zip(self.norms, self.convolutions, strict=True)
        ):
            seen = convolution(_with_neighbours(norm(vectors) * held, 2**layer))
            vectors = vectors + F.glu(seen, dim=-1)
        largest = vectors.masked_fill(~held, -torch.inf).amax(dim=1)
        return self.out(self.pool(vectors, mask)) + self.out_of_largest(largest)


def _with_neighbours(vectors: Tensor, distance: int) -> Tensor:
    """(n, words, 3 width): the word so many before, the word, and the one as many after."""
    padded = F.pad(vectors, (0, 0, distance, distance))
    length = vectors.shape[1]
    starts = (0, distance, 2 * distance)
    return torch.cat([padded[:, start : start + length] for start in starts], dim=-1)


BODIES: dict[str, type[TransformerBody] | type[ConvBody]] = {
    "transformer": TransformerBody,
    "conv": ConvBody,
}


def new_network(config: NetworkConfig, seed: int) -> Network:
    """An untrained network; the seed settles its random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(config)


@torch.no_grad()
def begin(network: Network, table: Tensor, basis: Tensor) -> None:
    """Make an untrained network the mean of words that `memgraft.train.bag` has found.

    Args:
        table: vectors of n-grams, (buckets, embedding).
        basis: from there to the encoder's space, (embedding, dimension).
    """
    scale = 1 / (table.norm(dim=1).mean() / table.shape[1] ** 0.5 * 5)  # words of about unit size
    size = table.shape[1]
    network.words.grams.weight.copy_(table * scale / STRETCH)
    network.words.wider.weight.mul_(0.5)
    network.words.wider.weight[:size] = torch.eye(size)
    network.words.wider.bias.zero_()
    network.body.out.weight.mul_(0.1)
    network.body.out.weight[:, :size] = basis.T / basis.norm(dim=1).mean()
    network.body.out.bias.zero_()
