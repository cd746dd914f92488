"""The schema of the SQLite store, as named steps. Append to `MIGRATIONS`; never edit a step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from memgraft.core.errors import StoreError
from memgraft.core.records import now

_RECORDS = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    user_id TEXT,
    agent_id TEXT,
    app_id TEXT,
    run_id TEXT,
    metadata TEXT NOT NULL,
    categories TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    expires_at TEXT,
    event_time TEXT,
    version INTEGER NOT NULL,
    supersedes TEXT,
    superseded_by TEXT,
    source TEXT
);
CREATE UNIQUE INDEX records_live ON records (
    coalesce(user_id, ''), coalesce(agent_id, ''), coalesce(app_id, ''), coalesce(run_id, ''),
    content_hash
) WHERE superseded_by IS NULL;
CREATE INDEX records_user ON records (user_id, created_at, number);
CREATE INDEX records_age ON records (created_at, number);
"""

_HISTORY = """
CREATE TABLE history (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    memory_id TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('ADD', 'UPDATE', 'DELETE')),
    old_text TEXT,
    new_text TEXT,
    at TEXT NOT NULL,
    user_id TEXT,
    agent_id TEXT,
    app_id TEXT,
    run_id TEXT,
    reason TEXT
);
CREATE INDEX history_memory ON history (memory_id, sequence);
CREATE TRIGGER history_keeps_lines BEFORE UPDATE ON history
BEGIN SELECT raise(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_keeps_all BEFORE DELETE ON history
BEGIN SELECT raise(ABORT, 'history is append-only'); END;
"""

# One trigger per kind of change: SQLite does not promise an order among several.
_SEARCH = """
CREATE VIEW searchable AS SELECT number, text FROM records WHERE superseded_by IS NULL;
CREATE VIRTUAL TABLE search USING fts5 (
    text, content = 'searchable', content_rowid = 'number',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER search_added AFTER INSERT ON records WHEN new.superseded_by IS NULL
BEGIN INSERT INTO search (rowid, text) VALUES (new.number, new.text); END;
CREATE TRIGGER search_deleted AFTER DELETE ON records WHEN old.superseded_by IS NULL
BEGIN INSERT INTO search (search, rowid, text) VALUES ('delete', old.number, old.text); END;
CREATE TRIGGER search_updated AFTER UPDATE OF text, superseded_by ON records
WHEN old.text IS NOT new.text OR old.superseded_by IS NOT new.superseded_by
BEGIN
    INSERT INTO search (search, rowid, text)
        SELECT 'delete', old.number, old.text WHERE old.superseded_by IS NULL;
    INSERT INTO search (rowid, text)
        SELECT new.number, new.text WHERE new.superseded_by IS NULL;
END;
"""

_DOCUMENTS = """
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX documents_kind ON documents (kind, number);
"""

_PARSED = """
CREATE TABLE parsed (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    rules TEXT NOT NULL,
    attribute TEXT NOT NULL,
    wording TEXT NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER parsed_deleted AFTER DELETE ON records
BEGIN DELETE FROM parsed WHERE id = old.id; END;
CREATE TRIGGER parsed_outdated AFTER UPDATE ON records
BEGIN DELETE FROM parsed WHERE id = old.id; END;
"""

MIGRATIONS: list[tuple[str, str]] = [
    ("0001-records", _RECORDS),
    ("0002-history", _HISTORY),
    ("0003-search", _SEARCH),
    ("0004-documents", _DOCUMENTS),
    ("0005-parsed", _PARSED),
]

_TABLE = "CREATE TABLE memgraft_migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)"


def migrate(connection: sqlite3.Connection) -> list[str]:
    """Bring a database up to date. Returns the names of the steps that were run.

    Safe when several processes open a new file at once: the write lock is taken before the
    schema is looked at again.

    Raises:
        StoreError: the file is another program's, or was written by a newer memgraft.
    """
    if _pending(connection) == []:
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        pending = _pending(connection)
        if pending is None:
            connection.execute(_TABLE)
            pending = MIGRATIONS
        for name, sql in pending:
            _apply(connection, name, sql)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return [name for name, _ in pending]


def _apply(connection: sqlite3.Connection, name: str, sql: str) -> None:
    for statement in _statements(sql):
        connection.execute(statement)
    connection.execute("INSERT INTO memgraft_migrations VALUES (?, ?)", (name, now()))


def _pending(connection: sqlite3.Connection) -> list[tuple[str, str]] | None:
    """The steps that are missing; None for an empty database."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return None
    if "memgraft_migrations" not in tables:
        raise StoreError(
            "this database belongs to another program",
            expected="a memgraft store, or a file that does not exist yet",
            got="a database with " + ", ".join(sorted(tables)[:3]),
            next_step="choose another path",
        )
    applied = {name for (name,) in connection.execute("SELECT name FROM memgraft_migrations")}
    return missing(MIGRATIONS, applied)


def missing(steps: list[tuple[str, str]], applied: set[str]) -> list[tuple[str, str]]:
    """The steps that were not applied yet, or `StoreError` where others were."""
    unknown = sorted(applied - {name for name, _ in steps})
    if unknown:
        raise StoreError(
            "this store was written by a newer memgraft",
            expected=f"steps up to {steps[-1][0]}",
            got=", ".join(unknown),
            next_step="upgrade: pip install --upgrade memgraft",
        )
    return [(name, sql) for name, sql in steps if name not in applied]


def _statements(sql: str) -> Iterator[str]:
    """Split at the ends of statements; `executescript` would commit the transaction."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending
