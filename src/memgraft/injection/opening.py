"""What chats begin with, read by the bare model once: no change is ever awake there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from memgraft.host.load import Host


@dataclass(frozen=True)
class Opening:
    """Tokens that several prompts begin with, and what the bare model makes of them.

    Shapes: per layer keys and values (1, heads, n, d_head), and its output (1, n, d_model).
    """

    ids: list[int] = field(default_factory=list)
    state: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    outputs: tuple[Tensor, ...] = ()

    @classmethod
    def of_chats(cls, host: Host) -> Opening:
        """What every first message of a user follows: a system prompt, the user's turn."""
        said = ("a", "Why?", "1", "é")
        prompts = [host.encode(host.prompt([{"role": "user", "content": s}])) for s in said]
        return cls.shared(host, prompts)

    @classmethod
    @torch.no_grad()
    def shared(cls, host: Host, prompts: Sequence[list[int]]) -> Opening:
        """What all of these begin with; the last token of each stays out of it."""
        # Windows are counted in cache slots, so no padding may stand between tokens there.
        windowed = getattr(host.model.config, "sliding_window", None) is not None
        ids = [] if windowed else _common(prompts)
        if not ids:
            return cls()
        output = host.model.base_model(
            input_ids=torch.tensor([ids], device=host.model.device),
            use_cache=True,
            output_hidden_states=True,
        )
        state = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        return cls(ids, state, output.hidden_states[1:])

    def begins(self, prompts: Sequence[list[int]]) -> bool:
        """Whether each of these goes on from here, with at least one token."""
        size = len(self.ids)
        return all(len(p) > size and p[:size] == self.ids for p in prompts)

    def rows(self, count: int) -> list[tuple[Tensor, Tensor]]:
        """Keys and values per layer, for so many rows."""
        return [(k.expand(count, -1, -1, -1), v.expand(count, -1, -1, -1)) for k, v in self.state]


def cache_of(state: Sequence[tuple[Tensor, Tensor]]) -> Any:
    """A key-value cache with these keys and values per layer."""
    from transformers import DynamicCache

    cache = DynamicCache()
    for number, (keys, values) in enumerate(state):
        cache.update(keys, values, number)
    return cache


def _common(prompts: Sequence[list[int]]) -> list[int]:
    shortest = min(map(len, prompts)) - 1
    for place in range(shortest):
        if len({prompt[place] for prompt in prompts}) > 1:
            return prompts[0][:place]
    return prompts[0][:shortest]
