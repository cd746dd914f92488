"""Look inside a forward pass: the inputs of a projection, and replies cut open above a layer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.host.anatomy import mlp_out
from memgraft.host.load import Host
from memgraft.injection.upper import UpperPass


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
    keys: Tensor
    _upper: UpperPass

    @property
    def hidden(self) -> Tensor:
        return self._upper.hidden

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
        cache = DynamicCache()
        host.model(
            input_ids=ids[:, :split],
            attention_mask=mask[:, :split],
            position_ids=position[:, :split],
            past_key_values=cache,
            logits_to_keep=1,
        )
        with (
            recorded_inputs(mlp_out(host.model, layer)) as keys,
            UpperPass.recorded(host, layer + 1, cache) as upper,
        ):
            host.model(
                input_ids=ids[:, split:],
                attention_mask=mask,
                position_ids=position[:, split:],
                past_key_values=cache,
                logits_to_keep=1,
            )
        return cls(host, keys[0], upper)

    def logits(self, change: Tensor) -> Tensor:
        """Logits (prompts, tokens, vocabulary) when `change` (tokens, d_model) is added."""
        head = self.host.model.get_output_embeddings()
        return head(self._upper.run(self.hidden + change))


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
