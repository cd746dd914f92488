"""The contract of a store: the only truth about what is remembered."""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope

EntityKind = Literal["user", "agent", "app", "run"]


@dataclass(frozen=True)
class Entity:
    """Somebody or something that memories belong to, and how many live ones do."""

    kind: EntityKind
    name: str
    total: int
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Document:
    """A small JSON object kept beside the records: a key, an event, a webhook."""

    kind: str
    id: str
    body: dict[str, Any]
    created_at: str


@dataclass(frozen=True)
class Entry:
    """A record and its history, oldest first, as they go from one store to another.

    `number` grows in the order in which a store got its records, and means nothing elsewhere.
    """

    record: Record
    events: tuple[Event, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Parsed:
    """What one version of a record was found to say: the attribute that it sets, "" for none, and
    a key of its words. A cache: it goes when the record changes."""

    id: str
    version: int
    attribute: str
    wording: str


# What became of an entry: the store has it now; had it just so; a live record of another id says
# the same in that scope; the id belongs to a record that differs.
Outcome = Literal["added", "unchanged", "duplicate", "conflict"]


class Store(ABC):
    """Records at rest. When a method returns, what it says is on disk.

    A live record is one that is neither superseded nor expired; `list`, `search_text` and
    `count` see live records only, `get` sees every record that was not deleted.
    """

    location: str
    # A tenant's records are never seen through the store of another; "" is the only one of a
    # store that is not shared.
    tenant: str

    @abstractmethod
    def add(self, record: Record) -> tuple[Record, bool]:
        """Insert. Returns (record, True), or the live one of same scope and content, False.

        The same content is the same text of the same speaker; see `Record.content`.
        """

    @abstractmethod
    def supersede(self, record: Record, old_id: str) -> Record:
        """Insert `record` in place of a live one, in one transaction; both stay readable."""

    def together(self) -> AbstractContextManager[Any]:
        """Inside it, a store may put writes into one transaction, which costs one commit.

        Then they are on disk when it ends, or none of them is; nothing of it must be told before.
        A store that does not do so has each on disk by itself.
        """
        return nullcontext()

    @abstractmethod
    def get(self, record_id: str) -> Record:
        """The record, or `NotFound`."""

    @abstractmethod
    def update(
        self, record_id: str, fields: dict[str, Any], expected_version: int | None = None
    ) -> Record:
        """Change text, metadata, categories, expires_at or event_time. Compare-and-set.

        Raises:
            NotFound: no such record.
            Conflict: its version is not `expected_version`, or another live record of the same
                scope has that text already.
        """

    @abstractmethod
    def delete(self, record_id: str) -> Record:
        """Remove a record; its history stays. Returns what was removed, or raises `NotFound`."""

    @abstractmethod
    def delete_all(self, scope: Scope) -> list[str]:
        """Remove all that the scope covers, superseded ones too. Returns the ids."""

    @abstractmethod
    def history(self, record_id: str) -> list[Event]:
        """Events of one record, oldest first; also for deleted records."""

    @abstractmethod
    def search_text(self, query: str, scope: Scope, limit: int) -> list[tuple[str, float]]:
        """BM25 over live records: (id, score), higher is better, best first."""

    @abstractmethod
    def count(self, scope: Scope = Scope()) -> int:
        """Number of live records."""

    @abstractmethod
    def sequence(self) -> int:
        """The last event's number: homes that have seen it are up to date."""

    @abstractmethod
    def changed(self, since: int) -> builtins.list[str] | None:
        """Ids of the records with events after this sequence number, deleted ones too; None if
        the history does not tell all of them any more."""

    @abstractmethod
    def living(self, ids: Sequence[str]) -> builtins.list[Record]:
        """The live ones of these records, in no order."""

    @abstractmethod
    def parsed(
        self, scope: Scope, rules: str
    ) -> tuple[builtins.list[Parsed], builtins.list[Record]]:
        """What was kept of the live records of just this scope, oldest first, and the records of
        which nothing is.

        Args:
            scope: not what it covers besides.
            rules: what was found by others is not told.
        """

    @abstractmethod
    def keep_parsed(self, rules: str, found: Sequence[Parsed]) -> None:
        """Keep what was found by these rules, but of records that have changed since."""

    @abstractmethod
    def entities(self) -> builtins.list[Entity]:
        """Whom live records belong to, by kind (user, agent, app, run) and then by name."""

    @abstractmethod
    def entries(
        self, scope: Scope = Scope(), after: int = 0, limit: int = 1_000
    ) -> builtins.list[Entry]:
        """Records that the scope covers, superseded and expired ones too, with their history.

        The first `limit` of those with a greater number than `after`, in the order of numbers;
        each is told as it was at one moment.
        """

    @abstractmethod
    def restore(self, entries: Sequence[Entry], dry_run: bool = False) -> builtins.list[Outcome]:
        """Put records back as they were, with ids, versions, times, links and history.

        All in one transaction; only what is `added` changes the store. A record without
        `created_at` is as old as the one that has its id, or new. Where there are no events, or
        the id was deleted here, an ADD event tells of it; events that are known are not repeated.

        Args:
            entries: see `Entry`.
            dry_run: tell what would become of each by itself, and change nothing.

        Raises:
            InvalidInput: a value that cannot be kept, or an event of another record.
        """

    @abstractmethod
    def put_document(
        self, kind: str, id: str, body: dict[str, Any], keep: int | None = None
    ) -> Document:
        """Insert, or replace the body of the one with this kind and id.

        With `keep`, of this kind only so many stay: the newest.
        """

    @abstractmethod
    def document(self, kind: str, id: str) -> Document | None:
        """The document, or None."""

    @abstractmethod
    def documents(
        self, kind: str, limit: int | None = None, offset: int = 0
    ) -> builtins.list[Document]:
        """All of a kind, newest first."""

    @abstractmethod
    def count_documents(self, kind: str) -> int:
        """How many there are of a kind."""

    @abstractmethod
    def delete_document(self, kind: str, id: str) -> bool:
        """True if there was one."""

    @abstractmethod
    def delete_documents(self, kind: str, ids: Sequence[str] | None = None) -> int:
        """Delete those of a kind with these ids, or all of it; returns how many there were."""

    @abstractmethod
    def reset(self) -> None:
        """Drop every record and all history; documents stay."""

    @abstractmethod
    def close(self) -> None:
        """Release the store. Idempotent."""

    # Last, since inside a class body `list` means this method from here on.
    @abstractmethod
    def list(
        self,
        scope: Scope = Scope(),
        limit: int | None = None,
        offset: int = 0,
        newest: bool = False,
        expired: bool = False,
    ) -> list[Record]:
        """Live records that the scope covers, oldest first, or newest first.

        With `expired`, also those that were live until they expired.
        """
