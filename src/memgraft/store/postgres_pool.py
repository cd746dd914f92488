"""Connections to a PostgreSQL database: pooled, each transaction as one tenant, faults as ours."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from memgraft.core.errors import InvalidInput, MemgraftError, MissingExtra, StoreBusy, StoreError
from memgraft.store.postgres_migrations import migrate
from memgraft.store.postgres_rows import PostgresRows

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")

# Transactions that lost against another one are repeated so often.
_TRIES = 5

# By SQLSTATE, or its first two characters: what happened, and what to do about it.
_LOST = ("the database cannot be reached", "see that the server runs, try again")
_IN_USE = ("every connection to the database is in use", "try again, or allow more connections")
_BUSY = {
    "08": _LOST,
    "57P": _LOST,  # shutting down, crashed, or starting
    "53300": ("the database has too many connections", "try again, or raise max_connections"),
    "40": ("another process is writing to the store", "try again"),
    "55P03": ("another process is writing to the store", "try again, or raise busy_timeout"),
    "57014": ("the database gave up on a statement", "try again, or raise statement_timeout"),
}
_FAULTS = {
    "53100": ("the disk is full; nothing was changed", "free some space, try again"),
    "53200": ("the database is out of memory; nothing was changed", "give it more, try again"),
    "25006": ("the store cannot be written", "connect to the primary, not to a replica"),
    "28": ("the database does not let this user in", "check the user and the password"),
    "3D000": ("there is no such database", "create it: createdb NAME"),
    "42501": ("the store cannot be opened or written", "check the permissions of the user"),
    "58": ("the disk failed to read or write", "check the disk, try again"),
    "XX001": ("the store is damaged", "restore it from a backup"),
    "XX002": ("an index of the store is damaged", "REINDEX SCHEMA memgraft"),
}

# A refusal to connect has no SQLSTATE; where the server speaks English, its words tell.
_REFUSALS = (
    (re.compile('database "[^"]*" does not exist'), "3D000"),
    (re.compile('authentication failed|pg_hba.conf|password supplied|role "[^"]*" does'), "28"),
    (re.compile("too many clients|remaining connection slots"), "53300"),
)

_open: dict[tuple[str, float, int], Database] = {}
_opening = threading.Lock()


class Database:
    """A pool of connections; the stores of all tenants in this process share it.

    Args:
        url: postgresql://user:password@host:port/database, or all that libpq takes for one.
        timeout: seconds to wait for a connection, and for another writer of the same tenant.
        size: connections at most.

    Raises:
        InvalidInput: this is no such URL.
        MissingExtra: psycopg is not installed.
        StoreError: the database cannot be used; see `migrate`, too.
    """

    def __init__(self, url: str, timeout: float, size: int) -> None:
        try:
            import psycopg
            from psycopg_pool import ConnectionPool
        except ImportError as error:
            raise MissingExtra("a store in PostgreSQL", "postgres") from error
        given = _parsed(url)
        self.location = _location(given)
        self.timeout = timeout
        self.users = 0
        self._size, self._in_use, self._counting = size, 0, threading.Lock()
        options: dict[str, Any] = {
            "autocommit": True,
            "prepare_threshold": None,  # so that poolers that share connections can stand between
            "fallback_application_name": "memgraft",
        }
        if "connect_timeout" not in given:
            options["connect_timeout"] = max(2, round(timeout))
        with self.translated(), psycopg.connect(url, **options) as connection:
            self.role = migrate(connection)
        self._pool = ConnectionPool(
            url,
            kwargs=options,
            min_size=1,
            max_size=size,
            timeout=timeout,
            # Whoever gave up trying for longer begins again with the next call.
            reconnect_timeout=timeout,
            check=ConnectionPool.check_connection,
            open=True,
        )

    @classmethod
    def shared(cls, url: str, timeout: float, size: int) -> Database:
        """The pool of this process for the database; `release` it."""
        key = (url, timeout, size)
        with _opening:
            if key not in _open:
                _open[key] = cls(url, timeout, size)
            _open[key].users += 1
            return _open[key]

    def release(self) -> None:
        """Close the connections if nobody else uses them."""
        with _opening:
            self.users -= 1
            if self.users:
                return
            for key in [key for key, database in _open.items() if database is self]:
                del _open[key]
        self._pool.close()

    def read(self, tenant: str, work: Callable[[PostgresRows], T]) -> T:
        """Do work that changes nothing, on one snapshot."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with self.translated(), self._transaction(tenant, begin) as rows:
            return work(rows)

    def write(self, tenant: str, work: Callable[[PostgresRows], T], alone: bool = True) -> T:
        """Do work in one transaction: all of it is on disk afterwards, or none of it.

        It is repeated where it lost against another transaction.

        Args:
            alone: no other process writes to the same tenant meanwhile. The numbers of events are
                given under that lock, so that no lower one is ever seen after a higher.
        """
        from psycopg.errors import DeadlockDetected, SerializationFailure

        with self.translated():
            for _ in range(_TRIES - 1):
                with contextlib.suppress(DeadlockDetected, SerializationFailure):
                    return self._written(tenant, work, alone)
            return self._written(tenant, work, alone)

    @contextlib.contextmanager
    def together(self, tenant: str) -> Iterator[PostgresRows]:
        """One transaction for several pieces of work, which are given to `part`; it is not
        repeated. No other process writes to the same tenant meanwhile."""
        from psycopg.pq import TransactionStatus

        with self.translated(), self._writing(tenant) as rows:
            _lock(rows)
            yield rows
            # COMMIT would undo all, and say that it is done.
            if rows.connection.info.transaction_status == TransactionStatus.INERROR:
                raise StoreError("what was written was undone", next_step="try again")

    def part(self, rows: PostgresRows, work: Callable[[PostgresRows], T]) -> T:
        """Do a piece of work inside of `together`: it can fail alone."""
        before = rows.last
        with self.translated():
            rows.connection.execute("SAVEPOINT part")
            try:
                done = _counted(rows, work)
                rows.connection.execute("RELEASE part")
                return done
            except BaseException:
                rows.last = before
                with contextlib.suppress(Exception):
                    rows.connection.execute("ROLLBACK TO part; RELEASE part")
                raise

    @contextlib.contextmanager
    def as_owner(self) -> Iterator[Connection[Any]]:
        """A transaction that may change the schema."""
        with self.translated(), self._connected() as connection, connection.transaction():
            yield connection

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection[Any]]:
        with self._pool.connection() as connection:
            with self._counting:
                self._in_use += 1
            try:
                yield connection
            finally:
                with self._counting:
                    self._in_use -= 1

    def _written(self, tenant: str, work: Callable[[PostgresRows], T], alone: bool) -> T:
        with self._writing(tenant) as rows:
            if not alone:
                return work(rows)
            _lock(rows)
            return _counted(rows, work)

    def _writing(self, tenant: str) -> AbstractContextManager[PostgresRows]:
        begin = f"BEGIN; SET LOCAL lock_timeout = {round(1000 * self.timeout)}"
        return self._transaction(tenant, begin)

    @contextlib.contextmanager
    def _transaction(self, tenant: str, begin: str) -> Iterator[PostgresRows]:
        from psycopg import sql

        parts: list[sql.Composable] = [sql.SQL(begin)]
        if self.role is not None:
            parts.append(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(self.role)))
        # Never empty, as the setting is where none was made.
        name = tenant or "-"
        parts.append(sql.SQL("SET LOCAL memgraft.tenant = {}").format(sql.Literal(name)))
        with self._connected() as connection:
            connection.execute(sql.SQL("; ").join(parts))  # one round trip
            try:
                yield PostgresRows(connection, name)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(Exception):
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """PostgreSQL's errors as ours."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise self._fault(error) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise InvalidInput("a value cannot be stored", got=str(error)) from error

    def _fault(self, error: Exception) -> MemgraftError:
        import psycopg
        from psycopg_pool import PoolClosed, PoolTimeout

        state = getattr(error, "sqlstate", None) or _refusal(error)
        expected = f"a store at {self.location}"
        if isinstance(error, PoolClosed):
            return StoreError("the store is closed", got=self.location, next_step="open it again")
        if isinstance(error, PoolTimeout):
            expected = f"a connection to {self.location} within {self.timeout:g} seconds"
            return _busy(_LOST if self._in_use < self._size else _IN_USE, expected, error)
        if isinstance(error, psycopg.DataError) or state == "54000":
            return InvalidInput("a value cannot be stored", got=_first_line(error))
        for length in (5, 3, 2):
            if state and state[:length] in _BUSY:
                return _busy(_BUSY[state[:length]], expected, error)
            if state and state[:length] in _FAULTS:
                what, next_step = _FAULTS[state[:length]]
                got = _first_line(error)
                return StoreError(what, expected=expected, got=got, next_step=next_step)
        if isinstance(error, psycopg.OperationalError) and not state:
            return _busy(_LOST, expected, error)
        return StoreError(
            "the store failed",
            expected=expected,
            got=_first_line(error),
            next_step="check the database and try again",
        )


def _lock(rows: PostgresRows) -> None:
    """Write to the tenant alone from here on, and count events from its last one."""
    numbered = "SELECT sequence FROM memgraft.tenants WHERE tenant = ? FOR UPDATE"
    found = rows.run(numbered, [rows.tenant])
    if not found:  # a backup may have lost it
        rows.introduce()
        found = rows.run(numbered, [rows.tenant])
    [(rows.last,)] = found


def _counted(rows: PostgresRows, work: Callable[[PostgresRows], T]) -> T:
    """Do work under the lock; the tenant's last number is that of its last event afterwards."""
    before = rows.last
    done = work(rows)
    if rows.last != before:
        sql = "UPDATE memgraft.tenants SET sequence = ? WHERE tenant = ?"
        rows.run(sql, [rows.last, rows.tenant])
    return done


