"""The schema of the PostgreSQL store, as named steps. Append to `MIGRATIONS`; never edit a step.

Every table holds all tenants. A policy shows a transaction only those rows whose tenant is the
setting `memgraft.tenant`. Superusers pass policies by, so transactions take on a role that may not,
`memgraft_for_<owner>`, which owns nothing. Tables are under FORCE, too: the policy holds for the
owner where roles may not be made.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from memgraft.core.errors import StoreError
from memgraft.core.records import now
from memgraft.store.migrations import missing

if TYPE_CHECKING:
    from psycopg import Connection

_TENANTS = """
CREATE TABLE memgraft.tenants (
    tenant text COLLATE "C" PRIMARY KEY CHECK (tenant <> ''),
    sequence bigint NOT NULL DEFAULT 0
);
"""

_RECORDS = """
CREATE TABLE memgraft.records (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    number bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    text text NOT NULL,
    content_hash text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    agent_id text COLLATE "C",
    app_id text COLLATE "C",
    run_id text COLLATE "C",
    metadata text NOT NULL,
    categories text NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    updated_at text COLLATE "C" NOT NULL,
    expires_at text COLLATE "C",
    event_time text,
    version integer NOT NULL,
    supersedes text COLLATE "C",
    superseded_by text COLLATE "C",
    source text,
    words tsvector NOT NULL,
    length integer NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX records_live ON memgraft.records (
    tenant, coalesce(user_id, ''), coalesce(agent_id, ''), coalesce(app_id, ''),
    coalesce(run_id, ''), content_hash
) WHERE superseded_by IS NULL;
CREATE INDEX records_user ON memgraft.records (tenant, user_id, created_at, number);
CREATE INDEX records_age ON memgraft.records (tenant, created_at, number);
CREATE INDEX records_number ON memgraft.records (tenant, number);
"""

_HISTORY = """
CREATE TABLE memgraft.history (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    sequence bigint NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    event text NOT NULL CHECK (event IN ('ADD', 'UPDATE', 'DELETE')),
    old_text text,
    new_text text,
    at text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    agent_id text COLLATE "C",
    app_id text COLLATE "C",
    run_id text COLLATE "C",
    reason text,
    PRIMARY KEY (tenant, sequence)
);
CREATE INDEX history_memory ON memgraft.history (tenant, memory_id, sequence);
CREATE FUNCTION memgraft.keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.tenant = current_setting('memgraft.reset', true) THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION 'history is append-only';
END $$;
CREATE TRIGGER history_keeps_lines BEFORE UPDATE OR DELETE ON memgraft.history
    FOR EACH ROW EXECUTE FUNCTION memgraft.keep_history();
CREATE TRIGGER history_keeps_all BEFORE TRUNCATE ON memgraft.history
    FOR EACH STATEMENT EXECUTE FUNCTION memgraft.keep_history();
"""

_DOCUMENTS = """
CREATE TABLE memgraft.documents (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    number bigint GENERATED ALWAYS AS IDENTITY,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    body text NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX documents_kind ON memgraft.documents (tenant, kind, number);
"""

# Which encoder the vectors of a tenant were made with; see `retrieval.postgres_home`.
_ENCODERS = """
CREATE TABLE memgraft.encoders (
    tenant text COLLATE "C" PRIMARY KEY CHECK (tenant <> ''),
    encoder text NOT NULL,
    dimension integer NOT NULL
);
"""

_PARSED = """
CREATE TABLE memgraft.parsed (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    rules text NOT NULL,
    attribute text NOT NULL,
    wording text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE FUNCTION memgraft.drop_parsed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM memgraft.parsed WHERE tenant = OLD.tenant AND id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER parsed_outdated AFTER UPDATE OR DELETE ON memgraft.records
    FOR EACH ROW EXECUTE FUNCTION memgraft.drop_parsed();
"""

TABLES = ("tenants", "records", "history", "documents", "encoders", "parsed")


def walled(table: str) -> str:
    """SQL that lets a transaction see and write the rows of its tenant alone.

    The setting is never empty inside a transaction of ours, and matches no row outside of one.
    """
    return f"""
ALTER TABLE memgraft.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE memgraft.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON memgraft.{table}
    USING (tenant = current_setting('memgraft.tenant', true));
"""


MIGRATIONS: list[tuple[str, str]] = [
    ("0001-tenants", _TENANTS + walled("tenants")),
    ("0002-records", _RECORDS + walled("records")),
    ("0003-history", _HISTORY + walled("history")),
    ("0004-documents", _DOCUMENTS + walled("documents")),
    ("0005-encoders", _ENCODERS + walled("encoders")),
    ("0006-parsed", _PARSED + walled("parsed")),
]

_START = """
CREATE TABLE memgraft.migrations (name text PRIMARY KEY, applied_at text NOT NULL);
"""

_LOCK = zlib.crc32(b"memgraft")

_OWNER = """
SELECT pg_get_userbyid(nspowner), pg_get_userbyid(nspowner) = current_user
FROM pg_namespace WHERE nspname = 'memgraft'
"""


def lock(connection: Connection[Any]) -> None:
    """Change the schema alone, until the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def migrate(connection: Connection[Any]) -> str | None:
    """Bring a database up to date; one that is needs no right to change it.

    Safe when several processes do it at once: the lock is taken before the schema is looked at
    again.

    Args:
        connection: in autocommit mode, as the user who owns, or is to own, the schema.

    Returns:
        The role that transactions are to take on; None if there is none that this user may.

    Raises:
        StoreError: the schema is another program's, or was written by a newer memgraft, or the
            database does not keep Unicode, or nothing would keep tenants apart.
    """
    [(encoding,)] = connection.execute("SHOW server_encoding").fetchall()
    if encoding != "UTF8":
        raise StoreError(
            "the database does not keep Unicode",
            expected="a database with the encoding UTF8",
            got=encoding,
            next_step="CREATE DATABASE memories ENCODING 'UTF8' TEMPLATE template0",
        )
    if _pending(connection) != []:
        with connection.transaction():
            lock(connection)
            pending = _pending(connection)
            if pending is None:
                _make_schema(connection)
                connection.execute(_START)
                pending = MIGRATIONS
            for name, sql in pending:
                connection.execute(sql)
                sql = "INSERT INTO memgraft.migrations VALUES (%s, %s)"
                connection.execute(sql, (name, now()))
    return _role(connection)


def grant(connection: Connection[Any], role: str, tables: tuple[str, ...]) -> None:
    """Let a role read and write these tables."""
    from psycopg import sql

    names = sql.SQL(", ").join(sql.Identifier("memgraft", table) for table in tables)
    connection.execute(
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(
            names, sql.Identifier(role)
        )
    )


def _pending(connection: Connection[Any]) -> list[tuple[str, str]] | None:
    """The steps that are missing; None for a schema without tables."""
    sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'memgraft'"
    tables = {name for (name,) in connection.execute(sql)}
    if not tables:
        return None
    if "migrations" not in tables:
        raise StoreError(
            "the schema memgraft belongs to another program",
            expected="a memgraft store, or a database without that schema",
            got="a schema with " + ", ".join(sorted(tables)[:3]),
            next_step="choose another database",
        )
    applied = {name for (name,) in connection.execute("SELECT name FROM memgraft.migrations")}
    return missing(MIGRATIONS, applied)


def _make_schema(connection: Connection[Any]) -> None:
    """IF NOT EXISTS would ask for the right to make one, where an administrator did already."""
    sql = "SELECT 1 FROM pg_namespace WHERE nspname = 'memgraft'"
    if not connection.execute(sql).fetchall():
        connection.execute("CREATE SCHEMA memgraft")


def _role(connection: Connection[Any]) -> str | None:
    """The role that sees one tenant only, made and granted where that is missing and allowed."""
    [(owner, is_owner)] = connection.execute(_OWNER).fetchall()
    role = f"memgraft_for_{owner}".encode()[:63].decode(errors="ignore")
    if is_owner and not _usable(connection, role):
        _make_role(connection, role)
    if _usable(connection, role):
        return role
    sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    if connection.execute(sql).fetchall() == [(True,)]:
        raise StoreError(
            "nothing would keep tenants apart: this user passes row-level security by",
            expected=f"a user who may take on the role {role}, or one without BYPASSRLS",
            next_step=f"GRANT {role} to the user, or connect as another one",
        )
    return None


def _usable(connection: Connection[Any], role: str) -> bool:
    """This user may take on the role, and the role may use every table."""
    right = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    tables = [f"memgraft.{table}" for table in _tables(connection)]
    sql = (
        "SELECT bool_and(pg_has_role(oid, %s)) AND bool_and(has_schema_privilege(oid, 'memgraft', "
        "'USAGE')) AND bool_and((SELECT bool_and(has_table_privilege(oid, name, 'DELETE')) "
        "FROM unnest(%s::text[]) AS name)) FROM pg_roles WHERE rolname = %s"
    )
    return connection.execute(sql, (right, tables, role)).fetchall() == [(True,)]


def _tables(connection: Connection[Any]) -> tuple[str, ...]:
    """Those of the steps, and those that hold vectors, which are made when they are needed."""
    sql = (
        "SELECT tablename::text FROM pg_tables "
        "WHERE schemaname = 'memgraft' AND starts_with(tablename::text, 'vectors_')"
    )
    return (*TABLES, *(name for (name,) in connection.execute(sql).fetchall()))


def _make_role(connection: Connection[Any], role: str) -> None:
    from psycopg import errors, sql

    name = sql.Identifier(role)
    # Roles belong to all databases of a server: another one may be making it at this moment.
    taken = (errors.DuplicateObject, errors.UniqueViolation)
    try:
        with connection.transaction():
            lock(connection)
            try:
                with connection.transaction():
                    connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(name))
            except taken:
                pass
            connection.execute(sql.SQL("GRANT {} TO current_user").format(name))
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA memgraft TO {}").format(name))
            connection.execute(sql.SQL("GRANT SELECT ON memgraft.migrations TO {}").format(name))
            grant(connection, role, _tables(connection))
    except errors.InsufficientPrivilege:
        return  # FORCE keeps the owner, whom no role can be made by, to one tenant
