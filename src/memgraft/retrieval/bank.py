"""The slot bank: one vector per memory, in blocks that are added when the last one is full.

Exact search up to `ann_above` slots, above that an approximate index (usearch, bfloat16), whose
finds are scored again with the vectors themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.retrieval.lexical import best_rows

Vector = NDArray[np.float32]

BLOCK = 1024
# Rows of one tenant up to which comparing with all of them is fast enough.
ANN_ABOVE = 20_000
# The graph's degree and search widths: recall@10 of 0.99 at 100,000 slots takes these.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 96, 192


class SlotBank:
    """Unit vectors (d,) in numbered slots.

    A slot is never moved, reused or evicted: a removed one stays empty until `compact`, and writing
    one touches no other. New blocks grow as they are needed (neurogenesis).

    Args:
        dimension: d.
        ann_above: slots above which the approximate index is used.
    """

    def __init__(self, dimension: int, ann_above: int = ANN_ABOVE) -> None:
        self.dimension = dimension
        self.ann_above = ann_above
        # Side by side, since a search gathers hundreds of rows: whole blocks, grown by half.
        self._vectors = np.zeros((0, dimension), np.float32)
        self._length = 0
        self._alive = np.zeros(0, bool)
        self._living = 0
        self._index: Any = None
        # Slots below this one are in the index, unless they are empty.
        self._indexed = 0

    def __len__(self) -> int:
        return self._living

    @property
    def slots(self) -> int:
        """Slots given out so far, empty ones too."""
        return self._length

    @property
    def blocks(self) -> int:
        return len(self._vectors) // BLOCK

    @property
    def alive(self) -> NDArray[np.bool_]:
        """(slots,), False where a slot is empty."""
        return self._alive[: self._length]

    def add(self, vector: NDArray[Any]) -> int:
        """Write a vector into a new slot, and return its number."""
        unit = self.checked(vector)
        if self._length == len(self._vectors):
            self._grow()
        slot = self._length
        self._vectors[slot] = unit
        self._alive[slot] = True
        self._length += 1
        self._living += 1
        return slot

    def _grow(self) -> None:
        new = BLOCK * (1 + self.blocks // 2)
        vectors = np.zeros((len(self._vectors) + new, self.dimension), np.float32)
        vectors[: self._length] = self._vectors
        self._vectors = vectors
        self._alive = np.concatenate([self._alive, np.zeros(new, bool)])

    def put(self, slot: int, vector: NDArray[Any]) -> None:
        """Write another vector into a slot that is in use."""
        self._require(slot)
        self._vectors[slot] = self.checked(vector)
        if slot < self._indexed:
            self._index.remove(slot)
            self._index.add(slot, self.get(slot), threads=1)

    def get(self, slot: int) -> Vector:
        """The vector of a slot: a view, up to date until the next `add`."""
        self._require(slot)
        return self._vectors[slot]

    def gathered(self, slots: NDArray[np.intp]) -> Vector:
        """The vectors of slots, (n, d), in their order."""
        return self._vectors[: self._length].take(slots, axis=0)

    def remove(self, slot: int) -> None:
        """Empty a slot: its vector is overwritten, here and in the index."""
        self._require(slot)
        self._vectors[slot] = 0.0
        self._alive[slot] = False
        self._living -= 1
        if slot < self._indexed:
            self._index.remove(slot)

    def cosines(self, vector: NDArray[Any]) -> Vector:
        """With every slot, (slots,); 0 for empty ones. The oracle of `nearest`."""
        return self._vectors[: self._length] @ self.checked(vector)

    def nearest(
        self, vector: NDArray[Any], limit: int, allowed: NDArray[np.bool_] | None = None
    ) -> NDArray[np.intp]:
        """The slots of highest cosine, best first.

        Args:
            vector: (d,).
            allowed: (slots,), False for slots that must not be found; they are left out before the
                search, so that `limit` others are found wherever there are so many.
        """
        allowed = self.alive if allowed is None else allowed & self.alive
        few = int(np.count_nonzero(allowed)) <= self.ann_above
        if not few:
            found = self._approximate(self.checked(vector), limit, allowed)
            if len(found) >= limit:
                return found
        if few and self._living > self.ann_above:
            slots = np.flatnonzero(allowed)
            scores = self.gathered(slots) @ self.checked(vector)
            return slots[best_rows(scores, limit)]
        scores = np.where(allowed, self.cosines(vector), -np.inf)
        return np.array(best_rows(scores, min(limit, int(allowed.sum()))), np.intp)

    def _approximate(
        self, unit: Vector, limit: int, allowed: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """The index's best, scored again exactly; fewer than `limit` where it finds no more."""
        self._catch_up()
        share = np.count_nonzero(allowed) / max(1, self._living)
        wanted = min(self._living, int(1.1 * limit / share) + 16)
        keys = self._index.search(unit, wanted, threads=1).keys.astype(np.intp)
        keys = keys[allowed[keys]]
        return keys[np.argsort(-(self.gathered(keys) @ unit), kind="stable")][:limit]

    def _catch_up(self) -> None:
        """Bring the index to the last slot. It is a cache: made anew from the vectors at start."""
        if self._index is None:
            from usearch.index import Index

            self._index = Index(
                ndim=self.dimension,
                metric="ip",
                dtype="bf16",
                connectivity=_CONNECTIVITY,
                expansion_add=_EXPANSION_ADD,
                expansion_search=_EXPANSION_SEARCH,
            )
        new = np.arange(self._indexed, self._length)
        new = new[self._alive[new]]
        if len(new):
            self._index.add(new.astype(np.uint64), self.gathered(new))
        self._indexed = self._length

    def checked(self, vector: NDArray[Any]) -> Vector:
        """The vector in float32 and of unit length; `InvalidInput` if it is not one of this bank's
        dimension, or not finite, or zero."""
        found = np.asarray(vector, np.float32)
        if found.shape != (self.dimension,):
            raise InvalidInput(
                "the vector has another dimension than the bank",
                expected=f"shape ({self.dimension},)",
                got=f"shape {found.shape}",
                next_step="use the encoder that the bank was made with",
            )
        length = float(np.linalg.norm(found))
        if not np.isfinite(length) or length == 0.0:
            raise InvalidInput(
                "the vector cannot be compared",
                expected="finite numbers, not all zero",
                got="zeros" if length == 0.0 else "NaN or infinite values",
                next_step="check what the encoder gave for this text",
            )
        return found if abs(length - 1.0) < 1e-6 else found / length

    def _require(self, slot: int) -> None:
        if not (0 <= slot < self._length and self._alive[slot]):
            raise NotFound(
                f"slot {slot} is empty", expected=f"one of the {self._living} slots in use"
            )
