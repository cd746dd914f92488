"""Records as JSON lines: a store's content in a file, and back again.

The first line is `{"format": "memgraft-records", "version": 1, "records": N}`. Every other one is
a record: its fields, with the ids of its scope beside the others and those that are null left
out, and `history`, the list of its events, oldest first.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput, MemgraftError
from memgraft.core.filters import SCOPE
from memgraft.core.folder import replaced
from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.store.base import Entry, Outcome, Store
from memgraft.store.entries import checked
from memgraft.store.rows import is_live

FORMAT, VERSION = "memgraft-records", 1
# (what, how many are done, how many there are or 0 where that is not known yet).
Progress = Callable[[str, int, int], None]
# Reads a file from its beginning; called once to check all of it, and once to keep it.
Reader = Callable[[], Iterator[Entry]]

_BATCH = 1_000
# Room for the first line, whose count is known last; JSON does not mind spaces.
_HEADER = 120
_RECORD = [field.name for field in fields(Record) if field.name != "scope"]
_EVENT = [f.name for f in fields(Event) if f.name not in ("scope", "sequence", "memory_id")]
_HISTORY = "history"
_RECORD_KEYS = frozenset((*_RECORD, *SCOPE, _HISTORY))
_EVENT_KEYS = frozenset((*_EVENT, *SCOPE))


@dataclass(frozen=True)
class Imported:
    """How many entries got which outcome (see `memgraft.store.base.Outcome`), and the ids of
    those that were not taken over."""

    added: int
    unchanged: int
    duplicates: tuple[str, ...]
    conflicts: tuple[str, ...]


def export_records(
    store: Store,
    path: Path,
    scope: Scope = Scope(),
    progress: Progress | None = None,
    overwrite: bool = True,
) -> int:
    """Write the records that the scope covers, superseded and expired ones too. Returns how many.

    Deleted ones are not written. The file takes its name when it is whole, that of another one
    only with `overwrite`.

    Raises:
        InvalidInput: the file cannot be written.
    """
    tell = progress or (lambda *_: None)
    written, last = 0, 0
    try:
        with replaced(path, overwrite) as part, part.open("wb") as file:
            file.write(_header(0))
            while page := store.entries(scope, last, _BATCH):
                file.writelines(map(line, page))
                written, last = written + len(page), page[-1].number
                tell("writing", written, 0)
            file.seek(0)
            file.write(_header(written))
    except OSError as error:
        raise InvalidInput(
            f"cannot write {path}",
            got=error.strerror or str(error),
            next_step="name another file, or check permissions and free space",
        ) from error
    return written


def import_entries(
    store: Store, read: Reader, dry_run: bool = False, progress: Progress | None = None
) -> Imported:
    """Put what is read into a store. All of it is checked before the first of it is kept.

    Done again after an interruption, it goes on: what is there just so already stays as it is.

    Raises:
        InvalidInput: something cannot be read or kept; nothing was changed.
    """
    tell = progress or (lambda *_: None)
    total = 0
    for batch in _batches(read()):
        total += len(batch)
        tell("checking", total, 0)
    ids: dict[Outcome, list[str]] = {name: [] for name in ("unchanged", "duplicate", "conflict")}
    done, contents = 0, set[tuple[Scope, str]]()
    for batch in _batches(read()):
        outcomes = store.restore(batch, dry_run)
        if dry_run:  # what stands twice in the file would be kept once
            outcomes = [_planned(*pair, contents) for pair in zip(batch, outcomes, strict=True)]
        for entry, outcome in zip(batch, outcomes, strict=True):
            if outcome != "added":
                ids[outcome].append(entry.record.id)
        done += len(batch)
        tell("importing", done, total)
    added = done - sum(map(len, ids.values()))
    return Imported(added, len(ids["unchanged"]), tuple(ids["duplicate"]), tuple(ids["conflict"]))


def read_records(path: Path) -> Iterator[Entry]:
    """The entries of a file that `export_records` wrote.

    Raises:
        InvalidInput: no such file, another format or a newer version, a line that is no record or
            an id that stands twice, or fewer records than the first line says.
    """
    numbered = _lines(path)
    first, header = next(numbered, (1, None))
    with located(f"line {first} of {path.name}"):
        expected = _expected(header)
    seen: set[str] = set()
    for number, value in numbered:
        with located(f"line {number} of {path.name}"):
            entry = checked(_entry(value))
            if entry.record.id in seen:
                raise InvalidInput("this id stands twice in the file", got=entry.record.id)
        seen.add(entry.record.id)
        yield entry
    if expected is not None and expected != len(seen):
        raise InvalidInput(
            f"{path.name} is not whole",
            expected=f"{expected} records, as its first line says",
            got=f"{len(seen)}",
            next_step='export it again, or take "records" out of the first line',
        )


@contextlib.contextmanager
def located(place: str) -> Iterator[None]:
    """Errors of ours from inside the block are told with the place where they arose."""
    try:
        yield
    except MemgraftError as error:
        raise InvalidInput(
            f"{place}: {error.what}",
            expected=error.expected,
            got=error.got,
            next_step=error.next_step,
        ) from error


def opened(path: Path) -> bytes:
    """All bytes of a file, or `InvalidInput`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def parsed(text: bytes) -> Any:
    """The value of a JSON text, or `InvalidInput`."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "this is no JSON", expected="one whole JSON value", got=str(error)[:80]
        ) from error


def line(entry: Entry) -> bytes:
    """An entry as it stands in a file."""
    record = {name: getattr(entry.record, name) for name in _RECORD}
    history = [
        _without_nulls({name: getattr(event, name) for name in _EVENT} | event.scope.given())
        for event in entry.events
    ]
    shown = _without_nulls(record | entry.record.scope.given()) | {_HISTORY: history}
    return (json.dumps(shown, ensure_ascii=False) + "\n").encode()


def _header(count: int) -> bytes:
    header = {"format": FORMAT, "version": VERSION, "records": count}
    return json.dumps(header).ljust(_HEADER).encode() + b"\n"


def _without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    waiting = iter(entries)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def _planned(entry: Entry, outcome: Outcome, contents: set[tuple[Scope, str]]) -> Outcome:
    """What the outcome will be, by the contents that this import will have kept until then."""
    record = entry.record
    if outcome != "added" or record.superseded_by:
        return outcome
    content = record.scope, record.content
    if content in contents:
        return "duplicate"
    if is_live(record):
        contents.add(content)
    return outcome


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of the lines that are not blank, with their numbers from 1."""
    try:
        with path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    with located(f"line {number} of {path.name}"):
                        value = parsed(text)
                    yield number, value
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f"cannot read {path}", got=error.strerror or str(error))


