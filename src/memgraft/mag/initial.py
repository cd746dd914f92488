"""Initial weights of a memory branch from the attention beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig
from memgraft.mag.memory import NeuralMemory


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
