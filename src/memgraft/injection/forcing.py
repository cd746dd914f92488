"""Replies teacher-forced after many prompts in one batch, with a change that differs per row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.host.anatomy import mlp_out
from memgraft.host.load import Host
from memgraft.injection.opening import Opening, cache_of
from memgraft.injection.upper import UpperPass
from memgraft.nn.low_rank import low_rank

# Per layer: a (groups, d_model, rank), b (groups, d_intermediate, rank).
Terms = Mapping[int, tuple[Tensor, Tensor]]


@dataclass
class ForcedReplies:
    """Rows of (prompt, reply); the prompts were computed once, without gradients or changes.

    A change is awake from a prompt's last token on, as in `memgraft.host.session`, so nothing
    before it depends on the change. Rows are grouped: consecutive rows share a group's terms.

    Shapes: target and valid (rows, tokens); position t predicts target[t].
    """

    host: Host
    target: Tensor
    valid: Tensor
    _inputs: Tensor
    _mask: Tensor
    _positions: Tensor
    _state: list[tuple[Tensor, Tensor]]
    _start: int = 0
    _upper: UpperPass | None = None

    @classmethod
    @torch.no_grad()
    def run(
        cls,
        host: Host,
        prompts: list[list[int]],
        replies: list[list[int]],
        opening: Opening | None = None,
    ) -> ForcedReplies:
        """Prefill the prompts. What all of them begin with is computed once for all, or never,
        where it is the opening of every chat."""
        return cls.at_once(host, prompts, replies, opening)._prefilled()

    @classmethod
    @torch.no_grad()
    def at_once(
        cls,
        host: Host,
        prompts: list[list[int]],
        replies: list[list[int]],
        opening: Opening | None = None,
    ) -> ForcedReplies:
        """Prompts and replies in one pass: sooner, where `hidden` is wanted once or twice."""
        if opening is None or not opening.begins(prompts):
            opening = Opening.shared(host, prompts)
        known, rows = len(opening.ids), len(prompts)
        body, body_mask = padded([p[known:-1] for p in prompts], host, left=True)
        forced = [[p[-1], *r[:-1]] for p, r in zip(prompts, replies, strict=True)]
        inputs, valid = padded(forced, host, left=False)
        target, _ = padded(replies, host, left=False)
        mask = torch.cat([body_mask.new_ones(rows, known), body_mask, valid], dim=1)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return cls(
            host,
            torch.cat([body, target], dim=1),
            torch.cat([torch.zeros_like(body), valid], dim=1).bool(),
            torch.cat([body, inputs], dim=1),
            mask,
            positions[:, known:],
            opening.rows(rows),
            body.shape[1],
        )

    def _prefilled(self) -> ForcedReplies:
        """What comes before the replies computed, without changes, once for all."""
        start = self._start
        if not start:
            return self
        cache = cache_of(self._state)
        forced = self._inputs.shape[1] - start
        self.host.model.base_model(
            input_ids=self._inputs[:, :start],
            attention_mask=self._mask[:, :-forced],
            position_ids=self._positions[:, :start],
            past_key_values=cache,
        )
        state = [(layer.keys, layer.values) for layer in cache.layers]
        parts = (self.target, self.valid, self._inputs, self._positions)
        target, valid, inputs, positions = (part[:, start:] for part in parts)
        return ForcedReplies(self.host, target, valid, inputs, self._mask, positions, state)

    @classmethod
    def everywhere(
        cls, host: Host, prompts: list[list[int]], replies: list[list[int]]
    ) -> ForcedReplies:
        """For a change that is awake at every position of the prompt too, as weights are."""
        pairs = list(zip(prompts, replies, strict=True))
        inputs, mask = padded([p + r[:-1] for p, r in pairs], host, left=False)
        target, _ = padded([p[1:] + r for p, r in pairs], host, left=False)
        starts = torch.tensor([len(p) - 1 for p in prompts], device=inputs.device)
        positions = torch.arange(inputs.shape[1], device=inputs.device)
        valid = mask.bool() & (positions >= starts[:, None])
        return cls(host, target, valid, inputs, mask, positions.expand_as(inputs), [])

    def only(self, rows: Tensor) -> ForcedReplies:
        """Some of the rows, chosen by a mask (rows,)."""
        return ForcedReplies(
            self.host,
            self.target[rows],
            self.valid[rows],
            self._inputs[rows],
            self._mask[rows],
            self._positions[rows],
            [(keys[rows], values[rows]) for keys, values in self._state],
            self._start,
        )

    def hidden(self, terms: Terms | None = None) -> Tensor:
        """Final hidden states (rows, tokens, d_model); with terms, gradients flow into them.

        What lies below the lowest change is computed in the first call and kept for the next.
        """
        first = min(terms) if terms else None
        with contextlib.ExitStack() as stack:
            if terms:
                stack.enter_context(grouped(self.host.model, terms, self._start))
            if first is not None and self._upper and self._upper.first <= first:
                return self._upper.run(self._upper.hidden)
            cache = cache_of(self._state)
            if first is not None and self._state:
                self._upper = stack.enter_context(UpperPass.recorded(self.host, first, cache))
            output = self.host.model.base_model(
                input_ids=self._inputs,
                attention_mask=self._mask,
                position_ids=self._positions,
                past_key_values=cache,
            )
        return output.last_hidden_state

    def logits(self, hidden: Tensor, rows: Tensor) -> Tensor:
        """Logits in float32 at the chosen (rows, tokens), shape (chosen, vocabulary)."""
        return self.host.model.get_output_embeddings()(hidden[rows]).float()


@contextlib.contextmanager
def grouped(model: Any, terms: Terms, start: int = 0) -> Iterator[None]:
    """While the block runs, each group of consecutive rows is computed with its own terms, from
    position `start` of each pass on."""

    def adder(a: Tensor, b: Tensor) -> Any:
        def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            x, bare = inputs[0][:, start:], output[:, start:]
            x = x.reshape(len(a), -1, x.shape[-1]).to(b.dtype)
            changed = bare + low_rank(x, a, b).reshape(bare.shape).to(output.dtype)
            return torch.cat([output[:, :start], changed], dim=1) if start else changed

        return add

    handles = [mlp_out(model, n).register_forward_hook(adder(a, b)) for n, (a, b) in terms.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def padded(rows: list[list[int]], host: Host, left: bool) -> tuple[Tensor, Tensor]:
    """Ids and mask, each (rows, longest)."""
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), host.tokenizer.eos_token_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        where = slice(width - len(row), width) if left else slice(0, len(row))
        ids[number, where] = torch.tensor(row, dtype=torch.long)
        mask[number, where] = 1
    return ids.to(host.model.device), mask.to(host.model.device)
