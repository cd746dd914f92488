"""How long slots keep what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from memgraft.memnet.model import Moment

# A write of less mass than this does not count.
WRITTEN = 0.1
# A slot holds something else once its key has a cosine to the one before of less than this.
SAME = 0.85

# Times, and the share that outlives each.
Curve = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Life:
    """What one slot held for some segments, from the token that wrote it.

    ended: whether it was overwritten; else it was still there at the end, or became part of
    another slot in a dream (censored).
    """

    sequence: int
    token: int
    segments: int
    ended: bool


def lives(moments: Sequence[Moment], key_width: int, window: int) -> list[Life]:
    """All contents that slots ever had in these segments, of all sequences and memory heads.

    The key decides: a slot whose key turned in a write holds something else, however much or
    little of it the gate replaced; one that is written again under the same key is updated, and
    lives on. A slot that a dream has freed holds nothing.
    """
    found = []
    shape = moments[0].written.shape
    born = -np.ones((*shape[:2], shape[3]), np.int64)  # the segment of birth
    author = np.zeros_like(born)
    before = torch.zeros_like(moments[0].state.slots[..., :key_width])
    for number, moment in enumerate(moments):
        keys = moment.state.slots[..., :key_width]
        freed = (moment.state.usage == 0).numpy()
        for place in zip(*np.nonzero(freed & (born >= 0)), strict=True):
            found.append(_life(place, author, born, number + 1, ended=False))
            born[place] = -1
        changed = (F.cosine_similarity(keys, before, dim=-1) < SAME).numpy() | (born < 0)
        fresh = (moment.written.sum(dim=-2) > WRITTEN).numpy() & changed & ~freed
        writer = moment.written.argmax(dim=-2).numpy() + number * window
        for place in zip(*np.nonzero(fresh), strict=True):
            if born[place] >= 0:
                found.append(_life(place, author, born, number, ended=True))
            born[place], author[place] = number, writer[place]
        before = keys
    last = len(moments)
    for place in zip(*np.nonzero(born >= 0), strict=True):
        found.append(_life(place, author, born, last, ended=False))
    return found


def _life(place: tuple[Any, ...], author: Any, born: Any, now: int, ended: bool) -> Life:
    return Life(int(place[0]), int(author[place]), now - int(born[place]), ended)


def counted(found: Iterable[Life]) -> list[list[int]]:
    """Lives as rows of segments, whether they ended (1 or 0), and how many there are of these."""
    counts = Counter((life.segments, int(life.ended)) for life in found)
    return [[*kind, count] for kind, count in sorted(counts.items())]


def pooled(tables: Iterable[Sequence[Sequence[int]]]) -> Curve:
    """One curve of all lives of some runs, each as `counted` has them; see `kaplan_meier`.

    Runs are pooled before anything is estimated: a mean of their medians would leave out just
    those in which most lives outlast the sequence.
    """
    rows = np.array([row for table in tables for row in table], np.int64).reshape(-1, 3)
    segments, ended = rows[:, :2].repeat(rows[:, 2], axis=0).T
    return kaplan_meier(segments.tolist(), ended.tolist())


def median(curve: Curve) -> float | None:
    """When half are gone; None where more than half outlive the last time that was observed."""
    return next((time for time, left in zip(*curve, strict=True) if left <= 0.5), None)


def kaplan_meier(durations: Sequence[float], ended: Sequence[bool]) -> Curve:
    """Times and the share that outlives each, by the product-limit estimator (Kaplan & Meier 1958).

    Durations that did not end are censored: they count as at risk up to their time. The curve
    starts at (0, 1), has a point for every time at which something ended, and goes on to the last
    time that was observed.
    """
    times, gone = np.asarray(durations, float), np.asarray(ended, bool)
    curve: Curve = ([0.0], [1.0])
    share = 1.0
    for time in np.unique(times[gone]):
        at_risk = int((times >= time).sum())
        share *= 1 - int(((times == time) & gone).sum()) / at_risk
        curve[0].append(float(time))
        curve[1].append(share)
    if len(times) and times.max() > curve[0][-1]:
        curve[0].append(float(times.max()))
        curve[1].append(share)
    return curve
