"""Columns of numpy: one that grows at its end, and texts in two arrays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Column:
    """Values by row; appending takes constant time on average."""

    def __init__(self, dtype: DTypeLike, values: Any = ()) -> None:
        self._store = np.array(values, dtype)
        self._length = len(self._store)

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray[Any]:
        """A view of all rows, valid until the next `append`; writing to it changes the column."""
        return self._store[: self._length]

    def append(self, value: Any) -> None:
        if self._length == len(self._store):
            grown = np.zeros(max(64, 2 * self._length), self._store.dtype)
            grown[: self._length] = self._store
            self._store = grown
        self._store[self._length] = value
        self._length += 1


def packed(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts as UTF-8, end to end, and where each ends: arrays that safetensors can hold."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def unpacked(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[str]:
    """What `packed` gave; `ValueError` if it is not UTF-8."""
    whole = data.tobytes()
    return [whole[start:end].decode() for start, end in pairwise([0, *ends.tolist()])]
