"""Episodes: which traces follow each other, by slot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.retrieval.columns import Column

NONE = -1


class Episodes:
    """Slots in the order of their adding, by episode; a slot may belong to none.

    Every slot is added once, in the order of the numbers.
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._last: list[int] = []
        self._episode = Column(np.int64)
        self._before = Column(np.int64)
        self._after = Column(np.int64)

    @property
    def episode(self) -> NDArray[np.int64]:
        """The number of each slot's episode, (slots,); NONE without one."""
        return self._episode.values

    @property
    def before(self) -> NDArray[np.int64]:
        """The slot before each in its episode, (slots,); NONE for the first."""
        return self._before.values

    @property
    def after(self) -> NDArray[np.int64]:
        return self._after.values

    def __len__(self) -> int:
        """Episodes so far, those that are empty by now too."""
        return len(self._last)

    def add(self, episode: str | None) -> int:
        """The next slot, at the end of its episode."""
        slot = len(self._episode)
        code, before = NONE, NONE
        if episode is not None:
            code = self._codes.setdefault(episode, len(self._codes))
            if code == len(self._last):
                self._last.append(NONE)
            before, self._last[code] = self._last[code], slot
        self._episode.append(code)
        self._before.append(before)
        self._after.append(NONE)
        if before != NONE:
            self.after[before] = slot
        return slot

    def remove(self, slot: int) -> None:
        """Take a slot out: what was before it and after it are neighbours now."""
        before, after = int(self.before[slot]), int(self.after[slot])
        if before != NONE:
            self.after[before] = after
        if after != NONE:
            self.before[after] = before
        code = int(self.episode[slot])
        if code != NONE and self._last[code] == slot:
            self._last[code] = before
        self.episode[slot] = self.before[slot] = self.after[slot] = NONE

    def swap(self, old: int, new: int) -> None:
        """Put `new`, which was added last, where `old` stands in the same episode; `old` is out."""
        if self.episode[old] == self.episode[new] != NONE and self.after[old] != new:
            before, after = int(self.before[old]), int(self.after[old])
            code = int(self.episode[new])
            previous = int(self.before[new])
            self.after[previous] = NONE
            self._last[code] = previous
            self.before[new], self.after[new] = before, after
            if before != NONE:
                self.after[before] = new
            self.before[after] = new
            self.episode[old] = self.before[old] = self.after[old] = NONE
        else:
            self.remove(old)

    def links(self, slots: NDArray[np.intp]) -> NDArray[np.int64]:
        """For each of these slots, ascending, the place among them of the one before it."""
        before = self.before[slots]
        places = np.searchsorted(slots, before)
        return np.where(before == NONE, NONE, places).astype(np.int64)

    def relink(self, before: NDArray[np.int64]) -> None:
        """Put all slots in the order that `links` gave; `InvalidInput` if it is none."""
        inside = np.flatnonzero(before != NONE)
        earlier = before[inside]
        fits = len(before) == len(self._before) and np.all((earlier >= 0) & (earlier < len(before)))
        if not fits or len(np.unique(earlier)) < len(earlier):
            raise InvalidInput("these are no links of episodes", got=f"{len(before)} links")
        if not np.array_equal(self.episode[inside], self.episode[earlier]):
            raise InvalidInput("a link leads from one episode to another")
        self.before[:] = before
        self.after[:] = NONE
        self.after[earlier] = inside
        for slot in np.flatnonzero((self.episode != NONE) & (self.after == NONE)).tolist():
            self._last[int(self.episode[slot])] = slot

    def window(self, slot: int, length: int) -> list[int]:
        """The `length` slots before this one, oldest first."""
        found: list[int] = []
        current = int(self.before[slot])
        while current != NONE and len(found) < length:
            found.append(current)
            current = int(self.before[current])
        return found[::-1]

    def following(self, slot: int, length: int) -> list[int]:
        """The `length` slots after this one."""
        found: list[int] = []
        current = int(self.after[slot])
        while current != NONE and len(found) < length:
            found.append(current)
            current = int(self.after[current])
        return found
