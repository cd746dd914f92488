"""GRACE's discrete codebook (Hartvigsen et al., arXiv 2211.11031, section 3 and algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Entry:
    """What stands for the hidden states around one: a value, for replies that are the same.

    Shapes: key (d_model,), value (d_model,), both float16, or no value yet. `radius` is the
    paper's ε, a Euclidean distance.
    """

    key: Tensor
    radius: float
    reply: str
    value: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers at rest, the radius as float32."""
        return sum(t.nbytes for t in (self.key, self.value) if t is not None) + 4


class Codebook:
    """Entries whose balls are kept apart where they stand for different replies."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def find(self, state: Tensor) -> Entry | None:
        """The nearest entry, if the state (d_model,) lies in its ball."""
        nearest = self._nearest(state)
        return nearest[0] if nearest and nearest[1] <= nearest[0].radius else None

    def place(self, state: Tensor, reply: str, radius: float) -> Entry:
        """The entry that from now on answers a state (d_model,): an old one, or a new one.

        Far from all others a ball of the given radius is added. Near one of the same reply, that
        one is expanded; near one of another reply, the distance is split between the two. The
        paper does not say what a key with two replies means; here the later word counts.
        """
        key = state.half()
        nearest = self._nearest(key)
        if nearest is None or nearest[1] > nearest[0].radius + radius:
            return self._add(Entry(key, radius, reply))
        near, distance = nearest
        if near.reply == reply:
            near.radius = max(near.radius, distance)
            return near
        if distance == 0:
            near.reply, near.value = reply, None
            return near
        near.radius = distance / 2
        return self._add(Entry(key, distance / 2, reply))

    def _add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def _nearest(self, state: Tensor) -> tuple[Entry, float] | None:
        """The entry with the nearest key, and how far away that is."""
        if not self.entries:
            return None
        keys = torch.stack([entry.key for entry in self.entries]).float()
        distances = (keys - state.float()).norm(dim=-1)
        place = int(distances.argmin())
        return self.entries[place], float(distances[place])
