"""What every store asks of the entries that it is to restore."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, get_args

from memgraft.core.errors import InvalidInput
from memgraft.core.ids import check_id
from memgraft.core.records import Event, EventName, Record, now
from memgraft.store import rows
from memgraft.store.base import Entry

# What fits into every store's column of whole numbers.
_MOST = 2**31 - 1


@dataclass(frozen=True)
class _Checked(Entry):
    """What `checked` has made: whoever passes it on need not have it checked again."""


def checked(entry: Entry) -> Entry:
    """The entry as a store keeps it; the numbers of events, which are the store's own, are 0.

    Raises:
        InvalidInput: a value that cannot be kept, or an event of another record.
    """
    if isinstance(entry, _Checked):
        return entry
    given = entry.record
    check_id(given.id)
    for name in ("created_at", "updated_at"):
        rows.check_type(name, getattr(given, name), str)
    _check_version(given.version)
    record = rows.normalised(given)
    if not given.created_at:
        record = replace(record, created_at="", updated_at="")
    events = tuple(_checked_event(event, record.id) for event in entry.events)
    _check_characters(record, events)
    return _Checked(record, events, entry.number)


def dated(record: Record, like: Record | None = None) -> Record:
    """A record without times gets those of another, or this moment."""
    if record.created_at:
        return record
    moment = now()
    created, updated = (like.created_at, like.updated_at) if like else (moment, moment)
    return replace(record, created_at=created, updated_at=updated)


def untold(entry: Entry, known: list[Event]) -> list[Event]:
    """The lines of history to write for a record that is put back where these are known.

    There are some where the record was deleted; a store follows its history, so that something
    must tell that it is there again.
    """
    seen = {replace(event, sequence=0) for event in known}
    lines = [event for event in entry.events if event not in seen]
    if known or not lines:
        record = entry.record
        lines.append(Event(0, record.id, "ADD", None, record.text, now(), record.scope, "restored"))
    return lines


def _check_version(version: Any) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= _MOST:
        raise InvalidInput(
            "version cannot be used", expected="a whole number from 1 on", got=repr(version)[:80]
        )


def _checked_event(event: Event, record_id: str) -> Event:
    if event.memory_id != record_id:
        raise InvalidInput(
            "an event tells of another memory", expected=record_id, got=repr(event.memory_id)[:80]
        )
    if event.event not in get_args(EventName):
        raise InvalidInput(
            "no event is called that",
            expected=", ".join(get_args(EventName)),
            got=repr(event.event)[:80],
        )
    for name in ("old_text", "new_text", "reason"):
        rows.check_text(name, getattr(event, name))
    for name, value in event.scope.given().items():
        rows.check_type(name, value, str)
        rows.check_text(name, value)
    at = rows.utc(event.at)
    return event if (event.sequence, event.at) == (0, at) else replace(event, sequence=0, at=at)


def _check_characters(record: Record, events: tuple[Event, ...]) -> None:
    """Halves of surrogate pairs are no text in any store, though JSON's escapes can spell them."""
    values = [record.id, record.event_time, record.supersedes, record.superseded_by, record.source]
    values += vars(record.scope).values()
    for event in events:
        values += [event.old_text, event.new_text, event.reason, *vars(event.scope).values()]
    if record.metadata or record.categories:
        values.append(json.dumps([record.metadata, record.categories], ensure_ascii=False))
    try:
        "".join(filter(None, values)).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "a value cannot be stored", expected="whole characters", got=error.reason
        ) from error