def _expected(header: Any) -> int | None:
    """How many records the first line promises, if it does."""
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InvalidInput(
            "these are no records of memgraft",
            expected=f'{{"format": "{FORMAT}", "version": {VERSION}}}',
            got=repr(header)[:80],
            next_step="name the file's --format",
        )
    if header.get("version") != VERSION:
        raise InvalidInput(
            "this version of the format is unknown",
            expected=f"version {VERSION}",
            got=repr(header.get("version"))[:80],
            next_step="upgrade: pip install --upgrade memgraft",
        )
    count = header.get("records")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
        raise InvalidInput("records must be a number", got=repr(count)[:80])
    return count


def _entry(value: Any) -> Entry:
    values = _known(value, "a record", _RECORD_KEYS)
    for name in ("id", "text", "created_at", "updated_at"):
        if name not in values:
            raise InvalidInput(f"a record must have {name}", got=repr(value)[:80])
    events = values.pop(_HISTORY, [])
    if not isinstance(events, list):
        raise InvalidInput("history must be a list", got=repr(events)[:80])
    scope = Scope(**{name: values.pop(name, None) for name in SCOPE})
    if isinstance(values.get("categories"), list):
        values["categories"] = tuple(values["categories"])
    record = Record(scope=scope, **values)
    return Entry(record, tuple(_event(event, record.id) for event in events))


def _event(value: Any, record_id: str) -> Event:
    values = _known(value, "an event", _EVENT_KEYS)
    for name in ("event", "at"):
        if name not in values:
            raise InvalidInput(f"an event must have {name}", got=repr(value)[:80])
    scope = Scope(**{name: values.pop(name, None) for name in SCOPE})
    texts = {"old_text": None, "new_text": None}
    return Event(sequence=0, memory_id=record_id, scope=scope, **{**texts, **values})


def _known(value: Any, what: str, names: frozenset[str]) -> dict[str, Any]:
    """A copy of an object that has only these names."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be a JSON object", got=repr(value)[:80])
    if not value.keys() <= names:
        unknown = min(value.keys() - names)
        raise InvalidInput(
            f"{what} has no field {unknown!r}",
            expected=", ".join(sorted(names)),
            got=repr(value)[:80],
        )
    return dict(value)
