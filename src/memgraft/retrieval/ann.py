"""An approximate index of slots (usearch, bfloat16): a cache, to be thrown away at any time."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memgraft.retrieval.columns import Column

Vectors = NDArray[np.float32]

NONE = -1
# The graph's degree and search widths: recall@10 of 0.99 at 100,000 slots takes these.
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 96, 192


class SlotIndex:
    """A graph over vectors of slots, which it knows by keys of its own, so that it can be saved and
    be of use to a bank whose slots have other numbers by then.

    Args:
        dimension: of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        from usearch.index import Index

        self._graph: Any = Index(
            ndim=dimension,
            metric="ip",
            dtype="bf16",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
        )
        # The slot of each key, NONE if it was removed; and the key of each slot.
        self._slots = Column(np.int64)
        self._keys: dict[int, int] = {}
        # Whether a vector may lie in the graph that was removed from it.
        self.soiled = False

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, slots: NDArray[np.intp], vectors: Vectors) -> None:
        """Vectors (n, d) of slots that are not in the index."""
        first = len(self._slots)
        for slot in slots.tolist():
            self._keys[slot] = len(self._slots)
            self._slots.append(slot)
        keys = np.arange(first, len(self._slots), dtype=np.uint64)
        self._graph.add(keys, vectors, threads=1)

    def remove(self, slot: int) -> None:
        """Nothing happens to a slot that is not in the index."""
        if slot in self._keys:
            key = self._keys.pop(slot)
            self._graph.remove(key)
            self._slots.values[key] = NONE
            self.soiled = True

    def search(self, unit: NDArray[np.float32], limit: int) -> NDArray[np.intp]:
        """About the nearest slots, in about their order."""
        keys = self._graph.search(unit, limit, threads=1).keys.astype(np.intp)
        slots = self._slots.values[keys]
        return slots[slots != NONE].astype(np.intp)

    def packed(self) -> tuple[bytes, list[int]]:
        """The graph, and the slot of each of its keys, NONE for those that were removed."""
        return bytes(self._graph.save()), self._slots.values.tolist()

    @classmethod
    def unpacked(cls, dimension: int, graph: bytes, slots: list[int]) -> Self | None:
        """What `packed` gave, with the numbers that the slots have now and NONE for those that are
        gone; None if it is damaged."""
        made = cls(dimension)
        try:
            made._graph.load(graph)
        except (RuntimeError, ValueError):
            return None
        if len(made._graph) > len(slots) or made._graph.ndim != dimension:
            return None
        made._slots = Column(np.int64, slots)
        made._keys = {slot: key for key, slot in enumerate(slots) if slot != NONE}
        gone = [key for key, slot in enumerate(slots) if slot == NONE and key in made._graph]
        for key in gone:
            made._graph.remove(key)
        made.soiled = bool(gone)
        kept = all(key in made._graph for key in made._keys.values())
        return made if kept and len(made._keys) == len(slots) - slots.count(NONE) else None
