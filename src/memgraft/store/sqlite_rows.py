"""Records and events as rows of SQLite: every statement that reads or changes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.store import rows
from memgraft.store.base import Entry, Parsed

_EVENT = ", ".join(rows.EVENT_NAMES)
_INSERT = (
    f"INSERT INTO records ({rows.COLUMNS}, content_hash) "
    f"VALUES ({', '.join('?' * (len(rows.NAMES) + 1))})"
)
_OVERWRITE = (
    f"UPDATE records SET {', '.join(f'{name} = ?' for name in rows.NAMES)}, content_hash = ? "
    "WHERE id = ?"
)


class SQLiteRows(rows.Rows):
    """See `Rows`; the caller opens and ends the transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, record_id: str) -> Record | None:
        found = self.select("WHERE id = ?", (record_id,))
        return found[0] if found else None

    def twin(self, record: Record) -> Record | None:
        found = self.select(f"WHERE {rows.TWIN}", rows.twin_values(record))
        return found[0] if found else None

    def within(self, scope: Scope) -> list[Record]:
        condition, values = rows.where(scope)
        return self.select(f"WHERE {condition} ORDER BY number", values)

    def put(self, record: Record) -> None:
        self._connection.execute(_INSERT, rows.encoded(record))

    def overwrite(self, record: Record) -> None:
        self._connection.execute(_OVERWRITE, [*rows.encoded(record), record.id])

    def drop(self, record_id: str) -> None:
        self._connection.execute("DELETE FROM records WHERE id = ?", (record_id,))

    def put_event(self, event: Event) -> None:
        self._connection.execute(
            f"INSERT INTO history ({_EVENT}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows.event_values(event),
        )

    def events(self, record_id: str) -> list[Event]:
        return self.select_events("WHERE memory_id = ?", (record_id,))

    def select(self, rest: str, values: Sequence[Any]) -> list[Record]:
        """The records that `rest`, from WHERE on, asks for."""
        found = self._connection.execute(f"SELECT {rows.COLUMNS} FROM records {rest}", values)
        return [rows.decoded(row) for row in found]

    def parsed(self, scope: Scope, rules: str) -> tuple[list[Parsed], list[Record]]:
        """See `Store.parsed`."""
        kept = "EXISTS (SELECT 1 FROM parsed AS p WHERE p.id = records.id AND p.rules = ?)"
        missing = self.select(
            f"WHERE {rows.EXACTLY} AND NOT {kept} ORDER BY created_at, number",
            [*rows.exactly(scope), rules],
        )
        found = self._connection.execute(
            "SELECT p.id, p.version, p.attribute, p.wording "
            "FROM records JOIN parsed AS p ON p.id = records.id AND p.rules = ? "
            f"WHERE {rows.EXACTLY} ORDER BY created_at, number",
            [rules, *rows.exactly(scope)],
        )
        return [Parsed(*row) for row in found], missing

    def keep_parsed(self, rules: str, found: Sequence[Parsed]) -> None:
        """See `Store.keep_parsed`."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO parsed (id, version, rules, attribute, wording) "
            "SELECT id, version, ?, ?, ? FROM records WHERE id = ? AND version = ?",
            [(rules, one.attribute, one.wording, one.id, one.version) for one in found],
        )

    def select_events(self, rest: str, values: Sequence[Any]) -> list[Event]:
        """The lines of history that `rest`, from WHERE on, asks for, oldest first."""
        sql = f"SELECT {_EVENT} FROM history {rest} ORDER BY sequence"
        return [rows.event_of(row) for row in self._connection.execute(sql, values)]

    def entries(self, scope: Scope, after: int, limit: int) -> list[Entry]:
        """See `Store.entries`."""
        condition, values = rows.where(scope)
        chosen = f"FROM records WHERE number > ? AND {condition} ORDER BY number LIMIT ?"
        bounds = [after, *values, max(limit, 0)]
        numbers = dict(self._connection.execute(f"SELECT id, number {chosen}", bounds))
        wanted = f"WHERE {{}} IN (SELECT id {chosen})"
        return rows.as_entries(
            self.select(wanted.format("id") + " ORDER BY number", bounds),
            self.select_events(wanted.format("memory_id"), bounds),
            numbers,
        )

    def sequence(self) -> int:
        """The last number that was given to an event, whether or not it is still there."""
        sql = "SELECT seq FROM sqlite_sequence WHERE name = 'history'"
        row = self._connection.execute(sql).fetchone()
        return int(row[0]) if row else 0

    def changed(self, since: int) -> list[str] | None:
        """Ids of records with events after `since`; None if some of those events are gone."""
        last = self.sequence()
        sql = "SELECT memory_id FROM history WHERE sequence > ? ORDER BY sequence"
        ids = [row[0] for row in self._connection.execute(sql, (since,))]
        return rows.told(ids, since, last)
