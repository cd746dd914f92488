"""How long slots keep what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from memgraft.memnet.model import Moment

# A slot holds something else when so much of it was replaced, under a key less alike than this.
REPLACED = 0.5
SAME = 0.85


@dataclass(frozen=True)
class Life:
    """What one slot held for some segments, from the token that wrote it.

    ended: whether it was overwritten; else it was still there at the end (censored).
    """

    sequence: int
    token: int
    segments: int
    ended: bool


def lives(moments: Sequence[Moment], key_width: int, window: int) -> list[Life]:
    """All contents that slots ever had in these segments, of all sequences and memory heads.

    A slot that is written again under the same key is updated, and lives on.
    """
    found = []
    shape = moments[0].written.shape
    born = -np.ones((*shape[:2], shape[3]), np.int64)  # the segment of birth
    author = np.zeros_like(born)
    before = torch.zeros_like(moments[0].state.slots[..., :key_width])
    for number, moment in enumerate(moments):
        keys = moment.state.slots[..., :key_width]
        mass = moment.written.sum(dim=-2)
        alike = F.cosine_similarity(keys, before, dim=-1)
        fresh = ((mass > REPLACED) & (alike < SAME)).numpy()
        writer = moment.written.argmax(dim=-2).numpy() + number * window
        for place in zip(*np.nonzero(fresh), strict=True):
            if born[place] >= 0:
                found.append(
                    Life(int(place[0]), int(author[place]), number - int(born[place]), True)
                )
            born[place], author[place] = number, writer[place]
        before = keys
    last = len(moments)
    for place in zip(*np.nonzero(born >= 0), strict=True):
        found.append(Life(int(place[0]), int(author[place]), last - int(born[place]), False))
    return found


def kaplan_meier(
    durations: Sequence[float], ended: Sequence[bool]
) -> tuple[list[float], list[float]]:
    """Times and the share that outlives each, by the product-limit estimator (Kaplan & Meier 1958).

    Durations that did not end are censored: they count as at risk up to their time. The curve
    starts at (0, 1) and has a point for every time at which something ended.
    """
    times, gone = np.asarray(durations, float), np.asarray(ended, bool)
    curve, share = ([0.0], [1.0]), 1.0
    for time in np.unique(times[gone]):
        at_risk = int((times >= time).sum())
        share *= 1 - int(((times == time) & gone).sum()) / at_risk
        curve[0].append(float(time))
        curve[1].append(share)
    return curve
