"""The slot bank: one vector per memory, in blocks that are added when the last one is full.

Exact search up to `ann_above` slots, above that an approximate index (usearch, bfloat16), whose
finds are scored again with the vectors themselves. The first search that would use the index begins
it; until it is there, and for what it lacks, search is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.retrieval.ann import SlotIndex
from memgraft.retrieval.indexing import Indexing
from memgraft.retrieval.lexical import best_rows

Vector = NDArray[np.float32]

BLOCK = 1024
# Rows of one tenant up to which comparing with all of them is fast enough.
ANN_ABOVE = 20_000


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
        self._indexing = Indexing(dimension)

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
        self._indexing.written(slot)
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
        self._indexing.written(slot)

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
        self._indexing.removed(slot)

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
        """The best of the index and of what it lacks, scored again exactly; fewer than `limit`
        where it finds no more, none while it is not there."""
        index = self._indexing.ready(self._vectors, self.alive)
        if index is None:
            return np.zeros(0, np.intp)
        share = np.count_nonzero(allowed) / max(1, self._living)
        wanted = min(self._living, int(1.1 * limit / share) + 16)
        found = np.concatenate([index.search(unit, wanted), self._indexing.lacking])
        found = found[allowed[found]]
        return found[np.argsort(-(self.gathered(found) @ unit), kind="stable")][:limit]

    @property
    def index(self) -> SlotIndex | None:
        """The approximate index, if there is one that is not being filled."""
        return self._indexing.index

    def adopt(self, index: SlotIndex, held: set[int]) -> None:
        """Take over an index that knows the vectors of these slots."""
        self._indexing.adopt(index, set(np.flatnonzero(self.alive).tolist()) - held)

    def wait_for_index(self) -> SlotIndex | None:
        """Begin the index if one is needed, and wait until it is filled."""
        if self._living > self.ann_above:
            self._indexing.ready(self._vectors, self.alive)
        self._indexing.wait()
        return self.index

    def close(self) -> None:
        """End what goes on in the background. The bank can still be used."""
        self._indexing.stop()

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
