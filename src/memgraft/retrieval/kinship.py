"""Which traces have to do with each other: the same once more, replaced, or akin.

Only traces of one scope are compared, newest first, until a deadline: what is old was compared
when it was new.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memgraft.text.sameness import Sameness, Statement, Vocabulary, has_slip, sameness
from memgraft.text.slots import contradicts, slot
from memgraft.text.when import Span, spans

if TYPE_CHECKING:
    from memgraft.retrieval.memory import SlotMemory

# Nearest others that a trace is compared with.
NEAREST = 10
# Rows of one matrix product, and of one pass over words: the deadline is looked at in between.
_BLOCK, _STEP = 256, 64
# Longer texts set no attribute.
_LONGEST_FACT = 300
# Words whose day depends on when they are said.
_TOLD = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|ago|(?:this|next|last|past|coming) \w+|"
    r"on (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._end = clock, clock() + seconds

    def passed(self) -> bool:
        return self._clock() >= self._end


@dataclass(frozen=True)
class Near:
    """Slots that are near a slot, best first: cosines, and shares of its attention, (k,) each.

    Attention is softmax(sharpness · cosine) over all other slots of its scope.
    """

    slots: NDArray[np.intp]
    cosines: NDArray[np.float32]
    attention: NDArray[np.float64]


def scopes(memory: SlotMemory, awake: Sequence[int]) -> list[NDArray[np.intp]]:
    """Slots by scope, in their order."""
    groups: dict[object, list[int]] = defaultdict(list)
    for number in awake:
        groups[memory.at(number).scope].append(number)
    return [np.array(group, np.intp) for group in groups.values() if len(group) > 1]


def nearest(
    memory: SlotMemory, group: NDArray[np.intp], since: float, sharpness: float, until: Deadline
) -> Iterator[tuple[int, Near]]:
    """For each slot of a group that was written after `since`, newest first, those near it.

    By products of blocks with all vectors of the group, in one pass for cosines and attention:
    exact, 2 · new · group · d operations. Ends early at the deadline.
    """
    vectors = memory.bank.gathered(group)
    written = memory.written.values[group]
    asked = np.flatnonzero(written >= since)[::-1]
    k = min(NEAREST, len(group) - 1)
    for start in range(0, len(asked), _BLOCK):
        if until.passed():
            return
        rows = asked[start : start + _BLOCK]
        cosines = vectors[rows] @ vectors.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        best = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        top = np.take_along_axis(cosines, best, axis=1)
        order = np.argsort(-top, axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        top = np.take_along_axis(top, order, axis=1)
        # At most 1 each, so no larger than e^sharpness together with their number.
        total = np.exp(sharpness * (cosines - 1.0), dtype=np.float32).sum(axis=1, dtype=np.float64)
        shares = np.exp(sharpness * (top.astype(np.float64) - 1.0)) / total[:, None]
        for row, near, cosine, share in zip(rows, best, top, shares, strict=True):
            yield int(group[row]), Near(group[near], cosine, share)


def superseded(
    memory: SlotMemory, group: NDArray[np.intp], until: Deadline
) -> Iterator[tuple[int, int]]:
    """(old, new) where a newer fact gives another value to the one attribute that an older sets."""
    order = sorted(group.tolist(), key=lambda n: (_moment(memory, n), n), reverse=True)
    newest: dict[tuple[str, str], int] = {}
    for place, number in enumerate(order):
        if place % _STEP == 0 and until.passed():
            return
        trace = memory.at(number)
        attribute = slot(trace.text) if len(trace.text) <= _LONGEST_FACT else None
        if attribute is None:
            continue
        latest = newest.setdefault((speaker(memory, number), attribute), number)
        if latest != number and contradicts(memory.at(latest).text, trace.text):
            yield number, latest


class Restatements:
    """Which traces say the same, of pairs that are near each other.

    Args:
        same: least cosine of two that say the same in the same words, but for slips and order.
        like: least cosine of two that say it in other words.
    """

    def __init__(self, memory: SlotMemory, awake: Sequence[int], same: float, like: float) -> None:
        self._memory, self._least = memory, {"same": same, "like": like}
        self._vocabulary = Vocabulary(memory.at(number).text for number in awake)
        self._statements: dict[int, Statement] = {}

    def agree(self, one: int, other: int, cosine: float) -> Sameness | None:
        """How two slots say the same, or None."""
        if cosine < min(self._least.values()) or self._speakers_differ(one, other):
            return None
        found = sameness(self._statement(one), self._statement(other), self._vocabulary)
        if found is None or cosine < self._least[found] or not self._same_day(one, other):
            return None
        return found

    def rank(self, number: int) -> tuple[bool, int, float, int]:
        """Ascending, from what should stand for others: no slips, more said, older."""
        said = self._statement(number)
        written = float(self._memory.written.values[number])
        return has_slip(said, self._vocabulary), -len(said.content), written, number

    def _statement(self, number: int) -> Statement:
        if number not in self._statements:
            self._statements[number] = Statement.of(self._memory.at(number).text, self._vocabulary)
        return self._statements[number]

    def _speakers_differ(self, one: int, other: int) -> bool:
        return speaker(self._memory, one) != speaker(self._memory, other)

    def _same_day(self, one: int, other: int) -> bool:
        """Whether "yesterday" is the same day in both."""
        texts = [self._memory.at(number).text for number in (one, other)]
        if not any(_TOLD.search(text) for text in texts):
            return True
        return self._spans(one) == self._spans(other)

    def _spans(self, number: int) -> set[Span]:
        moment = datetime.fromtimestamp(_moment(self._memory, number), UTC)
        return set(spans(self._memory.at(number).text, moment))


def speaker(memory: SlotMemory, number: int) -> str:
    return (memory.at(number).speaker or "").casefold()


def stars(agreed: dict[int, dict[int, float]], rank: Callable[[int], object]) -> dict[int, int]:
    """For each slot that another can stand for, that other: the first by rank which it agrees with.

    All that one stands for agree with it themselves: in chains, small differences add up.
    """
    taken: dict[int, int] = {}
    for number in sorted(agreed, key=rank):  # type: ignore[arg-type]
        if number not in taken:
            for other in agreed[number]:
                taken.setdefault(other, number)
    return taken


def _moment(memory: SlotMemory, number: int) -> float:
    trace = memory.at(number)
    return trace.time or trace.written
