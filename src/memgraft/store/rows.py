"""Records and events as rows: every statement that reads or changes them, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from memgraft.core.errors import Conflict, InvalidInput, NotFound
from memgraft.core.records import Event, EventName, Record, clean_text, content_hash, now
from memgraft.core.scope import Scope

UPDATABLE = ("text", "metadata", "categories", "expires_at", "event_time")

_COLUMNS = (
    "id, text, user_id, agent_id, app_id, run_id, metadata, categories, created_at, updated_at, "
    "expires_at, event_time, version, supersedes, superseded_by, source"
)
_NAMES = _COLUMNS.split(", ")
_EVENT = (
    "sequence, memory_id, event, old_text, new_text, at, user_id, agent_id, app_id, run_id, reason"
)
_INSERT = (
    f"INSERT INTO records ({_COLUMNS}, content_hash) VALUES ({', '.join('?' * (len(_NAMES) + 1))})"
)
_OVERWRITE = (
    f"UPDATE records SET {', '.join(f'{name} = ?' for name in _NAMES)}, content_hash = ? "
    "WHERE id = ?"
)
_TWIN = (
    "WHERE coalesce(user_id, '') = ? AND coalesce(agent_id, '') = ? AND coalesce(app_id, '') = ? "
    "AND coalesce(run_id, '') = ? AND content_hash = ? AND superseded_by IS NULL"
)


def where(scope: Scope) -> tuple[str, list[Any]]:
    """A condition on `records` for what the scope covers, and its values."""
    given = scope.given()
    return " AND ".join(["1", *(f"{name} = ?" for name in given)]), list(given.values())


def live(scope: Scope) -> tuple[str, list[Any]]:
    """The same for live records only."""
    condition, values = where(scope)
    alive = "superseded_by IS NULL AND (expires_at IS NULL OR expires_at >= ?)"
    return f"{alive} AND {condition}", [now(), *values]


def is_live(record: Record) -> bool:
    return not record.superseded_by and (record.expires_at is None or record.expires_at >= now())


def select(connection: sqlite3.Connection, rest: str, values: Sequence[Any]) -> list[Record]:
    """The records that `rest`, from WHERE on, asks for."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM records {rest}", values)
    return [_decoded(row) for row in rows]


def fetch(connection: sqlite3.Connection, record_id: str) -> Record:
    """One record, or `NotFound`."""
    found = select(connection, "WHERE id = ?", (record_id,))
    if not found:
        raise NotFound(
            "there is no such memory",
            expected="the id of a memory in this store",
            got=repr(record_id),
            next_step="list the memories to see their ids",
        )
    return found[0]


def twin(connection: sqlite3.Connection, record: Record) -> Record | None:
    """The record of same scope and content that is not superseded; it may be expired."""
    values = [value or "" for value in _scope_values(record.scope)]
    found = select(connection, _TWIN, [*values, content_hash(record.text)])
    return found[0] if found else None


def insert(connection: sqlite3.Connection, record: Record) -> Record:
    """A new row and its ADD event. A used id is a `Conflict`."""
    if connection.execute("SELECT 1 FROM records WHERE id = ?", (record.id,)).fetchone():
        raise Conflict("this id is in use", expected="a new id", got=record.id)
    connection.execute(_INSERT, _encoded(record))
    log(connection, "ADD", record, None, record.text, None)
    return record


def overwrite(connection: sqlite3.Connection, record: Record) -> None:
    """The row of this id becomes `record`; the caller logs it."""
    connection.execute(_OVERWRITE, [*_encoded(record), record.id])


def retire(connection: sqlite3.Connection, old: Record, new: Record) -> None:
    """`old` is superseded by `new`, which the caller inserts."""
    overwrite(connection, old.changed(superseded_by=new.id))
    log(connection, "UPDATE", old, old.text, new.text, f"superseded by {new.id}")


def make_room(connection: sqlite3.Connection, record: Record) -> None:
    """A live record with this content is a `Conflict`; an expired one is superseded."""
    other = twin(connection, record)
    if other is None or other.id == record.id:
        return
    if is_live(other):
        raise Conflict(
            "another memory says the same",
            expected="a text that this scope does not have yet",
            got=f"the text of {other.id}",
            next_step="delete one of the two",
        )
    retire(connection, other, record)


