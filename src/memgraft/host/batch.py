"""Many users in one batch: every row is computed with its own patch, on the same base weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import mlp_out
from memgraft.host.load import Host
from memgraft.nn.low_rank import low_rank, side_by_side


@contextlib.contextmanager
def attach_rows(model: nn.Module, patches: Sequence[Patch]) -> Iterator[None]:
    """While the block runs, row i of a batch is computed with patches[i].

    The changes act at the last position of each forward pass: of a prefill that is where the
    reply begins, and of a decoding step all there is (see docs/design/0001). Pad on the left.
    Per layer it costs two batched products of the largest rank in the batch.
    """
    like = next(model.parameters())
    layers = sorted({term.layer for patch in patches for term in patch.terms})
    handles = []
    for layer in layers:
        a, b = _stacked([[t for t in patch.terms if t.layer == layer] for patch in patches], like)
        handles.append(mlp_out(model, layer).register_forward_hook(_adder(a, b)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def generate_batch(
    host: Host, prompts: Sequence[str], patches: Sequence[Patch], max_new_tokens: int = 64
) -> list[str]:
    """Greedy replies to several prompts, each under its own patch.

    Args:
        prompts: through the chat template already; see `Host.prompt`.
    """
    rows = [host.encode(prompt) for prompt in prompts]
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), host.tokenizer.eos_token_id)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = torch.tensor(row)
        mask[number, width - len(row) :] = 1
    ends = sorted(host.end_ids)
    with attach_rows(host.model, patches):
        output = host.model.generate(
            input_ids=ids.to(host.model.device),
            attention_mask=mask.to(host.model.device),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=ends[0],
        )
    return [
        host.tokenizer.decode(_ended(row[width:], ends), skip_special_tokens=True) for row in output
    ]


def _ended(row: Tensor, ends: Sequence[int]) -> list[int]:
    ids: list[int] = row.tolist()
    return ids[: next((i for i, token in enumerate(ids) if token in ends), len(ids))]


def _stacked(rows: Sequence[Sequence[LowRankTerm]], like: Tensor) -> tuple[Tensor, Tensor]:
    """All rows' terms of one layer, padded with zeros to the largest rank:
    a (rows, d_model, rank), b (rows, d_intermediate, rank)."""
    joined = [
        side_by_side([(t.a.to(like), t.b.to(like), t.gain) for t in terms]) if terms else None
        for terms in rows
    ]
    some = next(pair for pair in joined if pair)
    rank = max(pair[0].shape[1] for pair in joined if pair)
    a = like.new_zeros(len(rows), some[0].shape[0], rank)
    b = like.new_zeros(len(rows), some[1].shape[0], rank)
    for number, pair in enumerate(joined):
        if pair:
            a[number, :, : pair[0].shape[1]], b[number, :, : pair[1].shape[1]] = pair
    return a, b


def _adder(a: Tensor, b: Tensor) -> Any:
    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, -1:] += low_rank(inputs[0][:, -1:], a, b)
        return changed

    return add
