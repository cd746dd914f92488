"""The PostgreSQL store: the common contract, and what is its own: tenants, schema, faults."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from conformance import StoreConformance
from together import StoreTogether, add_fifty

from databases import admin, fresh_database, started
from memgraft.core.errors import (
    Conflict,
    InvalidInput,
    MissingExtra,
    NotFound,
    StoreBusy,
    StoreError,
)
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store import postgres_migrations
from memgraft.store.base import Parsed, Store
from memgraft.store.open import open_store
from memgraft.store.postgres import PostgresStore
from memgraft.store.postgres_migrations import MIGRATIONS, TABLES
from memgraft.store.postgres_pool import _location
from memgraft.store.postgres_rows import PostgresRows


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_database() as found:
        yield found


@pytest.fixture
def pg_store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url)) as store:
        yield store


class TestPostgres(StoreConformance, StoreTogether):
    @pytest.fixture
    def make_store(self, url: str) -> Iterator[Callable[[], Store]]:
        self.url = url
        opened: list[Store] = []

        def make() -> Store:
            opened.append(open_store(url))
            return opened[-1]

        yield make
        for store in opened:
            store.close()

    def unopened(self, make_store: Callable[[], Store]) -> str:
        return self.url


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that the test may stop."""
    found = started()
    yield found
    found.cleanup()


def raw(store: PostgresStore, sql: str) -> list[Any]:
    """What a transaction of the store sees of a statement."""
    return store.write(lambda session: session.run(sql))


# Opening


def test_locations_hold_no_password(pg_store: PostgresStore, url: str) -> None:
    with closing(open_store(pg_store.location)) as again:
        assert again.location == pg_store.location
    with_password = url.replace(":@", "@").replace("@", ":s%40cret@", 1)
    with closing(open_store(with_password.replace("postgresql", "postgres"))) as again:
        assert again.location == pg_store.location
        assert "cret" not in again.location


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgres://u:secret@h:5/d", "postgresql://u@h:5/d"),
        ("postgresql://h", "postgresql://h/"),
        ("postgresql:///d?host=/run&password=secret", "postgresql:///d?host=%2Frun"),
        ("postgresql://[::1]:5/d", "postgresql://[::1]:5/d"),
        ("postgresql://u%2F:secret@a:1,b:2/d?sslmode=require",
         "postgresql://u%2F@/d?host=a%2Cb&port=1%2C2&sslmode=require"),
    ],
)  # fmt: skip
def test_locations_say_where(given: str, wanted: str) -> None:
    from psycopg.conninfo import conninfo_to_dict

    found = _location(conninfo_to_dict(given))
    assert found == wanted
    without = {k: v for k, v in conninfo_to_dict(given).items() if k != "password"}
    assert conninfo_to_dict(found) == without


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no PostgreSQL URL") as caught:
        open_store("postgresql://u:se/cret@host:port:5/d")
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_or_database_that_is_not_there_is_an_error(url: str) -> None:
    with pytest.raises(StoreBusy, match=r"cannot be reached.*next: see that the server runs"):
        open_store("postgresql://u:secret@127.0.0.1:9/d")
    with pytest.raises(StoreError, match=r"no such database.*next: create it") as caught:
        open_store(urlsplit(url)._replace(path="/elsewhere").geturl())
    assert not isinstance(caught.value, StoreBusy), "trying again does not help"
    stranger = urlsplit(url)
    stranger = stranger._replace(netloc="nobody@" + stranger.netloc.rpartition("@")[2])
    with pytest.raises(StoreError, match=r"does not let this user in.*next: check the user"):
        open_store(stranger.geturl())


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'memgraft\[postgres\]'"):
        open_store("postgresql://host/db")


def test_psycopg_is_loaded_for_a_url_only() -> None:
    code = "import sys, memgraft.store.postgres; assert not {'psycopg', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stores_share_the_connections_of_a_process(url: str) -> None:
    with closing(PostgresStore(url)) as one:
        with closing(PostgresStore(url, "two")) as two:
            assert two.database is one.database
        assert one.count() == 0
        pool = one.database
    with closing(PostgresStore(url)) as again:
        assert again.database is not pool