def remove(connection: sqlite3.Connection, record: Record, reason: str | None) -> None:
    """Delete the row; its history stays and gets a DELETE event."""
    connection.execute("DELETE FROM records WHERE id = ?", (record.id,))
    log(connection, "DELETE", record, record.text, None, reason)


def log(
    connection: sqlite3.Connection,
    event: EventName,
    record: Record,
    old_text: str | None,
    new_text: str | None,
    reason: str | None,
) -> None:
    """One line of history."""
    connection.execute(
        f"INSERT INTO history ({_EVENT}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (record.id, event, old_text, new_text, now(), *_scope_values(record.scope), reason),
    )


def events(connection: sqlite3.Connection, record_id: str) -> list[Event]:
    """The history of one record, oldest first."""
    sql = f"SELECT {_EVENT} FROM history WHERE memory_id = ? ORDER BY sequence"
    rows = connection.execute(sql, (record_id,)).fetchall()
    return [replace(Event(*row[:6]), scope=Scope(*row[6:10]), reason=row[10]) for row in rows]


def sequence(connection: sqlite3.Connection) -> int:
    """The last number that was given to an event, whether or not it is still there."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'history'").fetchone()
    return int(row[0]) if row else 0


def changed(connection: sqlite3.Connection, since: int) -> list[str] | None:
    """Ids of records with events after `since`; None if some of those events are gone."""
    last = sequence(connection)
    sql = "SELECT memory_id FROM history WHERE sequence > ? ORDER BY sequence"
    ids = [row[0] for row in connection.execute(sql, (since,))]
    # Numbers are given without gaps, but for those that a reset takes with it.
    return list(dict.fromkeys(ids)) if len(ids) == last - since else None


def check_fields(fields: dict[str, Any]) -> None:
    """Only what `update` may change."""
    unknown = sorted(set(fields) - set(UPDATABLE))
    if unknown:
        raise InvalidInput(
            "these fields cannot be updated", expected=", ".join(UPDATABLE), got=", ".join(unknown)
        )


def normalised(record: Record) -> Record:
    """The record as it will be read back, or `InvalidInput`."""
    for name, value in record.scope.given().items():
        _check_type(name, value, str)
        if not value:
            raise InvalidInput(f"{name} is empty", expected="text, or None", got=repr(value))
    _check_type("metadata", record.metadata, dict)
    _check_type("categories", record.categories, (list, tuple))
    _check_type("event_time", record.event_time, (str, type(None)))
    created = record.created_at or now()
    return replace(
        record,
        text=clean_text(record.text),
        metadata=json.loads(_json(record.metadata)),
        categories=tuple(json.loads(_json(list(record.categories)))),
        created_at=_utc(created),
        updated_at=_utc(record.updated_at or created),
        expires_at=_utc(record.expires_at) if record.expires_at else None,
    )


def _check_type(name: str, value: Any, kind: type | tuple[type, ...]) -> None:
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join("None" if k is type(None) else k.__name__ for k in kinds)
        raise InvalidInput(f"{name} cannot be used", expected=names, got=repr(value)[:80])


def _scope_values(scope: Scope) -> tuple[str | None, ...]:
    return scope.user_id, scope.agent_id, scope.app_id, scope.run_id


def _encoded(record: Record) -> list[Any]:
    texts = {"metadata": _json(record.metadata), "categories": _json(list(record.categories))}
    scope = dict(zip(_NAMES[2:6], _scope_values(record.scope), strict=True))
    values = {**vars(record), **texts, **scope}
    return [*(values[name] for name in _NAMES), content_hash(record.text)]


def _decoded(row: Sequence[Any]) -> Record:
    values = dict(zip(_NAMES, row, strict=True))
    scope = Scope(*(values.pop(name) for name in _NAMES[2:6]))
    values["metadata"] = json.loads(values["metadata"])
    values["categories"] = tuple(json.loads(values["categories"]))
    return Record(scope=scope, **values)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "metadata and categories must be plain JSON values",
            expected="text, numbers, booleans, None, lists and dictionaries",
            got=str(error),
        ) from error


def _utc(moment: str) -> str:
    """ISO 8601 in any offset, as `now` writes it, so that text sorts by time."""
    try:
        parsed = datetime.fromisoformat(moment)
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            "this is no time", expected="ISO 8601, such as 2026-01-31T18:00:00Z", got=repr(moment)
        ) from error
