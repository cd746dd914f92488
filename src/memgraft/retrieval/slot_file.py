"""The vectors of a home in one SQLite file: a cache of what the store says, kept between starts."""

from __future__ import annotations

import contextlib
import sqlite3
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
    last_used REAL NOT NULL, uses INTEGER NOT NULL, strength REAL NOT NULL, asleep_for TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS graphs (tenant TEXT PRIMARY KEY, graph BLOB NOT NULL);
"""
_COLUMNS = "id, version, vector, context, last_used, uses, strength, asleep_for"


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


class SlotFile:
    """Rows by record id. A damaged file is moved away and begun anew: the store has all it held.

    What is deleted is overwritten on disk. A write may be lost in a power cut, not torn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError:
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise FolderError(
                f"cannot open {self.path}",
                expected="a file that this user may write to",
                got=str(error),
                next_step="change its permissions, or free disk space",
            ) from error
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_SCHEMA)
            connection.execute(f"SELECT {_COLUMNS} FROM slots LIMIT 1").fetchall()
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
                f"INSERT OR REPLACE INTO slots ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
            )

    def remove(self, ids: Iterable[str]) -> None:
        with self._transaction():
            self._connection.executemany("DELETE FROM slots WHERE id = ?", [(i,) for i in ids])

    def graphs(self) -> dict[str, bytes]:
        """The association graph of each tenant, as it was given."""
        return dict(self._connection.execute("SELECT tenant, graph FROM graphs"))

    def put_graphs(self, graphs: Mapping[str, bytes]) -> None:
        with self._transaction():
            self._connection.execute("DELETE FROM graphs")
            self._connection.executemany("INSERT INTO graphs VALUES (?, ?)", graphs.items())

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise FolderError(
                f"cannot write to {self.path}",
                expected="a file that this user may write to, on a disk with space",
                got=str(error),
                next_step="free disk space or change its permissions; nothing was changed",
            ) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _context(row: SlotRow) -> bytes:
    """Nothing where it is the vector itself, as of all that stands in no episode."""
    return b"" if np.array_equal(row.vector, row.context) else row.context.tobytes()


def _use(row: SlotRow) -> tuple[Any, ...]:
    return row.last_used, row.uses, row.strength, row.asleep_for
