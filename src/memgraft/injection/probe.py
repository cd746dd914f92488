"""Look inside a forward pass: the inputs of a projection, and the layers above a cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.host.anatomy import final_norm, layers, mlp_out
from memgraft.host.load import Host

# The arguments of a block after its hidden states: by position (GPT-2's cache), by name.
Call = tuple[tuple[Any, ...], dict[str, Any]]


@contextlib.contextmanager
def recorded_inputs(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what a module is called with while the block runs."""
    calls: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, inputs: calls.append(inputs[0]))
    try:
        yield calls
    finally:
        handle.remove()


@torch.no_grad()
def projection_inputs(model: Any, layer: int, ids: list[int]) -> Tensor:
    """Inputs of a layer's MLP output projection for one sequence: (len(ids), d_intermediate)."""
    with recorded_inputs(mlp_out(model, layer)) as calls:
        tokens = torch.tensor([ids], device=model.device)
        model(input_ids=tokens, use_cache=False, logits_to_keep=1)
    return calls[0][0]


@dataclass
class ReplyPass:
    """The same reply teacher-forced after several prompts, cut open above one layer.

    `logits(change)` recomputes only the layers above the cut, and only at the reply's
    positions: below, and at the prompts, nothing depends on the change.

    Shapes: keys (prompts, tokens, d_intermediate), hidden (prompts, tokens, d_model).
    """

    host: Host
    layer: int
    keys: Tensor
    hidden: Tensor
    _calls: list[Call]
    _cache: Any
    _prompt_state: list[tuple[Tensor, Tensor]]

    @classmethod
    @torch.no_grad()
    def run(cls, host: Host, layer: int, prompts: list[list[int]], reply: list[int]) -> ReplyPass:
        """Prefill the prompts (left-padded), then force the reply's tokens after each.

        Position t of the result predicts reply[t]; its input is the prompt's last token for
        t = 0 and reply[t-1] after that.
        """
        from transformers import DynamicCache

        ids, mask = _left_padded(prompts, reply[:-1], host.tokenizer.eos_token_id)
        position = (mask.cumsum(dim=1) - 1).clamp(min=0)
        split = ids.shape[1] - len(reply)
        upper = layers(host.model)[layer + 1 :]
        cache = DynamicCache()
        host.model(
            input_ids=ids[:, :split],
            attention_mask=mask[:, :split],
            position_ids=position[:, :split],
            past_key_values=cache,
            logits_to_keep=1,
        )
        above = cache.layers[layer + 1 :]
        prompt_state = [(entry.keys, entry.values) for entry in above]
        with (
            recorded_inputs(mlp_out(host.model, layer)) as keys,
            _recorded_calls(upper) as calls,
        ):
            host.model(
                input_ids=ids[:, split:],
                attention_mask=mask,
                position_ids=position[:, split:],
                past_key_values=cache,
                logits_to_keep=1,
            )
        hidden = calls[0][0]
        return cls(host, layer, keys[0], hidden, [call[1:] for call in calls], cache, prompt_state)

    def logits(self, change: Tensor) -> Tensor:
        """Logits (prompts, tokens, vocabulary) when `change` (tokens, d_model) is added."""
        hidden = self.hidden + change
        upper = layers(self.host.model)[self.layer + 1 :]
        entries = self._cache.layers[self.layer + 1 :]
        for block, (others, options), entry, state in zip(
            upper, self._calls, entries, self._prompt_state, strict=True
        ):
            entry.keys, entry.values = state
            output = block(hidden, *others, **options)
            hidden = output[0] if isinstance(output, tuple) else output
        head = self.host.model.get_output_embeddings()
        return head(final_norm(self.host.model)(hidden))


@contextlib.contextmanager
def _recorded_calls(blocks: list[Any]) -> Iterator[list[tuple[Tensor, *Call]]]:
    """Collect (hidden states, other positional arguments, named ones) of each block's call."""
    calls: list[tuple[Tensor, *Call]] = []

    def record(_: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        options = dict(options)
        hidden = inputs[0] if inputs else options.pop("hidden_states")
        calls.append((hidden, inputs[1:], options))

    handles = [block.register_forward_pre_hook(record, with_kwargs=True) for block in blocks]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _left_padded(prompts: list[list[int]], tail: list[int], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and mask, each (prompts, longest + len(tail)); padding stands on the left."""
    width = max(map(len, prompts)) + len(tail)
    ids = torch.full((len(prompts), width), pad)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        sequence = prompt + tail
        ids[row, width - len(sequence) :] = torch.tensor(sequence)
        mask[row, width - len(sequence) :] = 1
    return ids, mask
