"""The store in PostgreSQL: several server processes on one database, tenants kept apart by it."""

from __future__ import annotations

import builtins
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from memgraft.core.errors import StoreError
from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.store import postgres_words, rows
from memgraft.store.base import Document, Entity, Entry, Outcome, Parsed, Store
from memgraft.store.entries import checked
from memgraft.store.postgres_pool import Database
from memgraft.store.postgres_rows import PostgresRows
from memgraft.store.restoring import restore

T = TypeVar("T")


class PostgresStore(Store):
    """Records in the schema `memgraft` of a PostgreSQL database, 14 or newer.

    Tenants share tables. Every statement names its tenant; row-level security stands behind that:
    a transaction sees the rows of its tenant alone, even without WHERE. Transactions take on a role
    that owns nothing, which opening the store makes. Where the user may not create roles, they run
    as the user, whom FORCE ROW LEVEL SECURITY keeps to the tenant as well; a user who would pass
    that by is refused.

    Stores of one URL share their connections in a process. When the database goes away, calls raise
    `StoreBusy`; when it is back, they work again. A write that was cut off at its very end may have
    been done. Reset and deleted rows leave the disk when the database vacuums.

    Args:
        url: postgresql://user:password@host:port/database.
        tenant: whose records these are.
        busy_timeout: seconds to wait for a connection, or for another writer of this tenant, before
            `StoreBusy`.
        connections: how many at most.

    Raises:
        InvalidInput: this is no such URL.
        MissingExtra: psycopg is not installed.
        StoreError: the database cannot be reached or used, its schema memgraft is another
            program's, or of a newer version.
    """

    def __init__(
        self, url: str, tenant: str = "", busy_timeout: float = 5.0, connections: int = 8
    ) -> None:
        self.tenant = tenant
        self._together = threading.local()
        self._database: Database | None = Database.shared(url, busy_timeout, connections)
        self.location = self._database.location
        try:
            if not self.read(_is_known):
                self.write(lambda session: session.introduce(), alone=False)
        except BaseException:
            self.close()
            raise

    # -- transactions ----------------------------------------------------------------------

    @property
    def database(self) -> Database:
        """What homes that live in the same database use, too."""
        if self._database is None:
            raise StoreError("the store is closed", got=self.location, next_step="open it again")
        return self._database

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """See `Store`. What other threads do is no part of it, and waits where it writes."""
        if self._own() is not None:
            yield
            return
        with self.database.together(self.tenant) as self._together.rows:
            try:
                yield
            finally:
                self._together.rows = None

    def read(self, work: Callable[[PostgresRows], T]) -> T:
        """See `Database.read`; inside `together`, what was written there is seen."""
        if (own := self._own()) is not None:
            with self.database.translated():
                return work(own)
        return self.database.read(self.tenant, work)

    def write(self, work: Callable[[PostgresRows], T], alone: bool = True) -> T:
        """See `Database.write`."""
        if (own := self._own()) is not None:
            return self.database.part(own, work)
        return self.database.write(self.tenant, work, alone)

    def _own(self) -> PostgresRows | None:
        """The transaction of this thread's `together`."""
        return getattr(self._together, "rows", None)

    # -- records ---------------------------------------------------------------------------

    def add(self, record: Record) -> tuple[Record, bool]:
        record = rows.normalised(record)
        return self.write(lambda session: session.add(record))

    def supersede(self, record: Record, old_id: str) -> Record:
        """See `Store`. Raises `Conflict` if the old one was superseded already."""
        record = replace(rows.normalised(record), supersedes=old_id)
        return self.write(lambda session: session.supersede(record, old_id))

    def get(self, record_id: str) -> Record:
        return self.read(lambda session: session.fetch(record_id))

    def update(
        self, record_id: str, fields: dict[str, Any], expected_version: int | None = None
    ) -> Record:
        """See `Store`. Nothing happens, and no version is used up, if nothing differs."""
        rows.check_fields(fields)
        return self.write(lambda session: session.update(record_id, fields, expected_version))

    def delete(self, record_id: str) -> Record:
        return self.write(lambda session: session.delete(record_id))

    def delete_all(self, scope: Scope) -> list[str]:
        """See `Store`. An empty scope covers everything: the caller guards that."""
        return self.write(lambda session: session.delete_all(scope))

    def history(self, record_id: str) -> list[Event]:
        return self.read(lambda session: session.events(record_id))

    def search_text(self, query: str, scope: Scope, limit: int) -> list[tuple[str, float]]:
        """See `Store`. Pieces of words are looked up too in scripts without spaces."""
        return self.read(lambda session: postgres_words.search(session, query, scope, limit))

    def count(self, scope: Scope = Scope()) -> int:
        return self.read(lambda session: session.count(scope))

    def sequence(self) -> int:
        return self.read(lambda session: session.sequence())

    def changed(self, since: int) -> builtins.list[str] | None:
        return self.read(lambda session: session.changed(since))

    def living(self, ids: Sequence[str]) -> builtins.list[Record]:
        condition, values = rows.live(Scope())
        if not ids:
            return []
        return self.read(
            lambda session: session.select(f"{condition} AND id = ANY(?)", [*values, list(ids)])
        )

    def parsed(
        self, scope: Scope, rules: str
    ) -> tuple[builtins.list[Parsed], builtins.list[Record]]:
        return self.read(lambda session: session.parsed(scope, rules))

    def keep_parsed(self, rules: str, found: Sequence[Parsed]) -> None:
        self.write(lambda session: session.keep_parsed(rules, found))

    def entities(self) -> builtins.list[Entity]:
        return self.read(lambda session: session.entities())

    def entries(
        self, scope: Scope = Scope(), after: int = 0, limit: int = 1_000
    ) -> builtins.list[Entry]:
        return self.read(lambda session: session.entries(scope, after, limit))

    def restore(self, entries: Sequence[Entry], dry_run: bool = False) -> builtins.list[Outcome]:
        whole = [checked(entry) for entry in entries]
        run = self.read if dry_run else self.write
        return run(lambda session: [restore(session, entry, dry_run) for entry in whole])

    # -- documents -------------------------------------------------------------------------

    def put_document(
        self, kind: str, id: str, body: dict[str, Any], keep: int | None = None
    ) -> Document:
        return self.write(lambda session: session.put_document(kind, id, body, keep))

    def document(self, kind: str, id: str) -> Document | None:
        found = self.read(lambda session: session.documents("kind = ? AND id = ?", [kind, id]))
        return found[0] if found else None

    def documents(
        self, kind: str, limit: int | None = None, offset: int = 0
    ) -> builtins.list[Document]:
        condition = "kind = ? ORDER BY number DESC LIMIT ? OFFSET ?"
        values = [kind, *_page(limit, offset)]
        return self.read(lambda session: session.documents(condition, values))

    def count_documents(self, kind: str) -> int:
        return self.read(lambda session: session.count_documents(kind))

    def delete_document(self, kind: str, id: str) -> bool:
        return self.write(lambda session: session.delete_document(kind, id))

    def delete_documents(self, kind: str, ids: Sequence[str] | None = None) -> int:
        return self.write(lambda session: session.delete_documents(kind, ids))

    # -- the whole -------------------------------------------------------------------------

    def reset(self) -> None:
        """See `Store`. The sequence goes on by one, so that every home sees that it lags."""
        self.write(lambda session: session.reset())

    def close(self) -> None:
        database, self._database = self._database, None
        if database:
            database.release()

    def list(
        self,
        scope: Scope = Scope(),
        limit: int | None = None,
        offset: int = 0,
        newest: bool = False,
        expired: bool = False,
    ) -> list[Record]:
        condition, values = rows.live(scope, expired)
        order = "created_at DESC, number DESC" if newest else "created_at, number"
        rest = f"ORDER BY {order} LIMIT ? OFFSET ?"
        page = _page(limit, offset)
        return self.read(lambda session: session.select(condition, [*values, *page], rest))


def _page(limit: int | None, offset: int) -> tuple[int | None, int]:
    """The values of LIMIT and OFFSET."""
    return None if limit is None else max(limit, 0), max(offset, 0)


def _is_known(session: PostgresRows) -> bool:
    return bool(session.run("SELECT 1 FROM memgraft.tenants WHERE tenant = ?", [session.tenant]))
