"""Vectors in PostgreSQL: one table per dimension (pgvector's halfvec), kept to one tenant like all.

Small scopes are searched exactly. In large ones an HNSW index (Malkov & Yashunin 2018) nominates,
with iterative scans, which go on until enough of what it finds lies within the scope; where they
give up too early, the search is exact after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import FolderError, StoreError
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store import rows
from memgraft.store.postgres_migrations import grant, lock, walled
from memgraft.store.postgres_words import query_lexemes, scoring

if TYPE_CHECKING:
    from psycopg import Connection

    from memgraft.store.postgres import PostgresStore
    from memgraft.store.postgres_rows import PostgresRows

# The most that pgvector looks at in one go.
_WIDEST = 1000
# Larger rows would leave their pages, and exact search is slow then.
_IN_PAGE = 3000
# Iterative scans came with it.
_OLDEST = (0, 8)

_TABLE = """
CREATE TABLE memgraft.{name} (
    tenant text COLLATE "C" NOT NULL CHECK (tenant <> ''),
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    user_id text COLLATE "C",
    agent_id text COLLATE "C",
    app_id text COLLATE "C",
    run_id text COLLATE "C",
    vector {types}.halfvec({dimension}) NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, id) REFERENCES memgraft.records ON DELETE CASCADE
);
ALTER TABLE memgraft.{name} ALTER COLUMN vector SET STORAGE {storage};
CREATE INDEX {name}_near ON memgraft.{name} USING hnsw (vector {types}.halfvec_cosine_ops);
CREATE INDEX {name}_user ON memgraft.{name} (tenant, user_id);
"""

# The schema of pgvector, as SQL names it.
_TYPES = """
SELECT quote_ident(nspname), nspname::text FROM pg_namespace
WHERE oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'vector')
"""

# A record that is gone meanwhile gets no vector; one that another process wrote in this version or
# a later one keeps it. In the order of ids, so that two writers do not wait for each other.
_PUT = """
INSERT INTO memgraft.{name} AS held
    (tenant, id, version, user_id, agent_id, app_id, run_id, vector)
SELECT r.tenant, r.id, given.version, r.user_id, r.agent_id, r.app_id, r.run_id,
    given.vector::{types}.halfvec
FROM unnest(?::text[], ?::int[], ?::text[]) AS given (id, version, vector)
JOIN memgraft.records AS r ON r.tenant = ? AND r.id = given.id
ORDER BY r.id FOR KEY SHARE OF r
ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, vector = excluded.vector
WHERE held.version < excluded.version
"""

_NOMINATED = """
WITH near AS MATERIALIZED (
    SELECT id FROM memgraft.{name} WHERE tenant = ? AND {covered} ORDER BY {distance} LIMIT ?
), said AS MATERIALIZED (
    SELECT id, {score} AS score, number FROM memgraft.records
    WHERE tenant = ? AND {alive} AND words @@ ?::tsquery ORDER BY score DESC, number DESC LIMIT ?
)
SELECT (SELECT count(*) FROM near), 1 - (v.vector OPERATOR({types}.<=>) ?::{types}.halfvec),
    {score}, {columns}
FROM memgraft.records AS r JOIN memgraft.{name} AS v ON v.tenant = r.tenant AND v.id = r.id
WHERE r.tenant = ? AND {living}
    AND r.id = ANY(ARRAY(SELECT id FROM near UNION SELECT id FROM said))
