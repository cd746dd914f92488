"""A numpy column that grows at its end."""

from __future__ import annotations

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
