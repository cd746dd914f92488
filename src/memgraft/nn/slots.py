"""Rows of tokens without their pads: each token moves to a slot that its row's tokens count out.

Pads differ from row to row, and so does what a row's n-th token is. In slots it is the same for
all rows, whether they were padded left, right or in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Slots:
    """Where tokens stand.

    place (batch, tokens): the slot of each token; of a pad, `size`, which is no slot.
    used (batch, size): the slots that hold a token.
    """

    place: Tensor
    used: Tensor

    @classmethod
    def of(cls, mask: Tensor, taken: Tensor | None = None) -> Slots:
        """Slots for the tokens of (batch, tokens) booleans, after the first `taken` (batch,)."""
        counted = mask.cumsum(dim=1)
        if taken is not None:
            counted = counted + taken[:, None]
        size = mask.shape[1] if taken is None else int(counted.max()) if counted.numel() else 0
        place = (counted - 1).masked_fill(~mask, size)
        used = torch.zeros(len(mask), size + 1, dtype=torch.bool, device=mask.device)
        return cls(place, used.scatter(1, place, True)[:, :-1])

    def fill(self, part: Tensor) -> Tensor:
        """(batch, ..., tokens, d) → (batch, ..., slots, d), 0 where no token is."""
        size = self.used.shape[1]
        empty = part.new_zeros(*part.shape[:-2], size + 1, part.shape[-1])
        return empty.scatter(-2, self._index(part), part)[..., :size, :]

    def read(self, part: Tensor) -> Tensor:
        """(batch, ..., slots, d) → (batch, ..., tokens, d), 0 at pads."""
        padded = torch.nn.functional.pad(part, (0, 0, 0, 1))
        shape = (*part.shape[:-2], self.place.shape[1], part.shape[-1])
        return padded.gather(-2, self._index(part).expand(shape))

    def _index(self, part: Tensor) -> Tensor:
        middle = (1,) * (part.dim() - 3)
        place = self.place.view(len(self.place), *middle, -1, 1)
        return place.expand(*part.shape[:-2], place.shape[-2], part.shape[-1])
