"""Tiny random models with memory branches that do something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

KINDS = ["llama", "mistral", "qwen2", "qwen3"]
LINEAR = PatchConfig(memory_heads=2, memory_head_dim=4, chunk_size=8)
MLP = replace(LINEAR, memory_layers=2, n_persistent_tokens=3)


def trained(tiny_host: Callable[[str], Any], kind: str, config: PatchConfig = LINEAR) -> Any:
    """A patched model whose output projections are no longer zero."""
    model = patch_with_mag(tiny_host(kind).model, config)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=generator)
            branch.gate.weight.normal_(std=0.3, generator=generator)
            branch.gate.bias.zero_()
            if config.memory_layers == 2:
                branch.memory.second.normal_(generator=generator)
    return model


def words(batch: int = 2, length: int = 30, seed: int = 3) -> torch.Tensor:
    """Random tokens."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 250, (batch, length), generator=generator)


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    """The same up to the order of sums; logits here are about 1 to 10."""
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
