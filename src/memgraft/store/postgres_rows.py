"""Records and events as rows of PostgreSQL: every statement that reads or changes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, get_args

from memgraft.core.records import Event, Record, now
from memgraft.core.scope import Scope
from memgraft.store import rows
from memgraft.store.base import Document, Entity, EntityKind, Entry, Parsed
from memgraft.store.documents import packed
from memgraft.store.postgres_words import lexemes

if TYPE_CHECKING:
    from psycopg import Connection

_EVENT = ", ".join(rows.EVENT_NAMES)
_COLUMNS = (*rows.NAMES, "content_hash", "words", "length")
_MARKS = ", ".join(["?"] * (len(_COLUMNS) - 2) + ["array_to_tsvector(?::text[])", "?"])
_INSERT = f"INSERT INTO memgraft.records (tenant, {', '.join(_COLUMNS)}) VALUES (?, {_MARKS})"
_OVERWRITE = (
    f"UPDATE memgraft.records SET ({', '.join(_COLUMNS)}) = ROW({_MARKS}) "
    "WHERE tenant = ? AND id = ?"
)
_PUT = (
    "INSERT INTO memgraft.documents (tenant, kind, id, body, created_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, kind, id) DO UPDATE SET body = excluded.body"
)


class PostgresRows(rows.Rows):
    """One transaction as one tenant; see `Rows`.

    Every statement names the tenant; row-level security would hide the rows of others anyway.

    Args:
        connection: inside a transaction.
        tenant: as the database knows it.
        sequence: the last number that was given to an event, where this transaction may write.
    """

    def __init__(self, connection: Connection[Any], tenant: str, sequence: int = 0) -> None:
        self.connection = connection
        self.tenant = tenant
        self.last = sequence

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a statement gives; `?` stands for each of the values."""
        cursor = self.connection.execute(sql.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    # -- records ---------------------------------------------------------------------------

    def find(self, record_id: str) -> Record | None:
        if "\0" in record_id:  # PostgreSQL has no such text
            return None
        found = self.select("id = ?", (record_id,))
        return found[0] if found else None

    def twin(self, record: Record) -> Record | None:
        found = self.select(rows.TWIN, rows.twin_values(record))
        return found[0] if found else None

    def within(self, scope: Scope) -> list[Record]:
        condition, values = rows.where(scope)
        return self.select(condition, values, "ORDER BY number")

    def put(self, record: Record) -> None:
        self.run(_INSERT, [self.tenant, *_encoded(record)])

    def overwrite(self, record: Record) -> None:
        self.run(_OVERWRITE, [*_encoded(record), self.tenant, record.id])

    def drop(self, record_id: str) -> None:
        self.run("DELETE FROM memgraft.records WHERE tenant = ? AND id = ?", self._key(record_id))

    def together(self) -> AbstractContextManager[Any]:
        return self.connection.pipeline()

    def select(self, condition: str, values: Sequence[Any], rest: str = "") -> list[Record]:
        """The records that a condition holds for; the values of `rest` come last."""
        sql = f"SELECT {rows.COLUMNS} FROM memgraft.records WHERE tenant = ? AND {condition} {rest}"
        return [rows.decoded(row) for row in self.run(sql, [self.tenant, *values])]

    def parsed(self, scope: Scope, rules: str) -> tuple[list[Parsed], list[Record]]:
        """See `Store.parsed`."""
        kept = (
            "EXISTS (SELECT 1 FROM memgraft.parsed AS p WHERE p.tenant = records.tenant "
            "AND p.id = records.id AND p.rules = ?)"
        )
        missing = self.select(
            f"{rows.EXACTLY} AND NOT {kept}",
            [*rows.exactly(scope), rules],
            "ORDER BY created_at, number",
        )
        found = self.run(
            "SELECT p.id, p.version, p.attribute, p.wording FROM memgraft.records AS r "
            "JOIN memgraft.parsed AS p ON p.tenant = r.tenant AND p.id = r.id AND p.rules = ? "
            f"WHERE r.tenant = ? AND {rows.EXACTLY} ORDER BY created_at, number",
            [rules, self.tenant, *rows.exactly(scope)],
        )
        return [Parsed(*row) for row in found], missing

    def keep_parsed(self, rules: str, found: Sequence[Parsed]) -> None:
        """See `Store.keep_parsed`."""
        last = {one.id: one for one in found}.values()  # a statement writes no row twice
        fields = zip(*((p.id, p.version, p.attribute, p.wording) for p in last), strict=True)
        columns = [list(column) for column in fields] or [[], [], [], []]
        self.run(
            "INSERT INTO memgraft.parsed (tenant, id, version, rules, attribute, wording) "
            "SELECT r.tenant, r.id, r.version, ?, f.attribute, f.wording "
            "FROM unnest(?::text[], ?::integer[], ?::text[], ?::text[]) "
            "AS f (id, version, attribute, wording) "
            "JOIN memgraft.records AS r ON r.tenant = ? AND r.id = f.id AND r.version = f.version "
            "ON CONFLICT (tenant, id) DO UPDATE SET (version, rules, attribute, wording) = "
            "ROW(excluded.version, excluded.rules, excluded.attribute, excluded.wording)",
            [rules, *columns, self.tenant],
        )

    def count(self, scope: Scope) -> int:
        condition, values = rows.live(scope)
        sql = f"SELECT count(*) FROM memgraft.records WHERE tenant = ? AND {condition}"
        return int(self.run(sql, [self.tenant, *values])[0][0])

    def entities(self) -> list[Entity]:
        """See `Store.entities`."""
        alive, values = rows.live(Scope())
        found = []
        for kind in get_args(EntityKind):
            sql = (
                f"SELECT {kind}_id, count(*), min(created_at), max(updated_at) "
                f"FROM memgraft.records WHERE tenant = ? AND {alive} AND {kind}_id IS NOT NULL "
                "GROUP BY 1 ORDER BY 1"
            )
            found += [Entity(kind, *row) for row in self.run(sql, [self.tenant, *values])]
        return found

    # -- history ---------------------------------------------------------------------------

    def put_event(self, event: Event) -> None:
        self.last += 1
        self.run(
            f"INSERT INTO memgraft.history (tenant, {_EVENT}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [self.tenant, self.last, *rows.event_values(event)],
        )

    def events(self, record_id: str) -> list[Event]:
        return [] if "\0" in record_id else self.select_events("memory_id = ?", (record_id,))

    def select_events(self, condition: str, values: Sequence[Any]) -> list[Event]:
        """The lines of history that a condition holds for, oldest first."""
        sql = f"SELECT {_EVENT} FROM memgraft.history WHERE tenant = ? AND {condition}"
        found = self.run(f"{sql} ORDER BY sequence", [self.tenant, *values])
        return [rows.event_of(row) for row in found]

    def entries(self, scope: Scope, after: int, limit: int) -> list[Entry]:
        """See `Store.entries`."""
        condition, values = rows.where(scope)
        bounds = [after, *values, max(limit, 0)]
        chosen = self.run(
            "SELECT id, number FROM memgraft.records "
            f"WHERE tenant = ? AND number > ? AND {condition} ORDER BY number LIMIT ?",
            [self.tenant, *bounds],
        )
        ids = [record_id for record_id, _ in chosen]
        return rows.as_entries(
            self.select("id = ANY(?)", [ids], "ORDER BY number"),
            self.select_events("memory_id = ANY(?)", [ids]),
            dict(chosen),
        )

    def sequence(self) -> int:
        """The last number that was given to an event, whether or not it is still there."""
        sql = "SELECT sequence FROM memgraft.tenants WHERE tenant = ?"
        found = self.run(sql, [self.tenant])
        return int(found[0][0]) if found else 0

    def introduce(self) -> None:
        """The row whose lock serialises the writers of a tenant, and that counts its events."""
        self.run(
            "INSERT INTO memgraft.tenants (tenant, sequence) "
            "SELECT ?, coalesce(max(sequence), 0) FROM memgraft.history WHERE tenant = ? "
            "ON CONFLICT DO NOTHING",
            [self.tenant, self.tenant],
        )

    def changed(self, since: int) -> list[str] | None:
        """Ids of records with events after `since`; None if some of those events are gone."""
        sql = (
            "SELECT memory_id FROM memgraft.history WHERE tenant = ? AND sequence > ? "
            "ORDER BY sequence"
        )
        ids = [row[0] for row in self.run(sql, [self.tenant, since])]
        return rows.told(ids, since, self.sequence())

    def reset(self) -> None:
        """Drop records and history; the sequence goes on, so that every home sees that it lags."""
        self.run("DELETE FROM memgraft.records WHERE tenant = ?", [self.tenant])
        self.run("SELECT set_config('memgraft.reset', ?, true)", [self.tenant])
        self.run("DELETE FROM memgraft.history WHERE tenant = ?", [self.tenant])
        self.run("SELECT set_config('memgraft.reset', '', true)")
        self.last += 1

    # -- documents -------------------------------------------------------------------------

    def put_document(self, kind: str, id: str, body: dict[str, Any], keep: int | None) -> Document:
        """See `Store.put_document`."""
        self.run(_PUT, [self.tenant, kind, id, packed(body), now()])
        [document] = self.documents("kind = ? AND id = ?", [kind, id])
        if keep is not None:
            first = (
                "SELECT number FROM memgraft.documents WHERE tenant = ? AND kind = ? "
                "ORDER BY number DESC LIMIT 1 OFFSET ?"
            )
            sql = (
                "DELETE FROM memgraft.documents "
                f"WHERE tenant = ? AND kind = ? AND number <= ({first})"
            )
            self.run(sql, [self.tenant, kind, self.tenant, kind, max(keep, 0)])
        return document

    def documents(self, condition: str, values: Sequence[Any]) -> list[Document]:
        """The documents that a condition holds for."""
        sql = "SELECT kind, id, body, created_at FROM memgraft.documents WHERE tenant = ? AND "
        found = self.run(sql + condition, [self.tenant, *values])
        return [Document(kind, id, json.loads(body), at) for kind, id, body, at in found]

    def count_documents(self, kind: str) -> int:
        sql = "SELECT count(*) FROM memgraft.documents WHERE tenant = ? AND kind = ?"
        return int(self.run(sql, [self.tenant, kind])[0][0])

    def delete_document(self, kind: str, id: str) -> bool:
        """True if there was one."""
        return bool(self.delete_documents(kind, [id]))

    def delete_documents(self, kind: str, ids: Sequence[str] | None) -> int:
        """See `Store.delete_documents`."""
        sql = "DELETE FROM memgraft.documents WHERE tenant = ? AND kind = ?"
        values: list[Any] = [self.tenant, kind]
        if ids is not None:
            sql, values = sql + " AND id = ANY(?)", [*values, list(ids)]
        return self.connection.execute(sql.replace("?", "%s"), values).rowcount

    def _key(self, record_id: str) -> list[Any]:
        return [self.tenant, record_id]


def _encoded(record: Record) -> list[Any]:
    terms = lexemes(record.text)
    return [*rows.encoded(record), sorted(set(terms)), len(terms)]
