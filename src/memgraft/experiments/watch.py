"""What a MemNet does while it reads: figures of its reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from memgraft.experiments.survival import WRITTEN
from memgraft.memnet.losses import entropy
from memgraft.memnet.model import Moment

# A read weight or a write below this does not count.
LEAST = 0.01


def habits(moments: Sequence[Moment]) -> dict[str, float]:
    """How a memory was used over some segments, means over sequences, heads and tokens.

    read_sparsity: share of slots that a read gives less than 1 %. read_entropy: in nats, of the
    reads. write_frequency: mean write gate. writes_per_token: share of tokens that write more than
    10 % of a slot in all. slot_reuse: share of what was written that went into slots which had been
    written before. slots_used: share of slots that were ever written.
    """
    written = torch.stack([moment.written.sum(dim=-2) for moment in moments])
    before = (written.cumsum(dim=0) - written) > LEAST
    reads = torch.cat([moment.read for moment in moments], dim=-2)
    mass = torch.cat([moment.written.sum(dim=-1) for moment in moments], dim=-1)
    return {
        "read_sparsity": float((reads < LEAST).float().mean()),
        "read_entropy": float(entropy(reads).mean()),
        "write_frequency": float(torch.cat([m.asked.gate for m in moments], dim=-1).mean()),
        "writes_per_token": float((mass > WRITTEN).float().mean()),
        "slot_reuse": float((written * before).sum() / written.sum().clamp_min(1e-9)),
        "slots_used": float((written.sum(dim=0) > LEAST).float().mean()),
    }


def pictured(moments: Sequence[Moment], head: int = 0) -> dict[str, Any]:
    """One sequence and memory head as plain numbers, for plots.

    writes and usage are (segments, slots), reads (tokens, slots), edges (slots, slots) after the
    last segment, keys and values (slots, n) then; mixture (tokens, 3).
    """
    last = moments[-1].state

    def rows(parts: list[torch.Tensor]) -> list[list[float]]:
        return [[round(x, 4) for x in row] for row in torch.stack(parts).tolist()]

    return {
        "writes": rows([m.written[0, head].sum(dim=0) for m in moments]),
        "usage": rows([m.state.usage[0, head] for m in moments]),
        "reads": rows(list(torch.cat([m.read[0, head] for m in moments]))),
        "mixture": rows(list(torch.cat([m.asked.mixture[0, head] for m in moments]))),
        "gate": torch.cat([m.asked.gate[0, head] for m in moments]).tolist(),
        "edges": rows(list(last.edges[0, head])),
        "slots": rows(list(last.slots[0, head])),
        "used": (last.usage[0, head] > LEAST).tolist(),
    }
