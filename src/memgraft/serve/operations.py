"""What the routes of every version do, on the memory of one tenant."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import URL

from memgraft.core.errors import InvalidInput, MemgraftError, NotFound
from memgraft.core.filters import SCOPE, Test
from memgraft.core.ids import uuid7
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory, Message, as_dict
from memgraft.serve import feedback, wire
from memgraft.serve import filters as filtering
from memgraft.serve.schemas import MOST_MESSAGES, AddBody, ListBody, SearchBody, UpdateBody
from memgraft.store.base import EntityKind
from memgraft.store.rows import utc
from memgraft.text.extract import Extracted

log = logging.getLogger(__name__)

DEFAULT_PAGE = 100
DEFAULT_FOUND = 10
EVENT, EXPORT = "event", "export"
# Events of adding that are kept for clients that ask how theirs went.
EVENTS_KEPT = 10_000
_AT_ONCE = 1_000


def messages_of(body: AddBody) -> list[Message]:
    """What is to be remembered, as a conversation."""
    if isinstance(body.messages, str):
        return [{"role": "user", "content": body.messages}]
    messages = body.messages if isinstance(body.messages, list) else [body.messages]
    if len(messages) > MOST_MESSAGES:
        raise InvalidInput(
            "so many messages cannot be added at once",
            expected=f"at most {MOST_MESSAGES:,}",
            got=f"{len(messages):,}",
            next_step="send them in several calls",
        )
    return messages


def scope_of(body: AddBody) -> Scope:
    """Whose memories they will be."""
    given = {name: getattr(body, name) for name in SCOPE}
    if body.filters:
        given |= filtering.meant(body.filters)[0].given()
    if not any(given.values()):
        raise InvalidInput(
            "a memory must belong to somebody",
            expected="at least one of user_id, agent_id, app_id, run_id",
            got="none",
        )
    return Scope(**given)


def add(memory: Memory, body: AddBody, facts: Sequence[Extracted] | None = None) -> dict[str, Any]:
    """Remember; what the answer says is on disk.

    Args:
        memory: of the tenant.
        body: of the request.
        facts: in its messages, where they were looked for already.
    """
    messages, scope = messages_of(body), scope_of(body)
    event_id = uuid7()

    def noting(results: list[dict[str, Any]]) -> None:
        event = {
            "event_type": "ADD",
            "status": "SUCCEEDED",
            "ids": [one["id"] for one in results],
            "events": [one["event"] for one in results],
        }
        try:
            memory.store.put_document(EVENT, event_id, event, keep=EVENTS_KEPT)
        except MemgraftError as error:  # it must not look as if the memories were not kept
            log.warning("an event was not kept: %s", error)

    added = memory.add(
        messages,
        **scope.given(),
        metadata=body.metadata,
        infer=body.infer,
        facts=facts,
        categories=tuple(body.categories or ()),
        expires_at=expiry(body.expiration_date),
        event_time=moment(body.timestamp),
        noting=noting,
    )["results"]
    return {
        "message": "Memory processed",
        "status": "SUCCEEDED",
        "event_id": event_id,
        "results": [_added(one) for one in added],
    }


def known(memory: Memory, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of these memories that are live."""
    living = {record.id: record for record in memory.store.living(ids)}
    return [wire.memory(as_dict(living[one])) for one in ids if one in living]


def everything(memory: Memory, body: ListBody) -> list[dict[str, Any]]:
    """All live memories that are meant, newest first."""
    scope, test = _meant(body)
    records = memory.store.list(scope, newest=True, expired=body.show_expired)
    return [wire.memory(as_dict(one)) for one in records if test is None or test(one)]


def listed(memory: Memory, body: ListBody, url: URL) -> dict[str, Any]:
    """One page of them; `url` is what was asked."""
    scope, test = _meant(body)
    number, size = body.page or 1, body.page_size or DEFAULT_PAGE
    offset = (number - 1) * size
    if test is None and not body.show_expired:
        count = memory.store.count(scope)
        records = memory.store.list(scope, size, offset, newest=True)
    else:
        every = memory.store.list(scope, newest=True, expired=body.show_expired)
        accepted = [record for record in every if test is None or test(record)]
        count, records = len(accepted), accepted[offset : offset + size]
    shown = [wire.chosen(wire.memory(as_dict(record)), body.fields) for record in records]
    return wire.page(url, shown, count, number, size)


