"""Memory states in a transformers cache, each beside its layer's keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache as remembered
from typing import Any

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput
from memgraft.mag.state import MemoryState

# Of mixins: what they are put before comes later.
_Base: Any = object


class RememberingLayer(_Base):
    """To put before a cache layer class: it also holds the layer's memory, which takes part in
    whatever the cache does with its rows.

    The state is replaced, never written into, so that gradients can pass through it.
    """

    memory: MemoryState | None = None
    # A memory cannot take back what it read.
    is_croppable = False
    # Not for the cache classes' own register of layer types.
    _layer_type = None

    def reset(self) -> None:
        super().reset()
        self.memory = None

    def reorder_cache(self, beam_idx: Tensor) -> None:
        super().reorder_cache(beam_idx)
        self._select(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self._select(self._rows().repeat_interleave(repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        super().batch_select_indices(indices)
        self._select(self._rows()[indices])

    def crop(self, tokens_to_remove: int) -> None:
        if tokens_to_remove != 0 and self.memory is not None:
            raise InvalidInput(
                "a cache with a memory cannot be cropped",
                expected="decoding that never takes tokens back",
                got=f"{abs(tokens_to_remove)} tokens to remove",
                next_step="decode without an assistant or prompt look-up, or copy the cache before",
            )
        super().crop(tokens_to_remove)

    def _rows(self) -> Tensor:
        return torch.arange(0 if self.memory is None else len(self.memory.tail))

    def _select(self, rows: Tensor) -> None:
        if self.memory is not None:
            self.memory = self.memory.rows(rows)


def memories(cache: Any) -> dict[int, MemoryState]:
    """The states that a cache holds, by the index of their layers; none for no cache."""
    found = {
        index: getattr(layer, "memory", None)
        for index, layer in enumerate(getattr(cache, "layers", ()))
    }
    return {index: state for index, state in found.items() if state is not None}


def remember(cache: Any, states: Mapping[int, MemoryState]) -> Any:
    """The cache, with these states in it, in place.

    Args:
        cache: a transformers `Cache`, dynamic or static, empty or not. With an empty one a text
            goes on in the memory, while attention begins anew.
        states: by the index of their layers.
    """
    for index, state in states.items():
        while len(cache.layers) <= index:
            cache.layers.append(cache.layer_class_to_replicate())
        if not isinstance(cache.layers[index], RememberingLayer):
            cache.layers[index] = _remembering(cache.layers[index])
        cache.layers[index].memory = state
    return cache


def reset_all_memory(cache: Any) -> None:
    """Forget what the memories of a cache hold; keys and values stay."""
    for layer in getattr(cache, "layers", ()):
        if isinstance(layer, RememberingLayer):
            layer.memory = None


def _remembering(layer: Any) -> Any:
    """The layer with all that it holds, and with room for a memory."""
    kind = _remembering_kind(layer.__class__)
    new = kind.__new__(kind)
    vars(new).update(vars(layer))
    return new


@remembered
def _remembering_kind(kind: Any) -> Any:
    return type(f"Remembering{kind.__name__}", (RememberingLayer, kind), {"_layer_type": None})