# Schema


def test_migrations_run_once(url: str) -> None:
    PostgresStore(url).close()
    with admin(url) as connection:
        sql = "SELECT name, applied_at FROM memgraft.migrations ORDER BY name"
        before = connection.execute(sql).fetchall()
        assert [name for name, _ in before] == [name for name, _ in MIGRATIONS]
        PostgresStore(url).close()
        assert connection.execute(sql).fetchall() == before


def test_an_older_store_gets_the_missing_steps(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(PostgresStore(url)) as store:
        record, _ = store.add(Record.new("I like tea"))
    steps = [*MIGRATIONS, ("9998-more", "CREATE TABLE more (a int); INSERT INTO more VALUES (1);")]
    monkeypatch.setattr(postgres_migrations, "MIGRATIONS", steps)
    with closing(PostgresStore(url)) as store, admin(url) as connection:
        assert store.list() == [record]
        assert connection.execute("SELECT a FROM more").fetchall() == [(1,)]


def test_a_step_that_fails_is_undone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PostgresStore(url).close()
    steps = [*MIGRATIONS, ("9998-bad", "CREATE TABLE half (a int); INSERT INTO nowhere VALUES (1)")]
    monkeypatch.setattr(postgres_migrations, "MIGRATIONS", steps)
    with pytest.raises(StoreError, match="nowhere"):
        PostgresStore(url)
    monkeypatch.undo()
    with closing(PostgresStore(url)), admin(url) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchall() == [(None,)]


def test_a_newer_store_is_refused(url: str) -> None:
    PostgresStore(url).close()
    with admin(url) as connection:
        connection.execute("INSERT INTO memgraft.migrations VALUES ('9999-future', '')")
    with pytest.raises(StoreError, match=r"newer memgraft.*9999-future.*upgrade"):
        PostgresStore(url)


def test_the_schema_of_another_program_is_refused(url: str) -> None:
    with admin(url) as connection:
        connection.execute("CREATE SCHEMA memgraft; CREATE TABLE memgraft.bookmarks (url text)")
    with pytest.raises(StoreError, match=r"another program.*bookmarks"):
        PostgresStore(url)


def test_a_schema_that_an_administrator_made_is_used(url: str, user: Callable[[str], str]) -> None:
    mine = user("")
    name = urlsplit(mine).username
    with admin(url) as connection:
        connection.execute(f"REVOKE CREATE ON DATABASE {urlsplit(url).path[1:]} FROM {name}")
        with pytest.raises(StoreError, match="check the permissions"):
            PostgresStore(mine)
        connection.execute(f"CREATE SCHEMA memgraft AUTHORIZATION {name}")
    with closing(PostgresStore(mine)) as store:
        assert store.add(Record.new("I like tea"))[1]


def test_a_tenant_whose_row_was_lost_goes_on(pg_store: PostgresStore, url: str) -> None:
    record, _ = pg_store.add(Record.new("I like tea"))
    pg_store.update(record.id, {"text": "I like green tea"})
    with admin(url) as connection:
        connection.execute("DELETE FROM memgraft.tenants")
    pg_store.add(Record.new("I like coffee"))
    assert pg_store.sequence() == 3
    assert pg_store.changed(2) == [pg_store.list(newest=True)[0].id]


def test_a_database_without_unicode_is_refused(url: str) -> None:
    name = urlsplit(url).path[1:] + "_latin"
    with admin(url) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
        try:
            with pytest.raises(StoreError, match=r"Unicode.*LATIN1.*UTF8"):
                PostgresStore(urlsplit(url)._replace(path=f"/{name}").geturl())
        finally:
            connection.execute(f"DROP DATABASE {name}")


def test_several_processes_create_one_store(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    children = [context.Process(target=add_fifty, args=(url, name, barrier)) for name in "abc"]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    with closing(PostgresStore(url)) as store:
        assert store.count() == store.sequence() == 150


def test_history_cannot_be_rewritten(pg_store: PostgresStore, url: str) -> None:
    pg_store.add(Record.new("I like tea"))
    pg_store.reset()  # what lets it must be gone afterwards
    record, _ = pg_store.add(Record.new("I like tea"))
    statements = (
        "DELETE FROM memgraft.history",
        "UPDATE memgraft.history SET old_text = 'x'",
        "TRUNCATE memgraft.history",
    )
    with admin(url) as connection:
        for sql in statements:
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(sql)
    with pytest.raises(StoreError, match="append-only"):
        raw(pg_store, statements[0])
    assert len(pg_store.history(record.id)) == 1


def test_the_index_refuses_a_second_live_copy(pg_store: PostgresStore) -> None:
    pg_store.add(Record.new("I like tea"))
    pg_store.add(Record.new("I like coffee"))
    with pytest.raises(StoreError, match="records_live"):
        raw(pg_store, "UPDATE memgraft.records SET content_hash = 'same'")


# Tenants


@pytest.fixture
def tenants(url: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    with closing(PostgresStore(url, "one")) as one, closing(PostgresStore(url, "two")) as two:
        yield one, two


def test_tenants_do_not_see_each_other(tenants: tuple[PostgresStore, PostgresStore]) -> None:
    one, two = tenants
    record, _ = one.add(Record.new("I like tea", Scope("me")))
    one.put_document("key", "1", {"mine": True})
    assert two.add(record) == (record, True), "the same id and content is free for each"
    changed = two.update(record.id, {"text": "I like coffee"})
    assert (one.get(record.id), two.get(record.id)) == (record, changed)
    assert two.search_text("tea", Scope(), 5) == []
    assert (one.sequence(), two.sequence()) == (1, 2)
    assert two.document("key", "1") is None
    two.reset()
    assert (one.list(), two.list()) == ([record], [])
    assert [event.event for event in one.history(record.id)] == ["ADD"]
    assert two.changed(1) is None
    assert one.changed(0) == [record.id]
    assert [(entity.name, entity.total) for entity in one.entities()] == [("me", 1)]


def test_together_all_or_nothing_is_on_disk_when_it_ends(pg_store: PostgresStore, url: str) -> None:
    def others() -> tuple[int, int, int]:
        with closing(PostgresStore(url)) as beside:
            return beside.count(), beside.count_documents("note"), beside.sequence()

    with pg_store.together():
        tea, _ = pg_store.add(Record.new("I like tea"))
        with pytest.raises(Conflict):
            pg_store.add(replace(tea, text="The same id"))
        with pytest.raises(StoreError):
            pg_store.write(lambda session: session.run("SELECT * FROM memgraft.nowhere"))
        pg_store.put_document("note", "good", {"a": 1})
        assert pg_store.list() == [tea]
        assert pg_store.changed(0) == [tea.id]
        with pg_store.together():
            assert pg_store.add(Record.new("I like cake"))[1]
        assert others() == (0, 0, 0)
    assert others() == (2, 1, 2)
    assert [event.event for event in pg_store.history(tea.id)] == ["ADD"]
    with pytest.raises(ZeroDivisionError), pg_store.together():
        pg_store.add(Record.new("I like soup"))
        pg_store.delete(tea.id)
        raise ZeroDivisionError
    assert others() == (2, 1, 2)
    assert pg_store.add(Record.new("I like soup"))[1]
    assert others() == (3, 1, 3)


def test_together_that_the_database_undid_is_told_of_and_leaves_nothing(
    pg_store: PostgresStore,
) -> None:
    with pytest.raises(StoreError, match="was undone"), pg_store.together():
        pg_store.add(Record.new("I like tea"))
        with pytest.raises(StoreError):
            pg_store.read(lambda session: session.run("SELECT * FROM memgraft.nowhere"))
    assert pg_store.list() == []
    assert pg_store.sequence() == 0
    with pytest.raises(StoreError), pg_store.together():
        pg_store.add(Record.new("I like tea"))
        pid = "SELECT pg_terminate_backend(pg_backend_pid())"
        with pytest.raises(StoreBusy):
            pg_store.write(lambda session: session.run(pid))
    assert pg_store.list() == []
    assert pg_store.add(Record.new("I like cake"))[1]


def test_other_threads_are_no_part_of_what_goes_together(pg_store: PostgresStore) -> None:
    seen: list[int] = []
    with pg_store.together():
        pg_store.add(Record.new("I like tea"))
        beside = threading.Thread(target=lambda: seen.append(pg_store.count()))
        beside.start()
        beside.join()
        writer = threading.Thread(target=lambda: pg_store.add(Record.new("I like cake")))
        writer.start()
        assert pg_store.count() == 1
    writer.join()
    assert seen == [0]
    assert pg_store.count() == pg_store.sequence() == 2


def test_a_statement_without_where_sees_one_tenant(
    tenants: tuple[PostgresStore, PostgresStore], url: str
) -> None:
    one, two = tenants
    mine, _ = one.add(Record.new("I like tea"))
    two.add(Record.new("I like coffee"))
    two.put_document("key", "1", {})
    assert raw(one, "SELECT tenant, id FROM memgraft.records") == [("one", mine.id)]
    for store, record_id in ((one, mine.id), (two, two.list()[0].id)):
        store.keep_parsed("1", [Parsed(record_id, 1, "", "")])
    for table in set(TABLES) - {"encoders"}:
        seen = {row[0] for row in raw(one, f"SELECT tenant FROM memgraft.{table}")}
        assert seen == {"one"} - ({"one"} if table == "documents" else set()), table
    raw(one, "UPDATE memgraft.records SET source = 'wrong'")
    raw(one, "DELETE FROM memgraft.documents")
    with pytest.raises(StoreError, match="row-level security"):
        raw(one, "INSERT INTO memgraft.documents VALUES ('two', DEFAULT, 'a', 'b', '{}', '')")
    with pytest.raises(StoreError, match="row-level security"):
        raw(one, "UPDATE memgraft.records SET tenant = 'two'")
    [theirs] = two.list()
    assert theirs.source is None
    assert two.count_documents("key") == 1
    with admin(url) as connection:
        walls = connection.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class WHERE "
            "relnamespace = 'memgraft'::regnamespace AND relkind = 'r' AND relname <> 'migrations'"
        ).fetchall()
        assert sorted(walls) == sorted((table, True) for table in TABLES)
        # The role by itself, without a tenant, sees nothing, also after a transaction with one.
        connection.execute(f'SET ROLE "{one.database.role}"')
        for _ in range(2):
            assert connection.execute("SELECT * FROM memgraft.records").fetchall() == []
            connection.execute("BEGIN; SET LOCAL memgraft.tenant = 'one'; COMMIT")


def test_transactions_run_as_a_role_that_owns_nothing(pg_store: PostgresStore) -> None:
    powers_of = "SELECT rolname::text, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = "
    [(role, *powers)] = raw(pg_store, powers_of + "current_user")
    assert role.startswith("memgraft_for_")
    assert powers == [False, False]
    for sql in (
        "DROP TABLE memgraft.records",
        "ALTER TABLE memgraft.records DISABLE ROW LEVEL SECURITY",
    ):
        with pytest.raises(StoreError, match="must be owner"):
            raw(pg_store, sql)


@pytest.fixture
def user(url: str) -> Iterator[Callable[[str], str]]:
    """`user(rights)` makes a user, and gives the URL of the database as that user."""
    made: list[str] = []

    def make(rights: str) -> str:
        name = f"{urlsplit(url).path[1:]}_u{len(made)}"
        made.append(name)
        with admin(url) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN {rights}")
            connection.execute(f"GRANT CREATE ON DATABASE {urlsplit(url).path[1:]} TO {name}")
        parts = urlsplit(url)
        return parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()

    yield make
    with admin(url) as connection:
        for name in made:
            roles = connection.execute(
                "SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)",
                (name, f"memgraft_for_{name}"),
            ).fetchall()
            for (role,) in roles[::-1]:
                connection.execute(f"DROP OWNED BY {role} CASCADE")
            for (role,) in roles:
                connection.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("rights", ["CREATEROLE", "NOCREATEROLE"])
def test_ordinary_users_are_kept_to_one_tenant(user: Callable[[str], str], rights: str) -> None:
    url = user(rights)
    with closing(PostgresStore(url, "one")) as one, closing(PostgresStore(url, "two")) as two:
        assert (one.database.role is None) == (rights == "NOCREATEROLE")
        record, _ = one.add(Record.new("I like tea"))
        two.add(Record.new("I like coffee"))
        assert raw(one, "SELECT id FROM memgraft.records") == [(record.id,)]
        one.reset()
        assert (one.count(), two.count()) == (0, 1)


def test_a_user_who_passes_security_by_is_refused(user: Callable[[str], str]) -> None:
    with pytest.raises(StoreError, match=r"passes row-level security by.*next: GRANT"):
        PostgresStore(user("BYPASSRLS"))


def test_a_user_without_rights_is_told(url: str, user: Callable[[str], str]) -> None:
    PostgresStore(url).close()
    with pytest.raises(StoreError, match=r"check the permissions"):
        PostgresStore(user(""))


# Faults


def test_a_writer_that_holds_on_makes_the_store_busy(pg_store: PostgresStore, url: str) -> None:
    record, _ = pg_store.add(Record.new("I like tea"))
    with closing(PostgresStore(url, busy_timeout=0.2)) as hasty, admin(url) as other:
        with other.transaction():
            other.execute("SELECT * FROM memgraft.tenants FOR UPDATE")
            with pytest.raises(StoreBusy, match=r"another process.*next: try again"):
                hasty.add(Record.new("I like coffee"))
            assert hasty.list() == [record]  # readers are not held up
        assert hasty.add(Record.new("I like coffee"))[1]


def test_too_few_connections_make_the_store_busy(url: str) -> None:
    with closing(PostgresStore(url, busy_timeout=0.2, connections=1)) as store:
        with pytest.raises(StoreBusy, match=r"in use.*within 0\.2 seconds.*more connections"):
            store.read(lambda _: store.count())
        assert store.count() == 0


def test_an_event_is_never_seen_before_a_lower_one(url: str) -> None:
    """Whoever followed the history up to a number has seen all that is below it."""
    with closing(PostgresStore(url)) as one, closing(PostgresStore(url)) as two:
        inside, leave = threading.Event(), threading.Event()

        def slow(session: PostgresRows) -> None:
            session.add(Record.new("told first"))
            inside.set()
            leave.wait(10)

        first = threading.Thread(target=one.write, args=(slow,))
        second = threading.Thread(target=two.add, args=(Record.new("told second"),))
        first.start()
        inside.wait(10)
        second.start()
        time.sleep(0.1)
        assert (two.sequence(), two.changed(0)) == (0, [])
        leave.set()
        first.join()
        second.join()
        assert [record.text for record in two.list()] != []
        told = [two.get(record_id).text for record_id in two.changed(0) or []]
        assert told == ["told first", "told second"]


def test_transactions_that_lost_are_repeated(pg_store: PostgresStore) -> None:
    tries = []

    def lose(times: int) -> Callable[[PostgresRows], tuple[Record, bool]]:
        def work(session: PostgresRows) -> tuple[Record, bool]:
            added = session.add(Record.new(f"I like tea {times}"))
            tries.append(times)
            if tries.count(times) <= times:
                raise psycopg.errors.SerializationFailure
            return added

        return work

    assert pg_store.write(lose(3))[1]
    assert pg_store.count() == pg_store.sequence() == 1
    with pytest.raises(StoreBusy, match="try again"):
        pg_store.write(lose(100))
    assert pg_store.count() == 1


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (psycopg.errors.DiskFull, StoreError, r"disk is full; nothing was changed.*next: free"),
        (psycopg.errors.AdminShutdown, StoreBusy, r"cannot be reached.*next: "),
        (psycopg.errors.CannotConnectNow, StoreBusy, r"cannot be reached.*next: "),
        (psycopg.errors.TooManyConnections, StoreBusy, r"too many connections.*next: "),
        (psycopg.errors.ReadOnlySqlTransaction, StoreError, r"cannot be written.*next: connect"),
        (psycopg.errors.DataCorrupted, StoreError, r"damaged.*next: restore"),
        (psycopg.errors.UndefinedTable, StoreError, r"the store failed.*next: check"),
        (psycopg.OperationalError, StoreBusy, r"cannot be reached.*next: "),
    ],
)
def test_faults_say_what_to_do(
    pg_store: PostgresStore, error: type[Exception], kind: type[StoreError], message: str
) -> None:
    def work(_: PostgresRows) -> None:
        raise error("as the server says")

    with pytest.raises(StoreError, match=message) as caught:
        pg_store.write(work)
    assert type(caught.value) is kind
    assert "as the server says" in caught.value.got
    assert pg_store.count() == 0


