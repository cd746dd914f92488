"""Records and events as rows, whatever database holds them, and what a transaction does to them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from memgraft.core.errors import Conflict, InvalidInput, NotFound
from memgraft.core.records import Event, EventName, Record, clean_text, now
from memgraft.core.scope import Scope
from memgraft.store.base import Entry

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
# Levels of lists and dictionaries inside each other: what reads them must not run out of stack.
_DEEPEST = 32
# Bytes of an id in UTF-8: what fits into the rows of every store's indexes.
_LONGEST_ID = 512

UPDATABLE = ("text", "metadata", "categories", "expires_at", "event_time")

NAMES = (
    "id", "text", "user_id", "agent_id", "app_id", "run_id", "metadata", "categories",
    "created_at", "updated_at", "expires_at", "event_time", "version", "supersedes",
    "superseded_by", "source",
)  # fmt: skip
EVENT_NAMES = (
    "sequence", "memory_id", "event", "old_text", "new_text", "at", "user_id", "agent_id",
    "app_id", "run_id", "reason",
)  # fmt: skip
COLUMNS = ", ".join(NAMES)
# `twin_values` are its values; `?` stands for each.
TWIN = (
    "coalesce(user_id, '') = ? AND coalesce(agent_id, '') = ? AND coalesce(app_id, '') = ? "
    "AND coalesce(run_id, '') = ? AND content_hash = ? AND superseded_by IS NULL"
)

# The same for all that is live in one scope: `exactly` gives the values.
EXACTLY = TWIN.replace("content_hash = ?", "(expires_at IS NULL OR expires_at >= ?)")


class Rows(ABC):
    """One transaction on the records: the verbs of a store, over what a database has to offer."""

    # -- what a database offers ------------------------------------------------------------

    @abstractmethod
    def find(self, record_id: str) -> Record | None:
        """The row of this id."""

    @abstractmethod
    def twin(self, record: Record) -> Record | None:
        """The record of same scope and content that is not superseded; it may be expired."""

    @abstractmethod
    def within(self, scope: Scope) -> list[Record]:
        """All that the scope covers, in the order of their adding, superseded ones too."""

    @abstractmethod
    def put(self, record: Record) -> None:
        """A new row."""

    @abstractmethod
    def overwrite(self, record: Record) -> None:
        """The row of this id becomes `record`."""

    @abstractmethod
    def drop(self, record_id: str) -> None:
        """The row goes."""

    @abstractmethod
    def put_event(self, event: Event) -> None:
        """One line of history, with the next number in place of its own."""

    @abstractmethod
    def events(self, record_id: str) -> list[Event]:
        """The history of one record, oldest first."""

    def together(self) -> AbstractContextManager[Any]:
        """Inside it, statements without an answer need not wait for each other."""
        return nullcontext()

    # -- what a store does with it ---------------------------------------------------------

    def add(self, record: Record) -> tuple[Record, bool]:
        """See `Store.add`; the record is normalised."""
        twin = self.twin(record)
        if twin and is_live(twin):
            return twin, False
        if twin:  # expired: it makes room, and stays readable
            self.retire(twin, record)
            record = replace(record, supersedes=record.supersedes or twin.id)
        return self._insert(record), True

    def supersede(self, record: Record, old_id: str) -> Record:
        """See `Store.supersede`; the record is normalised."""
        old = self.fetch(old_id)
        if old.superseded_by:
            raise Conflict(
                "another memory has taken its place already",
                expected=f"a live memory as {old_id}",
                got=f"one superseded by {old.superseded_by}",
                next_step="read the memory again",
            )
        self.retire(old, record)
        self._make_room(record)
        return self._insert(record)

    def update(
        self, record_id: str, fields: dict[str, Any], expected_version: int | None
    ) -> Record:
        """See `Store.update`."""
        old = self.fetch(record_id)
        if expected_version not in (None, old.version):
            raise Conflict(
                "the memory changed since it was read",
                expected=f"version {expected_version}",
                got=f"version {old.version}",
                next_step="read it again and repeat the change",
            )
        new = normalised(replace(old, **fields))
        changed = [name for name in UPDATABLE if getattr(new, name) != getattr(old, name)]
        if not changed:
            return old
        new = new.changed()
        if not new.superseded_by:
            self._make_room(new)
        self.overwrite(new)
        self.log("UPDATE", new, old.text, new.text, "changed " + ", ".join(changed))
        return new

    def delete(self, record_id: str) -> Record:
        """See `Store.delete`."""
        record = self.fetch(record_id)
        self._remove(record, None)
        return record

    def delete_all(self, scope: Scope) -> list[str]:
        """See `Store.delete_all`."""
        records = self.within(scope)
        with self.together():
            for record in records:
                self._remove(record, "delete_all")
        return [record.id for record in records]

    def fetch(self, record_id: str) -> Record:
        """One record, or `NotFound`."""
        found = self.find(record_id)
        if found is None:
            raise NotFound(
                "there is no such memory",
                expected="the id of a memory in this store",
                got=repr(record_id),
                next_step="list the memories to see their ids",
            )
        return found

    def log(
        self,
        event: EventName,
        record: Record,
        old_text: str | None,
        new_text: str | None,
        reason: str | None = None,
    ) -> None:
        """One line of history, of this moment."""
        self.put_event(Event(0, record.id, event, old_text, new_text, now(), record.scope, reason))

    def retire(self, old: Record, new: Record) -> None:
        """`old` is superseded by `new`, which the caller inserts."""
        self.overwrite(old.changed(superseded_by=new.id))
        self.log("UPDATE", old, old.text, new.text, f"superseded by {new.id}")

    def _insert(self, record: Record) -> Record:
        """A new row and its ADD event. A used id is a `Conflict`."""
        if self.find(record.id) is not None:
            raise Conflict("this id is in use", expected="a new id", got=record.id)
        self.put(record)
        self.log("ADD", record, None, record.text)
        return record

    def _make_room(self, record: Record) -> None:
        """A live record with this content is a `Conflict`; an expired one is superseded."""
        other = self.twin(record)
        if other is None or other.id == record.id:
            return
        if is_live(other):
            raise Conflict(
                "another memory says the same",
                expected="a text that this scope does not have yet",
                got=f"the text of {other.id}",
                next_step="delete one of the two",
            )
        self.retire(other, record)

    def _remove(self, record: Record, reason: str | None) -> None:
        """Delete the row; its history stays and gets a DELETE event."""
        self.drop(record.id)
        self.log("DELETE", record, record.text, None, reason)


def where(scope: Scope) -> tuple[str, list[Any]]:
    """A condition on `records` for what the scope covers, and its values; `?` stands for each."""
    given = scope.given()
    return " AND ".join(["true", *(f"{name} = ?" for name in given)]), list(given.values())


def live(scope: Scope, expired: bool = False) -> tuple[str, list[Any]]:
    """The same for live records only, or for those too that were live until they expired."""
    condition, values = where(scope)
    if expired:
        return f"superseded_by IS NULL AND {condition}", values
    alive = "superseded_by IS NULL AND (expires_at IS NULL OR expires_at >= ?)"
    return f"{alive} AND {condition}", [now(), *values]


def is_live(record: Record) -> bool:
    return not record.superseded_by and (record.expires_at is None or record.expires_at >= now())


def twin_values(record: Record) -> list[Any]:
    return [*(value or "" for value in scope_values(record.scope)), record.content]


def exactly(scope: Scope) -> list[Any]:
    return [*(value or "" for value in scope_values(scope)), now()]


def scope_values(scope: Scope) -> tuple[str | None, ...]:
    return scope.user_id, scope.agent_id, scope.app_id, scope.run_id


def encoded(record: Record) -> list[Any]:
    """The values of `NAMES`, and the hash of the content."""
    texts = {"metadata": _json(record.metadata), "categories": _json(list(record.categories))}
    scope = dict(zip(NAMES[2:6], scope_values(record.scope), strict=True))
    values = {**vars(record), **texts, **scope}
    return [*(values[name] for name in NAMES), record.content]


def decoded(row: Sequence[Any]) -> Record:
    """A record from the values of `NAMES`."""
    values = dict(zip(NAMES, row, strict=True))
    scope = Scope(*(values.pop(name) for name in NAMES[2:6]))
    values["metadata"] = json.loads(values["metadata"])
    values["categories"] = tuple(json.loads(values["categories"]))
    return Record(scope=scope, **values)


def event_values(event: Event) -> list[Any]:
    """The values of `EVENT_NAMES` but for the number."""
    texts = [event.memory_id, event.event, event.old_text, event.new_text, event.at]
    return [*texts, *scope_values(event.scope), event.reason]


def event_of(row: Sequence[Any]) -> Event:
    """A line of history from the values of `EVENT_NAMES`."""
    return replace(Event(*row[:6]), scope=Scope(*row[6:10]), reason=row[10])


def as_entries(
    records: Sequence[Record], events: Sequence[Event], numbers: Mapping[str, int]
) -> list[Entry]:
    """Records with their histories, in the order of the records."""
    histories: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        histories[event.memory_id].append(event)
    return [Entry(record, tuple(histories[record.id]), numbers[record.id]) for record in records]


def told(ids: Sequence[str], since: int, last: int) -> list[str] | None:
    """Distinct ids of the events after `since`; None if some of those events are gone.

    Numbers are given without gaps, but for those that a reset takes with it.
    """
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
    check_scope(record.scope)
    for name in ("id", "supersedes", "superseded_by"):
        check_name(name, getattr(record, name))
    for name in ("event_time", "source"):
        check_text(name, getattr(record, name))
    check_type("metadata", record.metadata, dict)
    check_type("categories", record.categories, (list, tuple))
    created = record.created_at or now()
    return replace(
        record,
        text=clean_text(record.text),
        metadata=plain(record.metadata),
        categories=tuple(plain(list(record.categories))),
        created_at=utc(created),
        updated_at=utc(record.updated_at or created),
        expires_at=utc(record.expires_at) if record.expires_at else None,
        event_time=_whole_times_in_utc(record.event_time),
    )


def check_scope(scope: Scope) -> None:
    """Ids that cannot be kept are `InvalidInput`."""
    for name, value in scope.given().items():
        check_type(name, value, str)
        check_name(name, value)
        if not value:
            raise InvalidInput(f"{name} is empty", expected="text, or None", got=repr(value))


def check_name(name: str, value: Any) -> None:
    """`InvalidInput` unless every store can keep this as an id, and find it again."""
    check_text(name, value)
    if value is not None and len(value.encode(errors="replace")) > _LONGEST_ID:
        raise InvalidInput(
            f"{name} is too long",
            expected=f"at most {_LONGEST_ID} bytes",
            got=f"{len(value):,} characters",
        )


def check_text(name: str, value: Any) -> None:
    """`InvalidInput` unless this is None, or text that every database has."""
    check_type(name, value, (str, type(None)))
    if value is not None and "\0" in value:
        raise InvalidInput(
            f"{name} cannot be used", expected="text without U+0000", got=repr(value)[:80]
        )


def plain(value: Any) -> Any:
    """The JSON values that a store gives back for these, or `InvalidInput`."""
    kept = json.loads(_json(value))
    level, depth = [kept], 0
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
        if depth > _DEEPEST:
            raise InvalidInput("values are nested too deeply", expected=f"{_DEEPEST} levels")
    return kept


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _whole_times_in_utc(moment: str | None) -> str | None:
    """Times of day as `now` writes them, so that they compare; dates, years and words stay."""
    if moment is None or ":" not in moment:
        return moment
    try:
        return utc(moment)
    except InvalidInput:
        return moment


def check_type(name: str, value: Any, kind: type | tuple[type, ...]) -> None:
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join("None" if k is type(None) else k.__name__ for k in kinds)
        raise InvalidInput(f"{name} cannot be used", expected=names, got=repr(value)[:80])


def _json(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "only plain JSON values can be kept",
            expected="text, numbers, booleans, None, lists and dictionaries",
            got=str(error),
        ) from error


def utc(moment: str) -> str:
    """ISO 8601 in any offset, as `now` writes it, so that text sorts by time."""
    try:
        parsed = datetime.fromisoformat(moment)
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            "this is no time", expected="ISO 8601, such as 2026-01-31T18:00:00Z", got=repr(moment)
        ) from error
