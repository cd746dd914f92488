"""Documents and entities in SQLite: what a service keeps beside the records, and whose they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, get_args

from memgraft.core.records import now
from memgraft.core.scope import Scope
from memgraft.store import rows
from memgraft.store.base import Document, Entity, EntityKind

_PUT = (
    "INSERT INTO documents (kind, id, body, created_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"
)


def put(connection: sqlite3.Connection, kind: str, id: str, body: dict[str, Any]) -> Document:
    connection.execute(_PUT, (kind, id, packed(body), now()))
    found = select(connection, "WHERE kind = ? AND id = ?", (kind, id))
    return found[0]


def keep_newest(connection: sqlite3.Connection, kind: str, count: int) -> None:
    """Delete the documents of a kind but for the last so many."""
    first = "SELECT number FROM documents WHERE kind = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
    sql = f"DELETE FROM documents WHERE kind = ? AND number <= ({first})"
    connection.execute(sql, (kind, kind, max(count, 0)))


def delete(connection: sqlite3.Connection, kind: str, ids: Sequence[str] | None) -> int:
    """See `Store.delete_documents`."""
    if ids is None:
        return connection.execute("DELETE FROM documents WHERE kind = ?", (kind,)).rowcount
    sql = "DELETE FROM documents WHERE kind = ? AND id = ?"
    return connection.executemany(sql, [(kind, one) for one in ids]).rowcount if ids else 0


def select(connection: sqlite3.Connection, rest: str, values: Sequence[Any]) -> list[Document]:
    """The documents that `rest`, from WHERE on, asks for."""
    found = connection.execute(f"SELECT kind, id, body, created_at FROM documents {rest}", values)
    return [Document(kind, id, json.loads(body), at) for kind, id, body, at in found]


def packed(body: dict[str, Any]) -> str:
    """A body as JSON text, or `InvalidInput`."""
    return json.dumps(rows.plain(body), ensure_ascii=False, allow_nan=False)


def entities(connection: sqlite3.Connection) -> list[Entity]:
    """See `Store.entities`."""
    alive, values = rows.live(Scope())
    found = []
    for kind in get_args(EntityKind):
        sql = (
            f"SELECT {kind}_id, count(*), min(created_at), max(updated_at) FROM records "
            f"WHERE {alive} AND {kind}_id IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        found += [Entity(kind, *row) for row in connection.execute(sql, values)]
    return found
