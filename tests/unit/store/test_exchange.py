"""Records as JSON lines: whole round trips, and files that must be refused as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store import exchange
from memgraft.store.base import Entry, Store
from memgraft.store.exchange import export_records, import_entries, read_records
from memgraft.store.sqlite import SQLiteStore

YUSUF, ADA = Scope(user_id="yusuf"), Scope(user_id="ada")
PAST, FUTURE = "2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[[str], SQLiteStore]]:
    opened: list[SQLiteStore] = []

    def make(name: str) -> SQLiteStore:
        opened.append(SQLiteStore(tmp_path / name, synchronous="OFF"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def full(make_store: Callable[[str], SQLiteStore]) -> SQLiteStore:
    """A store with a record of every kind."""
    store = make_store("full.db")
    first, _ = store.add(
        Record.new(
            "Şehrim İzmir'dir\u2028再び",
            Scope("yusuf", "agent", "app", "run"),
            metadata={"ключ": ["é", 1, 2.5, None, {"a": True}], "\x00": "\x7f"},
            categories=("home", "личное"),
            expires_at=FUTURE,
            event_time="2020",
            source="chat",
        )
    )
    store.update(first.id, {"text": "Şehrim Bursa'dır"})
    second = store.supersede(Record.new("Şehrim Ankara'dır", YUSUF), first.id)
    store.supersede(Record.new("Şehrim İstanbul'dur", YUSUF), second.id)
    store.add(Record.new("I like tea", ADA, expires_at=PAST))
    store.add(Record.new("I like 🍕", ADA))
    store.delete(store.add(Record.new("I like secrets", ADA))[0].id)
    return store


@pytest.fixture
def file(full: Store, tmp_path: Path) -> Path:
    path = tmp_path / "out.jsonl"
    assert export_records(full, path) == 5
    return path


def content(store: Store) -> list[tuple[Record, list[Any]]]:
    return [
        (entry.record, [replace(event, sequence=0) for event in entry.events])
        for entry in store.entries()
    ]


def test_a_round_trip_loses_nothing(
    full: Store, file: Path, make_store: Callable[[str], SQLiteStore], tmp_path: Path
) -> None:
    store = make_store("new.db")
    done = import_entries(store, lambda: read_records(file))
    assert vars(done) == {"added": 5, "unchanged": 0, "duplicates": (), "conflicts": ()}
    assert content(store) == content(full)
    assert store.list() == full.list()
    assert [found for found, _ in store.search_text("İstanbul", YUSUF, 5)]
    again = tmp_path / "again.jsonl"
    export_records(store, again)
    assert again.read_bytes() == file.read_bytes()


def test_importing_twice_changes_nothing(
    full: Store, file: Path, make_store: Callable[[str], SQLiteStore]
) -> None:
    store = make_store("new.db")
    import_entries(store, lambda: read_records(file))
    sequence = store.sequence()
    for target in (store, full):
        done = import_entries(target, lambda: read_records(file))
        assert (done.added, done.unchanged) == (0, 5)
    assert store.sequence() == sequence
    assert content(store) == content(full)


def test_what_differs_is_a_conflict_and_stays(full: Store, file: Path) -> None:
    [pizza] = full.list(ADA)
    changed = full.update(pizza.id, {"text": "I like cake"})
    done = import_entries(full, lambda: read_records(file))
    assert (done.unchanged, done.conflicts) == (4, (pizza.id,))
    assert full.get(pizza.id) == changed


def test_a_file_is_plain_json_lines(file: Path) -> None:
    header, *lines = file.read_text(encoding="utf-8").split("\n")[:-1]
    assert json.loads(header) == {"format": "memgraft-records", "version": 1, "records": 5}
    records = [json.loads(line) for line in lines]
    assert records[0]["run_id"] == "run"
    assert [event["event"] for event in records[0]["history"]] == ["ADD", "UPDATE", "UPDATE"]
    assert records[1]["supersedes"] == records[0]["id"]
    assert "secrets" not in file.read_text(encoding="utf-8")
    assert None not in records[4].values()


def test_one_scope_alone(full: Store, tmp_path: Path) -> None:
    path = tmp_path / "ada.jsonl"
    assert export_records(full, path, ADA) == 2
    assert {entry.record.scope for entry in read_records(path)} == {ADA}


def test_an_empty_store(make_store: Callable[[str], SQLiteStore], tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    assert export_records(make_store("empty.db"), path) == 0
    assert list(read_records(path)) == []


def test_pages_and_batches(
    make_store: Callable[[str], SQLiteStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BATCH", 3)
    store, other, path = make_store("a.db"), make_store("b.db"), tmp_path / "out.jsonl"
    for number in range(8):
        store.add(Record.new(f"Fact {number}"))
    told: list[tuple[str, int, int]] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    assert export_records(store, path, progress=progress) == 8
    import_entries(other, lambda: read_records(path), progress=progress)
    assert told == [
        ("writing", 3, 0), ("writing", 6, 0), ("writing", 8, 0),
        ("checking", 3, 0), ("checking", 6, 0), ("checking", 8, 0),
        ("importing", 3, 8), ("importing", 6, 8), ("importing", 8, 8),
    ]  # fmt: skip
    assert content(other) == content(store)


def test_a_dry_run_tells_what_would_happen(
    full: Store, file: Path, make_store: Callable[[str], SQLiteStore]
) -> None:
    store = make_store("new.db")
    done = import_entries(store, lambda: read_records(file), dry_run=True)
    assert done.added == 5
    assert store.sequence() == 0
    twins = [
        Entry(Record.new("I like tea")),
        Entry(Record.new("I like tea", expires_at=PAST)),
        Entry(Record.new("i like tea.")),
        Entry(replace(Record.new("I like tea"), superseded_by="x")),
        Entry(Record.new("I like tea", ADA)),
    ]
    planned = import_entries(store, lambda: iter(twins), dry_run=True)
    assert planned == import_entries(store, lambda: iter(twins))
    assert (planned.added, len(planned.duplicates)) == (3, 2)


def broken(file: Path, line: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one line, counted from 1."""
    lines = file.read_text(encoding="utf-8").split("\n")
    value = json.loads(lines[line - 1])
    change(value)
    lines[line - 1] = json.dumps(value)
    file.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "change", "sentence"),
    [
        (1, {"version": 2}, "line 1 of out.jsonl: this version of the format is unknown"),
        (1, {"version": "1"}, "line 1 of out.jsonl: this version"),
        (1, {"format": "other"}, "line 1 of out.jsonl: these are no records"),
        (1, {"records": 6}, "out.jsonl is not whole; expected: 6 records"),
        (1, {"records": "5"}, "line 1 of out.jsonl: records must be a number"),
        (3, {"text": 5}, "line 3 of out.jsonl: a memory must be text"),
        (3, {"text": ""}, "line 3 of out.jsonl: the text of a memory is blank"),
        (3, {"id": 7}, "line 3 of out.jsonl: a record id cannot be used"),
        (3, {"id": ""}, "line 3 of out.jsonl: a record id cannot be used"),
        (3, {"user_id": 7}, "line 3 of out.jsonl: user_id cannot be used"),
        (3, {"colour": "red"}, "line 3 of out.jsonl: a record has no field 'colour'"),
        (3, {"created_at": "soon"}, "line 3 of out.jsonl: this is no time"),
        (3, {"created_at": 5}, "line 3 of out.jsonl: created_at cannot be used"),
        (3, {"version": "1"}, "line 3 of out.jsonl: version cannot be used"),
        (3, {"metadata": [1]}, "line 3 of out.jsonl: metadata cannot be used"),
        (3, {"categories": "home"}, "line 3 of out.jsonl: categories cannot be used"),
        (3, {"history": {}}, "line 3 of out.jsonl: history must be a list"),
        (3, {"history": [5]}, "line 3 of out.jsonl: an event must be a JSON object"),
        (3, {"history": [{"at": PAST}]}, "line 3 of out.jsonl: an event must have event"),
        (3, {"history": [{"event": "SLEEP", "at": PAST}]}, "no event is called that"),
        (3, {"history": [{"event": "ADD", "at": PAST, "x": 1}]}, "an event has no field 'x'"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_kept(
    file: Path,
    make_store: Callable[[str], SQLiteStore],
    line: int,
    change: dict[str, Any],
    sentence: str,
) -> None:
    broken(file, line, lambda value: value.update(change))
    store = make_store("new.db")
    with pytest.raises(InvalidInput) as told:
        import_entries(store, lambda: read_records(file))
    assert sentence in str(told.value)
    assert store.sequence() == 0


@pytest.mark.parametrize("name", ["id", "text", "created_at", "updated_at"])
def test_a_record_must_have_what_makes_it_one(file: Path, name: str) -> None:
    broken(file, 4, lambda value: value.pop(name))
    with pytest.raises(InvalidInput, match=f"line 4 of out.jsonl: a record must have {name}"):
        list(read_records(file))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (2, b'{"id": "a", "text": "cut sho'),
        (2, b"[]"),
        (2, b"null"),
        (2, b'"text"'),
        (2, b"\xff\xfe"),
        (2, b"[" * 100_000),
        (2, b'{"id": "a", "text": ' + b"9" * 10_000 + b"}"),
        (1, b"id,text"),
        (1, b""),
    ],
)
def test_lines_that_are_no_records(file: Path, line: int, text: bytes) -> None:
    lines = file.read_bytes().split(b"\n")
    lines[line - 1] = text
    file.write_bytes(b"\n".join(lines))
    with pytest.raises(InvalidInput, match=r"line \d of out.jsonl: "):
        list(read_records(file))


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_was_cut_short_is_refused(
    file: Path, make_store: Callable[[str], SQLiteStore], share: float
) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    store = make_store("new.db")
    with pytest.raises(InvalidInput, match="no JSON"):
        import_entries(store, lambda: read_records(file))
    file.write_bytes(whole[: whole[:-1].rindex(b"\n") + 1])
    with pytest.raises(InvalidInput, match=r"not whole; expected: 5 .*; got: 4"):
        import_entries(store, lambda: read_records(file))
    assert store.sequence() == 0


