"""The store in one SQLite file: one writer at a time, readers beside it, history append-only."""

from __future__ import annotations

import builtins
import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput, StoreBusy, StoreError
from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.store import documents, rows, words
from memgraft.store.base import Document, Entity, Entry, Outcome, Parsed, Store
from memgraft.store.entries import checked
from memgraft.store.migrations import migrate
from memgraft.store.restoring import restore
from memgraft.store.sqlite_file import check_place, check_same, identity, reserve
from memgraft.store.sqlite_rows import SQLiteRows

_GUARDS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'history'"

# Values that one statement may hold on any SQLite.
_AT_ONCE = 500

# By SQLite's primary result code: what happened, and what to do about it.
_FAULTS = {
    sqlite3.SQLITE_FULL: ("the disk is full; nothing was changed", "free some space, try again"),
    sqlite3.SQLITE_READONLY: ("the store cannot be written", "check the permissions"),
    sqlite3.SQLITE_PERM: ("the store cannot be opened", "check the permissions"),
    sqlite3.SQLITE_CANTOPEN: ("the store cannot be opened", "check the path and permissions"),
    sqlite3.SQLITE_NOTADB: ("this file is no SQLite database", "choose another path"),
    sqlite3.SQLITE_CORRUPT: ("the store is damaged", "restore it from a backup"),
    sqlite3.SQLITE_IOERR: ("the disk failed to read or write", "check the disk, try again"),
}