def _busy(fault: tuple[str, str], expected: str, error: Exception) -> StoreBusy:
    what, next_step = fault
    return StoreBusy(what, expected=expected, got=_first_line(error), next_step=next_step)


def _refusal(error: Exception) -> str:
    """The SQLSTATE that a server's refusal to connect would have."""
    found = (state for words, state in _REFUSALS if words.search(str(error)))
    return next(found, "")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _parsed(url: str) -> dict[str, Any]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    with contextlib.suppress(psycopg.Error):
        given = dict(conninfo_to_dict(url))
        if not set(str(given.get("port", ""))) - set("0123456789,"):
            return given
    # A password may stand in the wrong place: nothing of it is told.
    raise InvalidInput(
        "this is no PostgreSQL URL",
        expected="postgresql://user@host:port/database",
        next_step="write / @ : in a password as %2F %40 %3A",
    )


def _location(given: dict[str, Any]) -> str:
    """The URL without what is secret."""
    parts = {name: str(value) for name, value in given.items()}
    for secret in ("password", "sslpassword"):
        parts.pop(secret, None)
    user = quote(parts.pop("user", ""), safe="")
    host = port = ""
    if not set(parts.get("host", "") + parts.get("port", "")) & set("/,"):
        host, port = parts.pop("host", ""), parts.pop("port", "")
    place = f"[{host}]" if ":" in host else host
    path = quote(parts.pop("dbname", ""), safe="")
    rest = urlencode(sorted(parts.items()))
    where = (f"{user}@" if user else "") + place + (f":{port}" if port else "")
    return f"postgresql://{where}/{path}" + (f"?{rest}" if rest else "")