def test_blank_lines_and_a_byte_order_mark_do_not_matter(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert len(list(read_records(file))) == 5


def test_a_header_without_a_count(file: Path) -> None:
    broken(file, 1, lambda value: value.pop("records"))
    assert len(list(read_records(file))) == 5


def test_an_id_stands_once_in_a_file(file: Path) -> None:
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([*lines[:3], lines[1], *lines[3:]]))
    with pytest.raises(InvalidInput, match=r"line 4 of out.jsonl: this id stands twice"):
        list(read_records(file))


def test_files_that_cannot_be_read_or_written(full: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        list(read_records(tmp_path / "none.jsonl"))
    with pytest.raises(InvalidInput, match="cannot read"):
        list(read_records(tmp_path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="cannot write"):
        export_records(full, tmp_path / "file" / "out.jsonl")


def test_an_export_that_fails_leaves_no_file(
    full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"

    def failing(*_: Any) -> list[Entry]:
        raise RuntimeError

    monkeypatch.setattr(full, "entries", failing)
    with pytest.raises(RuntimeError):
        export_records(full, folder / "out.jsonl")
    assert list(folder.iterdir()) == []


def test_an_interrupted_import_goes_on(
    file: Path, make_store: Callable[[str], SQLiteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BATCH", 2)
    store = make_store("new.db")

    def interrupted(what: str, done: int, total: int) -> None:
        if what == "importing" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_entries(store, lambda: read_records(file), progress=interrupted)
    assert len(store.entries()) == 2
    done = import_entries(store, lambda: read_records(file))
    assert (done.added, done.unchanged) == (3, 2)


def test_homes_see_what_was_imported(file: Path, tmp_path: Path) -> None:
    from memgraft.memory import Memory
    from toys import ToyHome

    home = ToyHome()
    with Memory(SQLiteStore(tmp_path / "new.db"), [home]) as memory:
        memory.add("I am here already")
        with closing(SQLiteStore(tmp_path / "new.db")) as store:
            import_entries(store, lambda: read_records(file))
        memory.catch_up()
        texts = {record.text for record in home.records.values()}
    assert texts == {"I am here already", "I like 🍕", "Şehrim İstanbul'dur"}
