"""What the frozen base model makes of a fact: the states that the memory encoder reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memgraft.host.load import Host
from memgraft.injection.opening import Opening, cache_of


@dataclass(frozen=True)
class Reading:
    """A batch of facts as seen by the base, each followed by the reply that is to be learned.

    Shapes: states (batch, length, taps, d_model), mask (batch, length), places, before, after
    and valid (batch, tokens), where token t of a reply comes at places[t], after the token
    before[t], and is after[t].
    """

    states: Tensor
    mask: Tensor
    places: Tensor
    before: Tensor
    after: Tensor
    valid: Tensor


def reply_ids(host: Host, reply: str) -> list[int]:
    """The tokens to learn, with the one that ends a reply."""
    return [*host.encode(reply), host.tokenizer.eos_token_id]


def prompt_ids(host: Host, said: str) -> list[int]:
    return host.encode(host.prompt([{"role": "user", "content": said}]))


@torch.no_grad()
def read_facts(
    host: Host,
    facts: Sequence[tuple[str, str]],
    taps: Sequence[int],
    opening: Opening | None = None,
) -> Reading:
    """One forward pass over (fact as told, reply) pairs; the user tells, the assistant repeats.

    What the prompts open with need not be read again, where it has been.
    """
    device = host.model.device
    prompts = [prompt_ids(host, told) for told, _ in facts]
    replies = [reply_ids(host, reply) for _, reply in facts]
    length = max(len(p) + len(r) - 1 for p, r in zip(prompts, replies, strict=True))
    tokens = max(map(len, replies))
    fill = host.tokenizer.eos_token_id
    ids = torch.full((len(facts), length), fill)
    mask = torch.zeros((len(facts), length), dtype=torch.bool)
    places = torch.zeros((len(facts), tokens), dtype=torch.long)
    after = torch.full((len(facts), tokens), fill)
    valid = torch.zeros((len(facts), tokens), dtype=torch.bool)
    for row, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
        sequence = torch.tensor(prompt + reply[:-1])
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
        places[row, : len(reply)] = torch.arange(len(prompt) - 1, len(sequence))
        after[row, : len(reply)] = torch.tensor(reply)
        valid[row, : len(reply)] = True
    before = ids.gather(1, places)
    if opening is None or not opening.begins(prompts):
        opening = Opening()
    known = len(opening.ids)
    output = host.model.base_model(
        input_ids=ids[:, known:].to(device),
        attention_mask=mask.long().to(device),
        past_key_values=cache_of(opening.rows(len(facts))) if known else None,
        output_hidden_states=True,
        use_cache=known > 0,
    )
    states = torch.stack(
        [_joined(opening, tap, output.hidden_states[tap + 1]) for tap in taps], dim=2
    )
    return Reading(
        states, mask.to(device), places.to(device), before.to(device), after.to(device),
        valid.to(device),
    )  # fmt: skip


def _joined(opening: Opening, layer: int, output: Tensor) -> Tensor:
    """A layer's output over the opening and what follows it."""
    if not opening.ids:
        return output
    return torch.cat([opening.outputs[layer].expand(len(output), -1, -1), output], dim=1)