def test_what_postgres_cannot_keep_is_refused(pg_store: PostgresStore) -> None:
    for value in ("a\0b", "".join(map(chr, range(0x4E00, 0x5E00)))):
        with pytest.raises(InvalidInput, match="cannot be stored"):
            pg_store.put_document("event", value, {})
    assert pg_store.history("a\0b") == []
    with pytest.raises(NotFound):
        pg_store.get("a\0b")
    assert pg_store.sequence() == 0


def test_a_long_text_in_any_script_is_kept(pg_store: PostgresStore) -> None:
    long = [pg_store.add(Record.new(text))[0] for text in ("猫" * 8000, "a" * 8000)]
    assert pg_store.list() == long
    assert [found for found, _ in pg_store.search_text("猫猫", Scope(), 5)] == [long[0].id]


def test_connections_that_were_cut_are_replaced(pg_store: PostgresStore, url: str) -> None:
    record, _ = pg_store.add(Record.new("I like tea"))
    with admin(url) as connection:
        cut = (
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert connection.execute(cut).fetchall()[0][0] >= 1
        assert pg_store.list() == [record]

        def cut_off(session: PostgresRows) -> None:
            session.add(Record.new("I like coffee"))
            connection.execute(cut)
            session.run("SELECT 1")

        with pytest.raises(StoreBusy, match="cannot be reached"):
            pg_store.write(cut_off)
    assert pg_store.list() == [record]
    assert pg_store.add(Record.new("I like coffee"))[1]


def test_a_database_that_goes_away_and_comes_back(server: Any) -> None:
    with closing(PostgresStore(server.get_uri(), busy_timeout=0.5)) as store:
        # Tries that wait ever longer would go on long after the database is back.
        assert store.database._pool.reconnect_timeout == 0.5
        record, _ = store.add(Record.new("I like tea"))
        server.stop()
        for call in (store.list, lambda: store.add(Record.new("I like coffee"))):
            with pytest.raises(StoreBusy, match=r"cannot be reached.*next: see that the server"):
                call()
        with pytest.raises(StoreBusy, match="cannot be reached"):
            PostgresStore(server.get_uri(), busy_timeout=0.6)
        server.ensure_postgres_running()
        until = time.monotonic() + 30
        while True:
            try:
                assert store.list() == [record]
                break
            except StoreBusy:
                assert time.monotonic() < until, "the pool did not come back"
        assert store.add(Record.new("I like coffee"))[1]
