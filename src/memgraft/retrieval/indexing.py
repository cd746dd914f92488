"""The approximate index of a bank, filled in the background: no search waits for it."""

from __future__ import annotations

import logging
import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from memgraft.retrieval.ann import SlotIndex

Vectors = NDArray[np.float32]

log = logging.getLogger(__name__)

# Slots that the index may lack, which a search compares exactly, before they are put into it.
_FEW = 1_024
# Vectors between two looks whether to stop: some tens of milliseconds.
_AT_ONCE = 32


class Indexing:
    """Which slots the index holds, which it lacks, and which it got wrong while it was filled.

    For one thread, but for what it does in the background. What it fills the index from is the
    bank's own array: what changes there meanwhile is taken out of the index afterwards.

    Args:
        dimension: of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._index: SlotIndex | None = None
        self._lacking: set[int] = set()
        # While the index is filled: the slots that changed since.
        self._changed: set[int] = set()
        self._filling: _Filling | None = None
        self._stop: weakref.finalize[[_Filling], Indexing] | None = None
        self._failed = False

    def written(self, slot: int) -> None:
        """A slot has a new vector."""
        if self._index is not None:
            self._outdate(slot)
            self._lacking.add(slot)

    def removed(self, slot: int) -> None:
        """A slot is empty now."""
        if self._index is not None:
            self._outdate(slot)
            self._lacking.discard(slot)

    def adopt(self, index: SlotIndex, lacking: set[int]) -> None:
        """Take over an index, which lacks these slots."""
        self.stop()
        self._index, self._lacking = index, lacking

    @property
    def index(self) -> SlotIndex | None:
        """The index, if there is one that is not being filled."""
        self._collect()
        return None if self._filling is not None else self._index

    @property
    def lacking(self) -> NDArray[np.intp]:
        """The slots in use that the index does not hold, in order."""
        return np.array(sorted(self._lacking), np.intp)

    def ready(self, vectors: Vectors, alive: NDArray[np.bool_]) -> SlotIndex | None:
        """An index that lacks few slots; None as long as it is filled with the others.

        Args:
            vectors: (slots, d), of the bank: where it grows, it becomes another array.
            alive: (slots,), the slots in use.
        """
        if self.index is None and self._filling is None and not self._failed:
            self._index = SlotIndex(self._dimension)
            self._lacking = set(np.flatnonzero(alive).tolist())
        if self._index is not None and self._filling is None:
            many = len(self._lacking) > (_FEW if len(self._index) else 0)
            if many and not self._failed:
                self._fill(self._index, vectors)
        return self.index

    def wait(self) -> None:
        """Until the index is filled, if it is."""
        if self._filling is not None:
            self._filling.join()

    def stop(self) -> None:
        """Fill no further: an index that is filled by half is thrown away. Idempotent."""
        if self._filling is not None:
            self._filling.stop()
            if not self._filling.complete:
                self._drop()

    def _outdate(self, slot: int) -> None:
        if self._filling is not None:
            self._changed.add(slot)
        elif self._index is not None:
            self._index.remove(slot)

    def _fill(self, index: SlotIndex, vectors: Vectors) -> None:
        self._filling = _Filling(index, self.lacking, vectors)
        # A thread must not outlive the bank, nor be cut off inside the library at the end of the
        # process: that ends it with an abort.
        self._stop = weakref.finalize(self, _Filling.stop, self._filling)
        self._lacking = set()
        self._filling.start()

    def _collect(self) -> None:
        """Take over what was filled, once it is."""
        if self._filling is None or self._filling.is_alive():
            return
        if not self._filling.complete:
            # What uses it goes on without: exact search finds the same, and more slowly.
            log.warning("the approximate index was not filled: %s", self._filling.error)
            self._failed = True
            self._drop()
            return
        assert self._index is not None
        for slot in self._changed:
            self._index.remove(slot)
        self._done()

    def _drop(self) -> None:
        self._index, self._lacking = None, set()
        self._done()

    def _done(self) -> None:
        self._changed, self._filling = set(), None
        if self._stop is not None:
            self._stop.detach()
            self._stop = None


class _Filling(threading.Thread):
    """Adds slots to an index that nobody else uses meanwhile, on one core."""

    def __init__(self, index: SlotIndex, slots: NDArray[np.intp], vectors: Vectors) -> None:
        super().__init__(name="memgraft-index", daemon=True)
        self._index, self._slots, self._vectors = index, slots, vectors
        self.stopped = threading.Event()
        self.complete = False
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for start in range(0, len(self._slots), _AT_ONCE):
                if self.stopped.is_set():
                    return
                some = self._slots[start : start + _AT_ONCE]
                self._index.add(some, self._vectors.take(some, axis=0))
            self.complete = True
        except Exception as error:
            self.error = error

    def stop(self) -> None:
        """Wait for the vectors that are being added, and add no more."""
        self.stopped.set()
        if self is not threading.current_thread():
            self.join()
