"""Long texts through a model, segment by segment, and what it then says.

Keys and values of layers with a window, and memories, take the same room however long the text
is; logits are computed where they are asked for and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput

Told = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Reading:
    """Texts that were read: the cache, the logits of what comes next (batch, vocabulary), and
    which of the tokens so far are no pads (batch, tokens). Going on changes the cache."""

    cache: Any
    logits: Tensor
    mask: Tensor


@torch.inference_mode()
def read(
    model: Any, rows: Sequence[Sequence[int]], segment: int = 512, told: Told | None = None
) -> Reading:
    """Read a text per row.

    Args:
        model: a `...ForCausalLM` of transformers whose decoder is `model.model`.
        rows: token ids; shorter rows are padded on the left.
        segment: tokens that are read at once.
        told: called with the number of tokens of all rows that were read, after each segment.

    Raises:
        InvalidInput: a row is empty, or there is none.
    """
    from transformers import DynamicCache

    if not rows or not all(rows) or segment < 1:
        raise InvalidInput("there is nothing to read", expected="texts of a token or more")
    ids, mask = padded(rows, model.device)
    cache = DynamicCache(config=model.config)
    # No segment is all pads in any row: attention to nothing has no meaning.
    at, pads = 0, ids.shape[1] - min(map(len, rows))
    hidden = None
    while at < ids.shape[1]:
        end = min(max(at + segment, pads + 1), ids.shape[1])
        hidden = _hidden(model, ids[:, at:end], mask[:, :end], cache)[:, -1]
        if told:
            told(int(mask[:, at:end].sum()))
        at = end
    assert hidden is not None
    return Reading(cache, model.lm_head(hidden), mask)


@torch.inference_mode()
def forced(model: Any, reading: Reading, targets: Sequence[Sequence[int]]) -> list[list[bool]]:
    """Whether each token of the target is the most likely one, those before it being given."""
    best = _target_logits(model, reading, targets).argmax(dim=-1).tolist()
    return [
        [one == due for one, due in zip(row, target, strict=False)]
        for row, target in zip(best, targets, strict=True)
    ]


@torch.inference_mode()
def greedy(
    model: Any,
    reading: Reading,
    steps: int,
    ends: Collection[int] = (),
    enough: Callable[[list[list[int]]], bool] | None = None,
) -> list[list[int]]:
    """The most likely tokens, one after the other.

    Args:
        steps: how many at most.
        ends: tokens that end a row; they and what follows are left out.
        enough: told of the rows so far; true ends it all.
    """
    said: list[list[int]] = [[] for _ in reading.logits]
    over = [False] * len(said)
    logits, mask = reading.logits, reading.mask
    for step in range(steps):
        drawn = logits.argmax(dim=-1)
        for number, token in enumerate(drawn.tolist()):
            over[number] = over[number] or token in ends
            if not over[number]:
                said[number].append(token)
        if all(over) or step == steps - 1 or (enough and enough(said)):
            break
        mask = _longer(mask, 1)
        hidden = _hidden(model, drawn[:, None], mask, reading.cache)
        logits = model.lm_head(hidden[:, -1])
    return said


def padded(rows: Sequence[Sequence[int]], device: Any = "cpu") -> tuple[Tensor, Tensor]:
    """Ids (rows, tokens), 0 where there is a pad on the left, and booleans, false there."""
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = torch.tensor(list(row))
        mask[number, width - len(row) :] = True
    return ids.to(device), mask.to(device)


def _target_logits(model: Any, reading: Reading, targets: Sequence[Sequence[int]]) -> Tensor:
    """(rows, tokens of the longest target, vocabulary); each target is read but for its end."""
    if not all(targets):
        raise InvalidInput("a target has at least one token")
    longest = max(map(len, targets))
    if longest == 1:
        return reading.logits[:, None]
    # Pads come after a row's own target: what they lead to is not looked at.
    ids = torch.tensor([[*row[:-1], *[0] * (longest - len(row))] for row in targets])
    mask = _longer(reading.mask, longest - 1)
    hidden = _hidden(model, ids.to(reading.logits.device), mask, reading.cache)
    return torch.cat([reading.logits[:, None], model.lm_head(hidden)], dim=1)


def _longer(mask: Tensor, by: int) -> Tensor:
    return torch.cat([mask, mask.new_ones(len(mask), by)], dim=1)


def _hidden(model: Any, ids: Tensor, mask: Tensor, cache: Any) -> Tensor:
    """The last hidden states (rows, tokens, width); the cache then holds the tokens."""
    # Without pads there is no mask, which lets attention take its faster ways.
    given = None if bool(mask.all()) else mask.long()
    outputs = model.model(
        input_ids=ids, attention_mask=given, past_key_values=cache, use_cache=True
    )
    hidden: Tensor = outputs.last_hidden_state
    return hidden