def found(memory: Memory, body: SearchBody) -> list[dict[str, Any]]:
    """The memories that have to do with a query, best first."""
    scope, test = _meant(body)
    results = memory.search(
        body.query,
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        app_id=scope.app_id,
        run_id=scope.run_id,
        limit=body.top_k or body.limit or DEFAULT_FOUND,
        accepts=test,
        threshold=body.threshold or 0.0,
        explain=body.explain,
    )["results"]
    fields = [*body.fields, "score", "signals"] if body.fields else None
    also = ("score", "signals") if body.explain else ("score",)
    return [
        wire.chosen({**wire.memory(result), **{name: result[name] for name in also}}, fields)
        for result in results
    ]


def update(memory: Memory, memory_id: str, body: UpdateBody) -> dict[str, Any]:
    return update_together(memory, [(memory_id, body)])[0]


def update_together(
    memory: Memory, wanted: Sequence[tuple[str, UpdateBody]]
) -> list[dict[str, Any]]:
    """Change several memories, or none of them where one cannot be changed."""
    changes = [(memory_id, _changes(body)) for memory_id, body in wanted]
    with memory.store.together():
        records = [memory.store.update(memory_id, fields) for memory_id, fields in changes]
    memory.catch_up()
    return [wire.memory(as_dict(record)) for record in records]


def _changes(body: UpdateBody) -> dict[str, Any]:
    """What is given, as `Store.update` knows it."""
    changes: dict[str, Any] = {}
    if body.text is not None:
        changes["text"] = body.text
    if body.metadata is not None:
        changes["metadata"] = body.metadata
    if body.categories is not None:
        changes["categories"] = tuple(body.categories)
    if "expiration_date" in body.model_fields_set:
        changes["expires_at"] = expiry(body.expiration_date)
    if body.timestamp is not None:
        changes["event_time"] = moment(body.timestamp)
    if not changes:
        raise InvalidInput(
            "nothing to update",
            expected="text, metadata, categories, timestamp or expiration_date",
            got="none of them",
        )
    return changes


def delete_together(memory: Memory, ids: Sequence[str]) -> None:
    """Delete several memories, or none of them where one is unknown."""
    with memory.store.together():
        for memory_id in ids:
            memory.store.delete(memory_id)
        feedback.forget(memory.store, ids)
    memory.catch_up()


def delete_meant(memory: Memory, query: Mapping[str, Sequence[str]]) -> list[str]:
    """Delete what a query string means: ids, or filters. Refused where it means everything.

    Returns:
        the ids of what was deleted; superseded and expired memories are, too.
    """
    unknown = sorted(set(query) - {*SCOPE, "filters", "org_id", "project_id"})
    wrong = unknown or [name for name in (*SCOPE, "filters") if _is_doubtful(query.get(name))]
    if wrong:
        raise InvalidInput(
            "this cannot limit what is deleted, so nothing was",
            expected="each once, and not empty: " + ", ".join((*SCOPE, "filters")),
            got=", ".join(wrong),
        )
    wanted: dict[str, Any] = {name: query[name][0] for name in SCOPE if name in query}
    if "filters" in query:
        given = filtering.parsed(query["filters"][0])
        wanted = {"AND": [given, wanted]} if wanted else given
    if not wanted:
        raise InvalidInput(
            "deleting needs a scope",
            expected="at least one of user_id, agent_id, app_id, run_id",
            got="none",
            next_step='name one; "*" is any',
        )
    scope, test = filtering.meant(wanted)
    if test is None:
        return delete_all(memory, scope)
    with memory.store.together():  # nothing changes between looking and deleting
        deleted = [record.id for record in _all_of(memory, scope) if test(record)]
        for memory_id in deleted:
            memory.store.delete(memory_id)
        feedback.forget(memory.store, deleted)
    memory.catch_up()
    return deleted


