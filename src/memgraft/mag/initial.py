"""Initial weights of a memory branch from what it stands beside: attention, or texts read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import silu

from memgraft.core.errors import InvalidInput
from memgraft.mag.branch import MemoryBranch
from memgraft.mag.config import MagConfig
from memgraft.mag.memory import NeuralMemory
from memgraft.mag.streaming import given_to

# How wide queries and keys are spread at first: where SiLU is nearly linear, so that they keep
# their signs.
NEARLY_LINEAR = 0.3
RIDGE = 0.05  # of the mean variance


@torch.no_grad()
def copy_projections(memory: NeuralMemory, attention: Any) -> None:
    """Let a memory ask, store and answer in the terms of its layer's attention, to begin with.

    Its heads are spread evenly over those of the attention. Each copies the first rows of the
    head's projections, the key and value head being the one that the query head uses; biases,
    norms and rotations by position are left out. The convolutions start as the token itself.

    Args:
        attention: with `q_proj`, `k_proj`, `v_proj`, `head_dim` and `num_key_value_groups`.

    Raises:
        InvalidInput: the memory has more heads, or wider ones, than the attention.
    """
    config, width = memory.config, int(attention.head_dim)
    heads = attention.q_proj.weight.shape[0] // width
    if config.memory_heads > heads or config.memory_head_dim > width:
        raise InvalidInput(
            "from_attention needs as many heads, as wide as the memory's",
            expected=f"memory_heads up to {heads}, memory_head_dim up to {width}",
            got=f"{config.memory_heads} and {config.memory_head_dim}",
        )
    asked = torch.arange(config.memory_heads) * heads // config.memory_heads
    shared = asked // attention.num_key_value_groups
    memory.query.project.weight.copy_(_rows(attention.q_proj.weight, asked, width, config))
    memory.key.weight.copy_(_rows(attention.k_proj.weight, shared, width, config))
    memory.value.weight.copy_(_rows(attention.v_proj.weight, shared, width, config))
    memory.convolution.weight.zero_()
    memory.convolution.weight[:, -1] = 1.0


def _rows(weight: Tensor, heads: Tensor, width: int, config: MagConfig) -> Tensor:
    """Of a projection (heads · width, hidden), the first rows of these heads."""
    by_head = weight.detach().unflatten(0, (-1, width))
    return by_head[heads.to(weight.device), : config.memory_head_dim].flatten(0, 1)


@torch.no_grad()
def copy_contexts(
    model: Any, texts: Sequence[Sequence[int]], strength: float, seed: int = 0
) -> None:
    """Let the memories of a patched model start as stores of what came next, in place.

    Like an induction head (Olsson et al. 2022, arXiv 2209.11895): a token is written under the
    context before it, and read where the context is like that one. Keys and queries are the same
    whitened directions of the residual stream, the key's convolution looking one token back; in
    every other head also a mixture of the three tokens before, which tells names apart. Values
    are the token as far as the stream shows it, a ridge regression onto its embedding, and W_o
    puts them back as that embedding.

    Args:
        texts: token ids of some texts like those to come, a few thousand tokens in all.
        strength: how long what W_o adds is, as a share of the residual stream's own length, of
            which some tokens have a hundred times more than others: the median.
        seed: of the mixtures and of how embeddings are laid into the values.
    """
    for index, branch in model.branches().items():
        hidden, stream = _states(model, index, texts)
        ids = torch.cat([torch.tensor(text) for text in texts])
        embeddings = model.get_input_embeddings().weight[ids.to(model.device)].float().cpu()
        _copying(branch, hidden, embeddings, strength * float(stream.norm(dim=-1).median()), seed)


def _copying(
    branch: MemoryBranch, hidden: Tensor, embeddings: Tensor, length: float, seed: int
) -> None:
    memory, config = branch.memory, branch.memory.config
    random = torch.Generator().manual_seed(seed)
    heads, width, size = config.memory_heads, config.memory_head_dim, config.memory_size
    mean = hidden.mean(dim=0)
    spread, directions = torch.linalg.eigh(torch.cov(hidden.T))
    # The mean is a direction of its own, in which all contexts are alike.
    alike = mean / mean.norm()
    apart = torch.eye(len(mean)) - torch.outer(alike, alike)
    whitened = (apart @ (directions / spread.clamp(min=1e-8).sqrt())).flip(1).T
    keys = [whitened[_band(head, heads, width, len(mean))] for head in range(heads)]
    asked = NEARLY_LINEAR * torch.cat(keys)

    centred = hidden - mean
    ridge = centred.T @ centred
    ridge += RIDGE * ridge.diagonal().mean() * torch.eye(len(mean))
    shown = torch.linalg.solve(ridge, centred.T @ (embeddings - embeddings.mean(dim=0)))
    laid = torch.randn(embeddings.shape[1], size, generator=random) / embeddings.shape[1] ** 0.5
    values = (apart @ shown @ laid).T
    values /= (centred @ values.T).std()
    back = torch.linalg.lstsq(silu(centred @ values.T), centred @ shown).solution.T
    back *= length / (centred @ shown).norm(dim=-1).median()

    taps = torch.zeros(3, heads, width, config.conv_size)
    taps[..., -1] = 1.0
    taps[1] = 0.0
    taps[1, ..., -min(2, config.conv_size)] = 1.0
    if config.conv_size > 2:
        looked = config.conv_size - 1
        signs = torch.randint(0, 2, (heads // 2, width, looked), generator=random) * 2.0 - 1.0
        taps[0, 1::2, :, 1:] = taps[1, 1::2, :, :-1] = signs / looked**0.5
    memory.query.project.weight.copy_(asked)
    memory.key.weight.copy_(asked)
    memory.value.weight.copy_(values)
    memory.convolution.weight.copy_(taps.reshape(3 * size, -1))
    branch.gate.out.weight.copy_(back / float(branch.gate.bias.sigmoid().mean()))


def _states(model: Any, index: int, texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """What the branch of a layer is given, and the residual stream there, (tokens, width)."""
    layer = model.model.layers[index]
    with given_to((layer.self_attn, layer)) as heard, model.memories_set_to("off"):
        for text in texts:
            model.model(input_ids=torch.tensor([list(text)], device=model.device))
    given, stream = (torch.cat([one[0].float().cpu() for one in part]) for part in heard)
    return given, stream


def _band(head: int, heads: int, width: int, all_: int) -> slice:
    """Which of the directions a head looks at: of two neighbours, both at the same ones."""
    start = (head // 2 * width) % max(1, all_ - width + 1)
    return slice(start, start + width)
