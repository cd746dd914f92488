"""The contract of a home: a place where records become readable by a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from memgraft.core.recall import Query, Recall
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record


class Home(ABC):
    """Five verbs: write, read, forget, consolidate, and state (`open` and `save` of a folder).

    A home is compiled from the store and can always be rebuilt from it: `held` tells what it
    has, `Memory` writes what lags and forgets what is gone. No home calls another.
    """

    name: ClassVar[str]
    # Records that `write` takes at once at best.
    batch: ClassVar[int] = 1

    @abstractmethod
    def write(self, records: Sequence[Record]) -> list[Receipt]:
        """Make records readable. One receipt per record; a refusal leaves nothing behind."""

    @abstractmethod
    def read(self, query: Query) -> Recall:
        """What the memory has to say to a query. Never fails for want of an answer."""

    @abstractmethod
    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        """Remove records; unknown ids get an `exact` receipt, since nothing is left of them."""

    @abstractmethod
    def consolidate(self, budget: float = 1.0) -> Report:
        """Spend up to `budget` seconds on housekeeping."""

    @abstractmethod
    def held(self) -> Mapping[str, int]:
        """Version by id of every record that this home holds or has refused for good.

        May be a view of what the home keeps: it is asked before every read.
        """

    def holding(self, ids: Sequence[str]) -> dict[str, int]:
        """The part of `held` for these ids; a home that asks a database asks it once."""
        held = self.held()
        return {record_id: held[record_id] for record_id in ids if record_id in held}

    def stale(self, records: Iterable[Record]) -> set[str]:
        """Ids of records that are held in this very version, and yet with another text.

        Versions alone do not tell where an id was deleted and came back, out of a file.
        """
        return set()

    @abstractmethod
    def save(self) -> None:
        """Make all of the state durable. Writes are durable already; this is for the rest."""

    def close(self) -> None:
        """Save and release what is open. Idempotent."""
        self.save()

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """Figures for people: counts, bytes, and what the home runs on."""