def delete_all(memory: Memory, scope: Scope) -> list[str]:
    """Delete all that a scope covers; returns the ids."""
    if not scope.given():
        raise InvalidInput("deleting needs a scope", expected="at least one id", got="none")
    with memory.store.together():
        deleted = memory.store.delete_all(scope)
        feedback.forget(memory.store, deleted)
    memory.catch_up()
    return deleted


def _is_doubtful(values: Sequence[str] | None) -> bool:
    """True for what was given twice or is empty: which of them is meant, or what?"""
    return values is not None and (len(values) != 1 or not values[0])


def _all_of(memory: Memory, scope: Scope) -> list[Record]:
    """Every record, superseded and expired ones too."""
    found: list[Record] = []
    after = 0
    while page := memory.store.entries(scope, after=after, limit=_AT_ONCE):
        found += [entry.record for entry in page]
        after = page[-1].number
    return found


def history(memory: Memory, memory_id: str) -> list[dict[str, Any]]:
    events = memory.history(memory_id)
    if not events:
        memory.store.get(memory_id)  # raises
    record = _record(memory, memory_id)
    return [wire.history_line(event, record) for event in events]


def entities(memory: Memory, kind: str | None = None) -> list[dict[str, Any]]:
    found = memory.store.entities()
    return [wire.entity(one, memory.store.tenant) for one in found if kind in (None, one.kind)]


def entity(memory: Memory, kind: EntityKind, name: str) -> dict[str, Any]:
    """By its name, or by the id that `wire.entity` gave it."""
    for one in entities(memory, kind):
        if name in (one["name"], one["id"]):
            return one
    raise NotFound(f"there is no such {kind}", got=repr(name)[:80])


def delete_entity(memory: Memory, kind: EntityKind, name: str) -> list[str]:
    """The ids of what was deleted. Clients delete one entity after the other, and some have lost
    their last memory with another before: that there is none is no error."""
    with contextlib.suppress(NotFound):
        name = entity(memory, kind, name)["name"]
    return delete_all(memory, Scope(**{f"{kind}_id": name}))


def moment(timestamp: float | str | None) -> str | None:
    """Seconds since 1970, or ISO 8601, as a time."""
    if timestamp is None:
        return None
    if isinstance(timestamp, str):
        return utc(timestamp)
    try:
        return utc(datetime.fromtimestamp(timestamp, UTC).isoformat())
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            "this is no timestamp",
            expected="seconds since 1970, or ISO 8601",
            got=repr(timestamp)[:40],
        ) from error


def expiry(day: str | None) -> str | None:
    """The end of the last day on which a memory is known."""
    if day is None:
        return None
    return utc(f"{day}T23:59:59.999999" if len(day) == 10 else day)


def _meant(body: ListBody | SearchBody) -> tuple[Scope, Test | None]:
    """From filters, ids at top level and the older options beside them."""
    parts: list[Any] = [body.filters or {}]
    parts.append({name: value for name in SCOPE if (value := getattr(body, name)) is not None})
    if body.categories:
        parts.append({"categories": {"in": body.categories}})
    if isinstance(body, ListBody):
        if body.start_date:
            parts.append({"created_at": {"gte": body.start_date}})
        if body.end_date:
            parts.append({"created_at": {"lte": body.end_date}})
    elif body.metadata:
        parts.append({"metadata": body.metadata})
    parts = [part for part in parts if part]
    if not parts:
        return Scope(), None
    return filtering.meant(parts[0] if len(parts) == 1 else {"AND": parts})


def _added(result: Mapping[str, Any]) -> dict[str, Any]:
    """Old clients read `memory`, older ones `data.memory`."""
    one = {"id": result["id"], "memory": result["memory"], "event": result["event"]}
    if "previous_memory" in result:
        one["previous_memory"] = result["previous_memory"]
    return {**one, "data": {"memory": result["memory"]}}


def _record(memory: Memory, memory_id: str) -> Record | None:
    try:
        return memory.store.get(memory_id)
    except NotFound:
        return None


def reset(memory: Memory) -> None:
    """Drop every memory with its history, and what tells of memories."""
    with memory.store.together():
        memory.store.reset()
        for kind in (EVENT, EXPORT, feedback.KIND):
            memory.store.delete_documents(kind)
    memory.catch_up()
