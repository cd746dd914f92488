"""The SQLite store: the common contract, and what is its own (files, locks, faults, schema)."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conformance import StoreConformance
from together import StoreTogether, add_fifty

from memgraft.core.errors import Conflict, InvalidInput, StoreBusy, StoreError
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store import migrations
from memgraft.store.base import Store
from memgraft.store.migrations import MIGRATIONS, migrate
from memgraft.store.open import open_store
from memgraft.store.sqlite import SQLiteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "mémoire?#%.db"


@pytest.fixture
def sqlite_store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        yield store


def raw(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(path, isolation_level=None)


def inner(store: SQLiteStore) -> sqlite3.Connection:
    assert store._connection
    return store._connection


class TestSQLite(StoreConformance, StoreTogether):
    @pytest.fixture
    def make_store(self, path: Path) -> Iterator[Callable[[], Store]]:
        opened: list[Store] = []

        def make() -> Store:
            opened.append(open_store(path))
            return opened[-1]

        yield make
        for store in opened:
            store.close()

    def check_integrity(self, store: Store) -> None:
        with closing(raw(Path(store.location))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")


# Opening


def test_ram_keeps_nothing_but_works() -> None:
    store = SQLiteStore(":memory:")
    store.add(Record.new("I like tea"))
    assert (store.location, store.count()) == (":memory:", 1)
    store.reset()
    assert store.count() == 0


def test_writes_are_synced_unless_asked_otherwise(path: Path) -> None:
    for mode, number in (("FULL", 2), ("NORMAL", 1)):
        with closing(SQLiteStore(path, synchronous=mode)) as store:
            assert inner(store).execute("PRAGMA synchronous").fetchone() == (number,)
            assert inner(store).execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(InvalidInput, match="got: SOMETIMES"):
        SQLiteStore(path, synchronous="SOMETIMES")


def test_a_new_store_is_for_its_owner_alone(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.add(Record.new("I like tea"))
        files = sorted(path.parent.iterdir())
        assert len(files) == 3
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
    path.chmod(0o640)
    SQLiteStore(path).close()
    assert path.stat().st_mode & 0o777 == 0o640, "what its owner allowed stays"


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"not a folder; expected: .*; got: .*; next: .*memory\.db"
    ):
        SQLiteStore(tmp_path)


def test_a_parent_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be created; expected: .*; got: .*; next: "):
        SQLiteStore(tmp_path / "file" / "memory.db")


def test_a_file_of_another_kind_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(StoreError, match=r"no SQLite database; expected: .*; got: .*; next: "):
        SQLiteStore(path)
    assert path.read_bytes() == b"no database at all " * 100


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    with closing(raw(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreError, match=r"another program.*bookmarks"):
        SQLiteStore(path)


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with closing(SQLiteStore(path)) as store:
        assert store.count() == 0


def test_locations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = str(tmp_path / "a b.db")
    url = f"sqlite://{tmp_path}/a%20b.db"
    for location in (wanted, Path(wanted), "a b.db", "~/a b.db", url, url.replace(":/", ":///", 1)):
        with closing(open_store(location)) as store:
            assert store.location == wanted
    assert [found.name for found in tmp_path.iterdir()] == ["a b.db"]


@pytest.mark.parametrize(
    "location",
    [
        Path("postgres://user:secret@host/db"),
        "mysql://host",
        ":memory:",
        "sqlite:///:memory:",
        "sqlite://relative.db",
        "sqlite://",
        "sqlite:///",
        "",
        " ",
    ],
)
def test_locations_that_are_not_supported(location: str | Path) -> None:
    with pytest.raises(InvalidInput, match="expected: a file path, or sqlite:") as caught:
        open_store(location)
    assert "secret" not in str(caught.value)
    assert caught.value.got
    if "postgres" in str(location):
        assert "postgres" in str(caught.value)


# Schema


def test_migrations_run_once(path: Path) -> None:
    with closing(raw(path)) as connection:
        assert migrate(connection) == [name for name, _ in MIGRATIONS]
        assert migrate(connection) == []
    with closing(SQLiteStore(path)) as store:
        names = inner(store).execute("SELECT name FROM memgraft_migrations").fetchall()
        assert sorted(names) == [(name,) for name, _ in MIGRATIONS]


def test_an_older_store_gets_the_missing_steps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SQLiteStore(path)) as store:
        record, _ = store.add(Record.new("I like tea"))
    steps = [*MIGRATIONS, ("9998-more", "CREATE TABLE more (a);\nINSERT INTO more VALUES (1);")]
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    with closing(SQLiteStore(path)) as store:
        assert store.list() == [record]
        assert inner(store).execute("SELECT a FROM more").fetchall() == [(1,)]


def test_a_step_that_fails_is_undone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SQLiteStore(path).close()
    steps = [*MIGRATIONS, ("9998-bad", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);")]
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    with pytest.raises(StoreError, match="nowhere"):
        SQLiteStore(path)
    monkeypatch.undo()
    with closing(SQLiteStore(path)) as store:
        sql = "SELECT count(*) FROM sqlite_master WHERE name = 'half'"
        assert inner(store).execute(sql).fetchone() == (0,)


def test_a_newer_store_is_refused(path: Path) -> None:
    SQLiteStore(path).close()
    with closing(raw(path)) as connection:
        connection.execute("INSERT INTO memgraft_migrations VALUES ('9999-future', '')")
    with pytest.raises(StoreError, match=r"newer memgraft.*9999-future.*upgrade"):
        SQLiteStore(path)


def test_two_processes_create_one_store(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    children = [context.Process(target=add_fifty, args=(str(path), name, barrier)) for name in "ab"]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0]
    with closing(SQLiteStore(path)) as store:
        assert store.count() == 100


def test_history_cannot_be_rewritten(sqlite_store: SQLiteStore) -> None:
    sqlite_store.add(Record.new("I like tea"))
    sqlite_store.reset()  # the triggers must still be there afterwards
    record, _ = sqlite_store.add(Record.new("I like tea"))
    for sql in ("DELETE FROM history", "UPDATE history SET old_text = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            inner(sqlite_store).execute(sql)
    assert len(sqlite_store.history(record.id)) == 1


def test_the_index_refuses_a_second_live_copy(sqlite_store: SQLiteStore) -> None:
    sqlite_store.add(Record.new("I like tea"))
    other, _ = sqlite_store.add(Record.new("I like coffee"))
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        inner(sqlite_store).execute(
            "UPDATE records SET content_hash = (SELECT content_hash FROM records LIMIT 1) "
            "WHERE id = ?",
            (other.id,),
        )


@pytest.mark.parametrize("together", [False, True])
def test_reset_wipes_the_bytes(sqlite_store: SQLiteStore, path: Path, together: bool) -> None:
    for number in range(50):
        sqlite_store.add(Record.new(f"the secret word is xylophone {number}"))
    with sqlite_store.together() if together else contextlib.nullcontext():
        sqlite_store.reset()
    for file in path.parent.iterdir():
        assert b"xyloph" not in file.read_bytes(), file.name


# Faults


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_acknowledged_that_goes_to_a_removed_file(path: Path, replaced: bool) -> None:
    with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path.parent / "new")) as new:
        kept, _ = store.add(Record.new("I like tea"))
        new.close()
        path.rename(path.parent / "aside")
        if replaced:
            (path.parent / "new").rename(path)
        for write in (
            lambda: store.add(Record.new("I like cake")),
            lambda: store.delete(kept.id),
            lambda: store.put_document("note", "1", {}),
            store.reset,
            store.together().__enter__,
        ):
            with pytest.raises(StoreError, match=r"removed or replaced.*next: put it back") as told:
                write()
            assert not isinstance(told.value, StoreBusy)
        (path.parent / "aside").replace(path)
        assert store.add(Record.new("I like cake"))[1], "it is the same file again"


def test_a_busy_store_says_so(sqlite_store: SQLiteStore, path: Path) -> None:
    record, _ = sqlite_store.add(Record.new("I like tea"))
    with closing(raw(path)) as other, closing(SQLiteStore(path, busy_timeout=0.05)) as hasty:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"another process.*0\.05 seconds.*next: try again"):
            hasty.add(Record.new("I like coffee"))
        assert hasty.list() == [record]  # readers are not held up
        other.execute("ROLLBACK")
        assert hasty.add(Record.new("I like coffee"))[1]


def test_together_all_or_nothing_is_on_disk_when_it_ends(
    sqlite_store: SQLiteStore, path: Path
) -> None:
    def others() -> tuple[int, int]:
        with closing(SQLiteStore(path)) as beside:
            return beside.count(), beside.count_documents("note")

    with sqlite_store.together():
        tea, _ = sqlite_store.add(Record.new("I like tea"))
        with pytest.raises(Conflict):
            sqlite_store.add(replace(tea, text="The same id"))
        with pytest.raises(InvalidInput):
            sqlite_store.put_document("note", "bad", {"a": object()})
        sqlite_store.put_document("note", "good", {"a": 1})
        assert sqlite_store.entries()[0].record == tea
        assert sqlite_store.changed(0) == [tea.id]
        with closing(raw(path)) as connection:
            assert connection.execute("SELECT count(*) FROM records").fetchone() == (0,)
    assert others() == (1, 1)
    assert [event.event for event in sqlite_store.history(tea.id)] == ["ADD"]
    before = sqlite_store.sequence()
    with pytest.raises(ZeroDivisionError), sqlite_store.together():
        sqlite_store.add(Record.new("I like cake"))
        sqlite_store.put_document("note", "other", {})
        sqlite_store.delete(tea.id)
        raise ZeroDivisionError
    assert others() == (1, 1)
    assert sqlite_store.sequence() == before
    assert sqlite_store.add(Record.new("I like cake"))[1]
    assert others() == (2, 1)


def test_a_disk_that_is_full_halfway_through_what_goes_together(
    sqlite_store: SQLiteStore, path: Path
) -> None:
    pages = inner(sqlite_store).execute("PRAGMA page_count").fetchone()[0]
    inner(sqlite_store).execute(f"PRAGMA max_page_count = {pages + 10}")
    kept = []
    with sqlite_store.together():
        for number in range(60):
            with contextlib.suppress(StoreError):
                text = f"fact number {number} " + "long " * 200
                kept.append(sqlite_store.add(Record.new(text))[0])
    assert 0 < len(kept) < 60
    assert sqlite_store.list() == kept
    sqlite_store.close()
    with closing(SQLiteStore(path)) as store:
        assert inner(store).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_transaction_that_sqlite_undid_is_told_of_and_leaves_nothing(
    sqlite_store: SQLiteStore,
) -> None:
    with pytest.raises(StoreError), sqlite_store.together():
        sqlite_store.add(Record.new("I like tea"))
        inner(sqlite_store).execute("ROLLBACK")  # as SQLite does by itself after some faults
        with pytest.raises(StoreError, match="was undone"):
            sqlite_store.add(Record.new("I like cake"))
    assert sqlite_store.list() == []
    assert sqlite_store.add(Record.new("I like cake"))[1]


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    sqlite_store: SQLiteStore, path: Path
) -> None:
    pages = inner(sqlite_store).execute("PRAGMA page_count").fetchone()[0]
    inner(sqlite_store).execute(f"PRAGMA max_page_count = {pages + 10}")
    acknowledged = []
    with pytest.raises(
        StoreError, match=r"disk is full; nothing was changed.*next: free"
    ) as caught:
        for number in range(1000):
            record, _ = sqlite_store.add(Record.new(f"fact number {number} " + "long " * 200))
            acknowledged.append(record)
    assert not isinstance(caught.value, StoreBusy)
    assert acknowledged
    assert sqlite_store.list() == acknowledged
    inner(sqlite_store).execute("PRAGMA max_page_count = 100000")
    acknowledged.append(sqlite_store.add(Record.new("there is space again"))[0])
    sqlite_store.close()
    with closing(SQLiteStore(path)) as store:
        assert store.list() == acknowledged
        assert inner(store).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        inner(store).execute("INSERT INTO search (search) VALUES ('integrity-check')")


def test_a_store_that_cannot_be_written_says_so(sqlite_store: SQLiteStore) -> None:
    record, _ = sqlite_store.add(Record.new("I like tea"))
    inner(sqlite_store).execute("PRAGMA query_only = ON")
    for call in (lambda: sqlite_store.delete(record.id), sqlite_store.reset):
        with pytest.raises(StoreError, match=r"cannot be written.*next: check the permissions"):
            call()
    assert sqlite_store.list() == [record]


def test_a_read_only_file_is_an_error_to_create(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw(path).close()
    path.touch()
    connect = sqlite3.connect

    def read_only(location: str, **options: object) -> sqlite3.Connection:
        quoted = Path(location).as_uri()
        return connect(f"{quoted}?mode=ro", uri=True, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(StoreError, match="next: check the permissions"):
        SQLiteStore(path)


def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    try:
        (folder / "probe").touch()
        pytest.skip("this user can write anywhere")
    except PermissionError:
        pass
    with pytest.raises(StoreError, match=r"cannot be opened.*next: check"):
        SQLiteStore(folder / "memory.db")
    with pytest.raises(StoreError, match="cannot be created"):
        SQLiteStore(folder / "deeper" / "memory.db")


def test_a_damaged_store_is_an_error(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        for number in range(200):
            store.add(Record.new(f"fact number {number}"))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)
    with (
        pytest.raises(StoreError, match=r"expected: .*; got: .*; next: restore"),
        closing(SQLiteStore(path)) as store,
    ):
        store.search_text("fact", Scope(), 5)
        store.list()