class SQLiteStore(Store):
    """Records in one SQLite file (WAL), shared by threads and by processes of one computer.

    Args:
        path: the file; it and its folder are created. ":memory:" keeps all in RAM, for tests.
        synchronous: FULL survives a power cut; NORMAL may lose the last writes to one.
        busy_timeout: seconds to wait for another writer before `StoreBusy`.
        tenant: whose records these are; every tenant has a file of its own.

    Raises:
        StoreError: the path cannot be opened, is no memgraft store, or is of a newer version.
    """

    def __init__(
        self,
        path: str | Path,
        synchronous: str = "FULL",
        busy_timeout: float = 5.0,
        tenant: str = "",
    ) -> None:
        if synchronous not in ("OFF", "NORMAL", "FULL", "EXTRA"):
            raise InvalidInput(
                "no such synchronous mode", expected="OFF, NORMAL, FULL or EXTRA", got=synchronous
            )
        in_ram = str(path) == ":memory:"
        self.location = ":memory:" if in_ram else str(Path(path).expanduser().absolute())
        self.tenant = tenant
        self._busy_timeout = busy_timeout
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        # Whether a transaction that writes is under way, and whether it drops all; under the lock.
        self._writes = self._wiped = False
        # Which file it is; None in RAM, and where files have no numbers.
        self._file: tuple[int, int] | None = None
        if not in_ram:
            check_place(Path(self.location))
            reserve(Path(self.location))
        with self._translated():
            connection = sqlite3.connect(
                self.location, timeout=busy_timeout, isolation_level=None, check_same_thread=False
            )
            try:
                _enter_wal(connection, busy_timeout)
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                connection.execute("PRAGMA secure_delete = ON")
                migrate(connection)
            except BaseException:
                connection.close()
                raise
        self._connection = connection
        self._file = None if in_ram else identity(self.location)

    def add(self, record: Record) -> tuple[Record, bool]:
        record = rows.normalised(record)
        with self._writing() as connection:
            return SQLiteRows(connection).add(record)

    def supersede(self, record: Record, old_id: str) -> Record:
        """See `Store`. Raises `Conflict` if the old one was superseded already."""
        record = replace(rows.normalised(record), supersedes=old_id)
        with self._writing() as connection:
            return SQLiteRows(connection).supersede(record, old_id)

    def together(self) -> AbstractContextManager[Any]:
        """See `Store`. Other threads wait until it ends."""
        return self._writing()

    def get(self, record_id: str) -> Record:
        with self._reading() as connection:
            return SQLiteRows(connection).fetch(record_id)

    def update(
        self, record_id: str, fields: dict[str, Any], expected_version: int | None = None
    ) -> Record:
        """See `Store`. Nothing happens, and no version is used up, if nothing differs."""
        rows.check_fields(fields)
        with self._writing() as connection:
            return SQLiteRows(connection).update(record_id, fields, expected_version)

    def delete(self, record_id: str) -> Record:
        with self._writing() as connection:
            return SQLiteRows(connection).delete(record_id)

    def delete_all(self, scope: Scope) -> list[str]:
        """See `Store`. An empty scope covers everything: the caller guards that."""
        with self._writing() as connection:
            return SQLiteRows(connection).delete_all(scope)

    def history(self, record_id: str) -> list[Event]:
        with self._reading() as connection:
            return SQLiteRows(connection).events(record_id)

    def search_text(self, query: str, scope: Scope, limit: int) -> list[tuple[str, float]]:
        """See `Store`. Pieces of words are looked up too in scripts without spaces."""
        with self._reading() as connection:
            return words.search(connection, query, scope, limit)

    def count(self, scope: Scope = Scope()) -> int:
        where, values = rows.live(scope)
        with self._reading() as connection:
            sql = f"SELECT count(*) FROM records WHERE {where}"
            return int(connection.execute(sql, values).fetchone()[0])

    def sequence(self) -> int:
        with self._reading() as connection:
            return SQLiteRows(connection).sequence()

    def changed(self, since: int) -> builtins.list[str] | None:
        with self._snapshot() as connection:
            return SQLiteRows(connection).changed(since)

    def living(self, ids: Sequence[str]) -> builtins.list[Record]:
        where, values = rows.live(Scope())
        found = []
        with self._reading() as connection:
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rest = f"WHERE {where} AND id IN ({marks})"
                found += SQLiteRows(connection).select(rest, [*values, *some])
        return found

    def parsed(
        self, scope: Scope, rules: str
    ) -> tuple[builtins.list[Parsed], builtins.list[Record]]:
        with self._snapshot() as connection:
            return SQLiteRows(connection).parsed(scope, rules)

    def keep_parsed(self, rules: str, found: Sequence[Parsed]) -> None:
        with self._writing() as connection:
            SQLiteRows(connection).keep_parsed(rules, found)

    def entities(self) -> builtins.list[Entity]:
        with self._reading() as connection:
            return documents.entities(connection)

    def entries(
        self, scope: Scope = Scope(), after: int = 0, limit: int = 1_000
    ) -> builtins.list[Entry]:
        with self._snapshot() as connection:
            return SQLiteRows(connection).entries(scope, after, limit)

    def restore(self, entries: Sequence[Entry], dry_run: bool = False) -> builtins.list[Outcome]:
        whole = [checked(entry) for entry in entries]
        with self._snapshot() if dry_run else self._writing() as connection:
            return [restore(SQLiteRows(connection), entry, dry_run) for entry in whole]

    def put_document(
        self, kind: str, id: str, body: dict[str, Any], keep: int | None = None
    ) -> Document:
        with self._writing() as connection:
            document = documents.put(connection, kind, id, body)
            if keep is not None:
                documents.keep_newest(connection, kind, keep)
            return document

    def document(self, kind: str, id: str) -> Document | None:
        with self._reading() as connection:
            found = documents.select(connection, "WHERE kind = ? AND id = ?", (kind, id))
            return found[0] if found else None

    def documents(
        self, kind: str, limit: int | None = None, offset: int = 0
    ) -> builtins.list[Document]:
        most = -1 if limit is None else max(limit, 0)
        rest = "WHERE kind = ? ORDER BY number DESC LIMIT ? OFFSET ?"
        with self._reading() as connection:
            return documents.select(connection, rest, (kind, most, max(offset, 0)))

    def count_documents(self, kind: str) -> int:
        with self._reading() as connection:
            sql = "SELECT count(*) FROM documents WHERE kind = ?"
            return int(connection.execute(sql, (kind,)).fetchone()[0])

    def delete_document(self, kind: str, id: str) -> bool:
        with self._writing() as connection:
            return documents.delete(connection, kind, [id]) > 0

    def delete_documents(self, kind: str, ids: Sequence[str] | None = None) -> int:
        with self._writing() as connection:
            return documents.delete(connection, kind, ids)

    def reset(self) -> None:
        """See `Store`. The sequence goes on by one, so that every home sees that it lags."""
        with self._writing() as connection:
            guards = connection.execute(_GUARDS).fetchall()
            after = SQLiteRows(connection).sequence() + 1
            for name, _ in guards:
                connection.execute(f'DROP TRIGGER "{name}"')
            connection.execute("DELETE FROM records")
            connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
            connection.execute("DELETE FROM history")
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'history'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('history', ?)", (after,))
            for _, sql in guards:
                connection.execute(sql)
            self._wiped = True

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection:
                connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            if self._connection is None:
                raise StoreError(
                    "the store is closed", got=self.location, next_step="open it again"
                )
            yield self._connection

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several statements that see the same store."""
        with self._reading() as connection:
            if connection.in_transaction:  # together with others
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on disk afterwards, or none of it."""
        with self._reading() as connection:
            if self._writes:
                with self._within(connection):
                    yield connection
                return
            if self._file is not None:
                check_same(self.location, self._file)
            connection.execute("BEGIN IMMEDIATE")
            self._writes, self._wiped = True, False
            try:
                yield connection
                connection.execute("COMMIT")
                if self._wiped:  # the log still holds what was dropped
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._writes = False

    @contextlib.contextmanager
    def _within(self, connection: sqlite3.Connection) -> Iterator[None]:
        """A part of a transaction, which can fail alone."""
        if not connection.in_transaction:  # SQLite undid all of it, for want of space, say
            raise StoreError("what was written before was undone", next_step="try again")
        connection.execute("SAVEPOINT part")
        try:
            yield
            connection.execute("RELEASE part")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK TO part")
                connection.execute("RELEASE part")
            raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._fault(error) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise InvalidInput("a value cannot be stored", got=str(error)) from error

    def _fault(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusy(
                "another process is writing to the store",
                expected=f"{self.location} free within {self._busy_timeout:g} seconds",
                got=str(error),
                next_step="try again, or raise busy_timeout",
            )
        what, next_step = _FAULTS.get(code, ("the store failed", "check the file and try again"))
        return StoreError(
            what,
            expected=f"a writable store at {self.location}",
            got=str(error),
            next_step=next_step,
        )

    def list(
        self,
        scope: Scope = Scope(),
        limit: int | None = None,
        offset: int = 0,
        newest: bool = False,
        expired: bool = False,
    ) -> list[Record]:
        where, values = rows.live(scope, expired)
        most = -1 if limit is None else max(limit, 0)
        order = "created_at DESC, number DESC" if newest else "created_at, number"
        rest = f"WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        with self._reading() as connection:
            return SQLiteRows(connection).select(rest, [*values, most, max(offset, 0)])


def _enter_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Switching takes a lock that SQLite does not wait for when two processes open a new file."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