ORDER BY r.number
"""


@dataclass(frozen=True)
class Candidate:
    """A live record that was nominated, its cosine with the question, and the BM25 of its words."""

    record: Record
    cosine: float
    words: float


@dataclass(frozen=True)
class Nominated:
    """Candidates, oldest first; `share` of the question's information that some record's words
    hold; whether these are all that the scope has."""

    candidates: list[Candidate]
    share: float
    all: bool


class Vectors:
    """The vectors of a tenant, made with one encoder.

    Args:
        store: whose records they are of; they live in its database.
        encoder: the name of what they are made with.
        dimension: of each.

    Raises:
        FolderError: the tenant's vectors were made with another encoder.
        StoreError: the database has no pgvector, or one that is too old.
    """

    def __init__(self, store: PostgresStore, encoder: str, dimension: int) -> None:
        self._store = store
        self._encoder = encoder
        self._dimension = dimension
        self._name = _table(dimension)
        if not store.read(lambda session: _is_there(session, self._name)):
            with store.database.as_owner() as connection:
                _make(connection, self._name, dimension, store.database.role)
        # Where the types and operators are; no search path needs to lead there.
        [(self._types, _)] = store.read(lambda session: session.run(_TYPES))
        store.write(self._claim, alone=False)

    def put(self, records: Sequence[Record], vectors: NDArray[np.float32]) -> None:
        """Write vectors, (n, dimension), of records; see `versions` for which are there now."""
        texts = ["[" + ",".join(map(str, vector.tolist())) + "]" for vector in vectors]
        ids, versions = [r.id for r in records], [r.version for r in records]

        def work(session: PostgresRows) -> None:
            self._check(session, "FOR SHARE")  # whoever embeds anew waits, and sees these
            sql = _PUT.format(name=self._name, types=self._types)
            session.run(sql, [ids, versions, texts, session.tenant])

        self._store.write(work, alone=False)

    def remove(self, ids: Sequence[str]) -> None:
        """Those that are there."""
        sql = f"DELETE FROM memgraft.{self._name} WHERE tenant = ? AND id = ANY(?)"
        self._store.write(lambda s: s.run(sql, [s.tenant, list(ids)]), alone=False)

    def versions(self, ids: Sequence[str] | None = None) -> dict[str, int]:
        """Version by id of these records, or of all, that have a vector."""
        sql = f"SELECT id, version FROM memgraft.{self._name} WHERE tenant = ?"
        if ids is None:
            return dict(self._store.read(lambda s: s.run(sql, [s.tenant])))
        # PostgreSQL has no text with such a character, so that no record is called like that.
        known = [record_id for record_id in ids if "\0" not in record_id]
        found = self._store.read(lambda s: s.run(sql + " AND id = ANY(?)", [s.tenant, known]))
        return dict(found)

    def count(self) -> tuple[int, int]:
        """How many there are, and of how many users."""
        sql = (
            "SELECT count(*), count(DISTINCT coalesce(user_id, '')) "
            f"FROM memgraft.{self._name} WHERE tenant = ?"
        )
        [(vectors, users)] = self._store.read(lambda s: s.run(sql, [s.tenant]))
        return vectors, users

    def nominated(
        self, text: str, vector: NDArray[np.float32], scope: Scope, pool: int, ann_above: int
    ) -> Nominated:
        """The live records of a scope whose vectors are nearest, and whose words fit best.

        Args:
            text, vector: the question, and its vector (dimension,).
            pool: how many of each.
            ann_above: more live records than that are searched by the index.
        """

        def work(session: PostgresRows) -> Nominated:
            self._check(session)
            return self._nominated(session, text, vector, scope, pool, ann_above)

        return self._store.read(work)

    def _nominated(
        self,
        session: PostgresRows,
        text: str,
        vector: NDArray[np.float32],
        scope: Scope,
        pool: int,
        ann_above: int,
    ) -> Nominated:
        how = scoring(session, scope, query_lexemes(text))
        covered, covering = rows.where(scope)
        alive, values = rows.live(scope)
        living, moment = rows.live(Scope())
        asked = "[" + ",".join(map(str, vector.tolist())) + "]"
        columns = ", ".join(f"r.{name}" for name in rows.NAMES)
        parts = {"name": self._name, "types": self._types, "covered": covered, "score": how.score}
        parts["columns"] = columns
        given = [
            *(session.tenant, *covering, asked, pool),
            *(*how.values, session.tenant, *values, how.query, pool),
            *(asked, *how.values, session.tenant, *moment),
        ]

        def found(distance: str) -> list[Any]:
            sql = _NOMINATED.format(**parts, alive=alive, living=living, distance=distance)
            return session.run(sql, given)

        nearest = f"vector OPERATOR({self._types}.<=>) ?::{self._types}.halfvec"
        exactly = f"({nearest}) + 0.0"  # no index knows this order
        hits: list[Any] = []
        if how.count > ann_above and pool <= _WIDEST:
            session.run(
                "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), "
                "set_config('hnsw.ef_search', ?, true)",
                [str(pool)],
            )
            hits = found(nearest)
        if not hits or hits[0][0] < min(pool, how.count):
            hits = found(exactly)
        candidates = [
            Candidate(rows.decoded(rest), cosine, words) for _, cosine, words, *rest in hits
        ]
        return Nominated(candidates, how.share, pool >= how.count)

    def _claim(self, session: PostgresRows) -> None:
        sql = "INSERT INTO memgraft.encoders VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        session.run(sql, [session.tenant, self._encoder, self._dimension])
        self._check(session)

    def _check(self, session: PostgresRows, lock: str = "") -> None:
        """Another process may have embedded the store anew since this one opened it."""
        sql = f"SELECT encoder FROM memgraft.encoders WHERE tenant = ? {lock}"
        found = [name for (name,) in session.run(sql, [session.tenant])]
        if found != [self._encoder]:
            raise FolderError(
                "the vectors of this store were made with another encoder",
                expected=f"encoder {self._encoder}",
                got=f"encoder {found[0]}" if found else "none",
                next_step="use the encoder that they were made with, or make them anew: "
                "`memgraft reembed`",
            )


def drop_vectors(store: PostgresStore) -> None:
    """Forget the vectors of a tenant, and what they were made with."""

    def work(session: PostgresRows) -> None:
        sql = "DELETE FROM memgraft.encoders WHERE tenant = ? RETURNING dimension"
        for (dimension,) in session.run(sql, [session.tenant]):
            name = _table(dimension)
            if _is_there(session, name):
                session.run(f"DELETE FROM memgraft.{name} WHERE tenant = ?", [session.tenant])

    store.write(work, alone=False)


def _table(dimension: int) -> str:
    return f"vectors_{dimension:d}"


def _is_there(session: PostgresRows, name: str) -> bool:
    sql = "SELECT 1 FROM pg_tables WHERE schemaname = 'memgraft' AND tablename = ?"
    return bool(session.run(sql, [name]))


def _make(connection: Connection[Any], name: str, dimension: int, role: str | None) -> None:
    from psycopg import errors

    lock(connection)
    sql = "SELECT 1 FROM pg_tables WHERE schemaname = 'memgraft' AND tablename = %s"
    if connection.execute(sql, (name,)).fetchall():
        return  # another process was quicker
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (
        errors.FeatureNotSupported,
        errors.UndefinedFile,
        errors.InsufficientPrivilege,
    ) as error:
        raise StoreError(
            "the database has no vectors",
            expected="the extension vector (pgvector)",
            got=str(error).splitlines()[0],
            next_step="install pgvector on the server; as an administrator of the database: "
            "CREATE EXTENSION vector",
        ) from error
    sql = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    [(version,)] = connection.execute(sql).fetchall()
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise StoreError(
            "pgvector is too old",
            expected=".".join(map(str, _OLDEST)) + " or newer",
            got=version,
            next_step="install a newer one; then ALTER EXTENSION vector UPDATE",
        )
    storage = "PLAIN" if dimension <= _IN_PAGE else "EXTERNAL"
    [(types, schema)] = connection.execute(_TYPES).fetchall()
    sql = _TABLE.format(name=name, types=types, dimension=dimension, storage=storage)
    connection.execute(sql)
    connection.execute(walled(name))
    if role is not None:
        grant(connection, role, (name,))
        _let_in(connection, role, schema)


def _let_in(connection: Connection[Any], role: str, schema: str) -> None:
    """Into the schema of pgvector, which is often `public`, where everybody is."""
    from psycopg import errors, sql

    asked = "SELECT has_schema_privilege(%s, %s, 'USAGE')"
    if connection.execute(asked, (role, schema)).fetchall() == [(True,)]:
        return
    names = sql.Identifier(schema), sql.Identifier(role)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(*names))
    except errors.InsufficientPrivilege as error:
        raise StoreError(
            "the store may not use pgvector",
            expected=f"the right to use the schema {schema}, where it is",
            got=str(error).splitlines()[0],
            next_step=f"as its owner: GRANT USAGE ON SCHEMA {schema} TO {role}",
        ) from error
