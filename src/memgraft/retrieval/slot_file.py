"""The vectors of a home in one SQLite file: a cache of what the store says, kept between starts."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memgraft.core.errors import FolderError
from memgraft.text.encoder import Vectors

_SCHEMA = """
CREATE TABLE IF NOT EXISTS slots (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, vector BLOB NOT NULL, context BLOB NOT NULL,
    last_used REAL NOT NULL, uses INTEGER NOT NULL, strength REAL NOT NULL, asleep_for TEXT,
    window TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS graphs (tenant TEXT PRIMARY KEY, graph BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS forgotten (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS = "id, version, vector, context, last_used, uses, strength, asleep_for, window"
_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))
# What SQLite says of a file that is none of its own, or damaged; not of one that is busy.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PATIENCE = 30.0


@dataclass(frozen=True)
class SlotRow:
    """What is kept of one record. Shapes: `vector` and `context` (d,)."""

    id: str
    version: int
    vector: Vectors
    context: Vectors
    last_used: float
    uses: int
    strength: float
    asleep_for: str | None = None
    # What was encoded with it: names the traces before it in the episode, and their versions.
    window: str = ""


class SlotFile:
    """Rows by record id. A damaged file is moved away and begun anew: the store has all it held.

    What is deleted is overwritten on disk. A write may be lost in a power cut, not torn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise self._fault(error) from error
            self.begin_anew()

    def begin_anew(self) -> None:
        """Drop a damaged file."""
        with contextlib.suppress(AttributeError):
            self._connection.close()
        for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
            self.path.with_name(name).unlink(missing_ok=True)
        self._connection = self._opened()

    def _fault(self, error: sqlite3.Error) -> FolderError:
        return FolderError(
            f"cannot use {self.path}",
            expected="a file that this user may write to, on a disk with space, and not locked",
            got=str(error),
            next_step="close what uses it, free disk space or change its permissions; "
            "nothing was changed",
        )

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise self._fault(error) from error
        try:
            _enter_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_SCHEMA)
            held = {row[1] for row in connection.execute("PRAGMA table_info(slots)")}
            if not held.issuperset(_COLUMNS.split(", ")):
                # Of an earlier version: a cache that is filled again.
                connection.executescript(f"DROP TABLE slots; {_SCHEMA}")
        except BaseException:
            connection.close()
            raise
        return connection

    def rows(self) -> Iterator[SlotRow]:
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM slots"):
            vector = np.frombuffer(row[2], np.float32)
            context = np.frombuffer(row[3], np.float32) if row[3] else vector
            yield SlotRow(row[0], row[1], vector, context, *row[4:])

    def put(self, rows: Iterable[SlotRow]) -> None:
        """Write rows, all of them or none."""
        values = [(r.id, r.version, r.vector.tobytes(), _context(r), *_use(r)) for r in rows]
        with self._transaction():
            self._connection.executemany(
                f"INSERT OR REPLACE INTO slots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def remove(self, ids: Iterable[str]) -> None:
        with self._transaction():
            self._connection.executemany("DELETE FROM slots WHERE id = ?", [(i,) for i in ids])

    def graphs(self) -> dict[str, bytes]:
        """The association graph of each tenant, as it was given."""
        return dict(self._connection.execute("SELECT tenant, graph FROM graphs"))

    def put_graphs(self, graphs: Mapping[str, bytes], without: Iterable[str] = ()) -> None:
        """Replace the graphs of these tenants, and drop those of others that are gone."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO graphs VALUES (?, ?)", graphs.items()
            )
            self._connection.executemany(
                "DELETE FROM graphs WHERE tenant = ?", [(tenant,) for tenant in without]
            )

    def forgotten(self) -> list[str]:
        """Ids that a graph may still hold, though they are forgotten."""
        return [row[0] for row in self._connection.execute("SELECT id FROM forgotten")]

    def note_forgotten(self, record_id: str) -> None:
        """Cheaper than writing the graph at once without it."""
        with self._transaction():
            self._connection.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (record_id,))

    def clear_forgotten(self, ids: Iterable[str]) -> None:
        """The graphs were written without these."""
        with self._transaction():
            self._connection.executemany("DELETE FROM forgotten WHERE id = ?", [(i,) for i in ids])

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._fault(error) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _context(row: SlotRow) -> bytes:
    """Nothing where it is the vector itself, as of all that stands in no episode."""
    return b"" if np.array_equal(row.vector, row.context) else row.context.tobytes()


def _use(row: SlotRow) -> tuple[Any, ...]:
    return row.last_used, row.uses, row.strength, row.asleep_for, row.window


def damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether it is the file that is at fault, not the moment."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switching takes a lock that SQLite does not wait for when two processes open a new file."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
