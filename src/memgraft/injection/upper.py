"""The upper blocks of a decoder, run again and again over what the lower ones made once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.host.anatomy import final_norm, layers
from memgraft.host.load import Host

# The arguments of a block after its hidden states: by position (GPT-2's cache), by name.
Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass
class UpperPass:
    """A forward pass cut open below one block; a change above the cut needs only what is there.

    Shapes: hidden (batch, tokens, d_model), what entered the first of the blocks.
    """

    host: Host
    first: int
    cache: Any
    hidden: Tensor = field(default_factory=lambda: torch.empty(0))
    _calls: list[Call] = field(default_factory=list)
    _state: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def recorded(cls, host: Host, first: int, cache: Any) -> Iterator[UpperPass]:
        """Record the pass that is run in the block, with this cache, which holds the prompt."""
        passed = cls(host, first, cache)
        passed._state = [(entry.keys, entry.values) for entry in cache.layers[first:]]
        blocks = layers(host.model)[first:]
        handles = [b.register_forward_pre_hook(passed._record, with_kwargs=True) for b in blocks]
        try:
            yield passed
        finally:
            for handle in handles:
                handle.remove()

    def run(self, hidden: Tensor) -> Tensor:
        """What the pass ends with, after the final norm, when this enters the first block."""
        entries = self.cache.layers[self.first :]
        blocks = layers(self.host.model)[self.first :]
        for block, (others, options), entry, state in zip(
            blocks, self._calls, entries, self._state, strict=True
        ):
            entry.keys, entry.values = state
            output = block(hidden, *others, **options)
            hidden = output[0] if isinstance(output, tuple) else output
        normed: Tensor = final_norm(self.host.model)(hidden)
        return normed

    def _record(self, _: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        options = dict(options)
        hidden = inputs[0] if inputs else options.pop("hidden_states")
        if not self._calls:
            self.hidden = hidden
        self._calls.append((inputs[1:], options))
