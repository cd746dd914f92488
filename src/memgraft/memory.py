"""The front door: one store, and the homes that make its records readable by a model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, Protocol

from memgraft.core.errors import (
    Conflict,
    FolderError,
    InvalidInput,
    MemgraftError,
    NotFound,
    StoreError,
)
from memgraft.core.filters import Test, compiled
from memgraft.core.home import Home
from memgraft.core.recall import Passages, Patch, Query, Recall
from memgraft.core.receipts import Receipt
from memgraft.core.records import Event, Record
from memgraft.core.scope import Scope
from memgraft.retrieval.known import Known, Like
from memgraft.store.base import Store
from memgraft.store.following import Changes, Follower
from memgraft.store.rows import normalised
from memgraft.text.extract import Extracted, as_given, extract, listed

log = logging.getLogger(__name__)

Message = dict[str, Any]
AddEvent = Literal["ADD", "UPDATE", "NONE"]
# (what, records done, records in all), while a home catches up with the store.
Progress = Callable[[str, int, int], None]

DEFAULT_LIMIT = 100
# Failures of a home that say nothing about the record that it was to take.
_NOT_ITS_FAULT = (StoreError, FolderError)
# Texts that are kept with one commit, at most: other processes wait for it.
_TOGETHER = 256

# A record that is in the store now, what was done, and what it replaced.
_Kept = tuple[Record, AddEvent, Record | None]


class Extractor(Protocol):
    """Finds the facts in a conversation: texts, or texts with who said them where."""

    def __call__(
        self, messages: Sequence[Message], scope: Scope
    ) -> Sequence[str] | Sequence[Extracted]: ...


class Memory:
    """Long-term memory with the method and argument names that mem0 users know.

    What a method returns is on disk. Homes are told after the store; one that was interrupted,
    or belongs to another process, catches up before the next read.

    What a new fact contradicts, and whether the same words say it already, is looked up in the
    transaction that keeps it, while no other process writes. What says it by meaning alone is
    looked up before, for that takes an encoder: where two processes are told the same in other
    words at the same moment, both may be kept.

    Args:
        store: the truth.
        homes: where records become readable; none is fine for a plain store.
        extractor: finds the facts in conversations; by default the rules of
            `memgraft.text.extract`.
    """

    def __init__(
        self, store: Store, homes: Sequence[Home] = (), extractor: Extractor | None = None
    ) -> None:
        self.store = store
        self.homes = tuple(homes)
        self.extractor: Extractor = by_rules if extractor is None else extractor
        self._changes = Follower(store)
        # What a home failed to take is offered again after the next change.
        self._refused: set[str] = set()
        self._known = Known(store, self.homes)

    # -- writing ---------------------------------------------------------------------------

    def add(
        self,
        messages: str | Message | Sequence[Message],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        categories: Sequence[str] = (),
        expires_at: str | None = None,
        event_time: str | None = None,
        infer: bool = True,
        facts: Sequence[Extracted] | None = None,
        noting: Callable[[list[dict[str, Any]]], object] | None = None,
    ) -> dict[str, Any]:
        """Remember a fact, or the facts in a conversation.

        A string is one fact, kept as given. From messages, with `infer`, the facts that the user
        states are kept (see `memgraft.text.extract`), but not what a live memory of the same scope
        says already in other words; in a scope with an agent and no user, what the assistant says
        of itself is kept, too. Both supersede what they contradict. Without `infer`, each message
        is kept as it is, beside all others, unless a live one of the same scope has the same text.

        Args:
            metadata, categories: of all that is kept.
            expires_at: until when it is found; UTC, ISO 8601.
            event_time: when it happened, if not now; UTC, ISO 8601.
            infer: see above.
            facts: what `extracted` found in the messages, for whoever asks it beforehand.
            noting: called once with the results but for their receipts, to put something beside
                them into the store: where it can, both are on disk with one commit.

        Returns:
            `{"results": [{"id", "memory", "event", "receipts", ...}]}`; the event is ADD, UPDATE
            (a contradicted record was superseded; `previous_memory` tells which) or NONE (it was
            known already).
        """
        scope = Scope(user_id, agent_id, app_id, run_id)
        inferred = infer and not isinstance(messages, str)
        if not inferred:
            facts = as_given(messages)
        elif facts is None:
            facts = self.extracted(messages, scope)
        fields = {
            "categories": tuple(categories),
            "expires_at": expires_at,
            "event_time": event_time,
        }
        # All of them are checked before the first is kept.
        records = [
            normalised(Record.new(fact.text, scope, metadata=_metadata(fact, metadata), **fields))
            for fact in facts
        ]
        compared = inferred or isinstance(messages, str)
        kept: list[_Kept] = []
        told: dict[str, list[Receipt]] = {}
        for start in range(0, max(1, len(records)), _TOGETHER):
            group = records[start : start + _TOGETHER]
            like = self._like(group) if inferred else None
            last = start + _TOGETHER >= len(records)
            kept += self._kept(group, compared, like, kept, noting if last else None)
            told |= _by_record(self.catch_up())
        return {
            "results": [
                {**_added(one), "receipts": _of(told.get(one[0].id, []), one[0].id)} for one in kept
            ]
        }

    def extracted(
        self, messages: str | Message | Sequence[Message], scope: Scope
    ) -> list[Extracted]:
        """What the extractor finds in messages; nothing is kept."""
        found = self.extractor(listed(messages), scope)
        return [one if isinstance(one, Extracted) else Extracted(one, "user", -1) for one in found]

    def update(
        self,
        memory_id: str,
        data: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        expected_version: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Change a memory's text or metadata. `expected_version` makes it compare-and-set.

        `fields` are categories, expires_at or event_time, as `Store.update` knows them.
        """
        given = {"text": data, "metadata": metadata}
        changes = fields | {name: value for name, value in given.items() if value is not None}
        record = self.store.update(memory_id, changes, expected_version)
        receipts = self.catch_up()
        return {**as_dict(record), "receipts": _of(receipts, memory_id)}

    def delete(self, memory_id: str) -> dict[str, Any]:
        """Forget one memory, everywhere. Its history stays in the store."""
        self.store.delete(memory_id)
        receipts = self.catch_up()
        return {"id": memory_id, "event": "DELETE", "receipts": _of(receipts, memory_id)}

    def delete_all(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> dict[str, Any]:
        """Forget all memories of a scope. Without any id it is refused: `reset` does that."""
        scope = Scope(user_id, agent_id, app_id, run_id)
        if not scope.given():
            raise InvalidInput(
                "delete_all needs a scope",
                expected="at least one of user_id, agent_id, app_id, run_id",
                got="none",
                next_step="name one, or call reset() to drop everything",
            )
        ids = self.store.delete_all(scope)
        self.catch_up()
        return {"deleted": len(ids), "ids": ids}

    def reset(self) -> None:
        """Drop every memory of everybody, with all history."""
        self.store.reset()
        self.catch_up()

    # -- reading ---------------------------------------------------------------------------

    def get(self, memory_id: str) -> dict[str, Any]:
        return as_dict(self.store.get(memory_id))

    def get_all(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int | None = DEFAULT_LIMIT,
    ) -> dict[str, Any]:
        """Live memories of a scope, oldest first."""
        records = self.store.list(Scope(user_id, agent_id, app_id, run_id), limit)
        return {"results": [as_dict(record) for record in records]}

    def search(
        self,
        query: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int = 10,
        filters: dict[str, Any] | None = None,
        accepts: Test | None = None,
        threshold: float = 0.0,
        explain: bool = False,
    ) -> dict[str, Any]:
        """Memories that have to do with a query, best first, whichever homes there are.

        Args:
            query: what is looked for.
            user_id, agent_id, app_id, run_id: whose memories.
            limit: how many at most, 1 or more.
            filters: which records may be found; see `memgraft.core.filters`.
            accepts: the same as a function, in place of `filters`.
            threshold: the least score, from 0 to 1.
            explain: give the signals that each was found by.
        """
        if not isinstance(query, str):
            raise InvalidInput("a query must be text", expected="str", got=type(query).__name__)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidInput(
                "so many memories cannot be found",
                expected="a whole number of at least 1",
                got=repr(limit),
                next_step="ask for one or more; more than there are gives all",
            )
        scope = Scope(user_id, agent_id, app_id, run_id)
        accepts = compiled(filters) if filters else accepts
        results = []
        for record, score, signals in self._found(Query(query, scope, limit, accepts, threshold)):
            result = {**as_dict(record), "score": score}
            results.append({**result, "signals": signals} if explain else result)
        return {"results": results}

    def history(self, memory_id: str) -> list[dict[str, Any]]:
        """What happened to a memory and to those that it superseded, oldest first."""
        events: list[Event] = []
        seen: set[str] = set()  # records out of a file may supersede each other
        current: str | None = memory_id
        while current is not None and current not in seen:
            seen.add(current)
            events += self.store.history(current)
            current = self._superseded_by(current)
        return [_event_dict(e) for e in sorted(events, key=lambda event: event.sequence)]

    def recall(self, query: Query) -> list[Recall]:
        """What each home has to say, for a host to attach."""
        self.catch_up()
        return [home.read(query) for home in self.homes]

    # -- upkeep ----------------------------------------------------------------------------

    def catch_up(self, progress: Progress | None = None) -> list[Receipt]:
        """Bring every home to what the store says now; does nothing if nothing changed.

        Every other method does this by itself; call it where the wait should be seen.
        """
        if not self.homes:
            return []
        changes = self._changes.changes()
        if changes is None:
            return []
        if not changes.whole and self._refused:
            again = self.store.living(sorted(self._refused))
            changes = replace(changes, live={**{r.id: r for r in again}, **changes.live})
        receipts = [receipt for home in self.homes for receipt in _align(home, changes, progress)]
        self._refused = {r.record_id for r in receipts if r.outcome == "refused"}
        self._changes.done(changes)
        return receipts

    def consolidate(self, budget: float = 1.0) -> list[dict[str, Any]]:
        """Let every home tidy up, for at most `budget` seconds each."""
        self.catch_up()
        return [asdict(home.consolidate(budget)) for home in self.homes]

    def save(self) -> None:
        """Catch up and make all state durable."""
        self.catch_up()
        self._known.keep()
        for home in self.homes:
            home.save()

    def stats(self, scope: Scope = Scope()) -> dict[str, Any]:
        """Figures for people."""
        homes = {home.name: home.stats() for home in self.homes}
        return {"store": self.store.location, "memories": self.store.count(scope), "homes": homes}

    def close(self) -> None:
        """Close every home, then the store. Idempotent."""
        try:
            # What is kept of a home must not hold what another process deleted.
            with contextlib.suppress(MemgraftError):
                self.catch_up()
                self._known.keep()
            for home in self.homes:
                home.close()
        finally:
            self.store.close()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside ----------------------------------------------------------------------------

    def _like(self, records: Sequence[Record]) -> list[Like]:
        """What says these facts by meaning, of all that the store has by now."""
        self.catch_up()
        return self._known.like(records)

    def _kept(
        self,
        records: Sequence[Record],
        compared: bool,
        like: Sequence[Like] | None,
        before: Sequence[_Kept],
        noting: Callable[[list[dict[str, Any]]], object] | None,
    ) -> list[_Kept]:
        """Keep records in one transaction; `before` was kept already.

        Args:
            compared: they supersede what they contradict.
            like: those that are known by meaning, or by their words, are not kept.
        """
        if compared:  # the first time it takes long, and others wait to write
            self._known.prepare(records)
        kept: list[_Kept] = []
        try:
            with self.store.together():
                for place, record in enumerate(records):
                    same = self._known.saying(record, like[place]) if like else None
                    kept.append((same, "NONE", None) if same else self._keep(record, compared))
                if noting is not None:
                    noting([_added(one) for one in (*before, *kept)])
        except BaseException:
            self._known.start_over()
            raise
        return kept

    def _keep(self, record: Record, compared: bool, tries: int = 20) -> _Kept:
        """Into the store."""
        old = self._known.contradicted(record) if compared else None
        if old is None:
            kept, fresh = self.store.add(record)
            return kept, "ADD" if fresh else "NONE", None
        try:
            return self.store.supersede(replace(record, supersedes=old.id), old.id), "UPDATE", old
        except (Conflict, NotFound):
            # The same is known in other letters, or another process was quicker.
            for twin in self.store.list(record.scope):
                if twin.scope == record.scope and twin.content == record.content:
                    return twin, "NONE", None
            if tries <= 1:
                raise
            return self._keep(record, compared, tries - 1)

    def _found(self, query: Query) -> list[tuple[Record, float, dict[str, float]]]:
        """(live record, score in [0, 1], signals) from the home that retrieves, else from the
        words."""
        for home in self.homes:
            if home.name == "passages":
                self.catch_up()
                recall = home.read(query)
                assert isinstance(recall, Passages)
                records = {item.record_id: item.record for item in recall.items}
                # Another process may have deleted one meanwhile, where the home did not look.
                unseen = [record_id for record_id, record in records.items() if record is None]
                records |= {record.id: record for record in self.store.living(unseen)}
                return [
                    (record, item.signals["confidence"], dict(item.signals))
                    for item in recall.items
                    if (record := records[item.record_id]) is not None
                ]
        most = query.limit if query.filters is None else self.store.count(query.scope)
        words = self.store.search_text(query.text, query.scope, most)
        found = [(i, _unit_score(bm25), {"bm25": bm25}) for i, bm25 in words]
        found = [one for one in found if one[1] >= query.confidence]
        living = {r.id: r for r in self.store.living([i for i, *_ in found])}
        accepted = query.filters or (lambda _: True)
        held = [(living[i], score, why) for i, score, why in found if i in living]
        return [one for one in held if accepted(one[0])][: query.limit]

    def _superseded_by(self, memory_id: str) -> str | None:
        """The id that this record superseded, if it is still there to tell."""
        try:
            return self.store.get(memory_id).supersedes
        except KeyError:
            return None


def _align(home: Home, changes: Changes, progress: Progress | None) -> list[Receipt]:
    """Make a home hold what changed as the store has it now."""
    if changes.whole:
        held = dict(home.held().items())
        gone = held.keys() - changes.live.keys()
    else:
        held = home.holding([*changes.gone, *changes.live])
        gone = held.keys() & changes.gone
    receipts = home.forget(sorted(gone)) if gone else []
    live = changes.live.values()
    stale = home.stale(live)
    missing = [r for r in live if held.get(r.id) != r.version or r.id in stale]
    tell = progress or (lambda *_: None)
    for start in range(0, len(missing), home.batch):
        tell(f"{home.name}: catching up", start, len(missing))
        receipts += _write_all(home, missing[start : start + home.batch])
    if missing:
        tell(f"{home.name}: catching up", len(missing), len(missing))
    return receipts


def _write_all(home: Home, records: list[Record]) -> list[Receipt]:
    """Write records together, or one by one if that fails: one must not keep the others out."""
    if len(records) > 1:
        try:
            return home.write(records)
        except _NOT_ITS_FAULT:
            raise
        except Exception as error:
            log.info("home %s failed on %d records", home.name, len(records), exc_info=error)
    return [receipt for record in records for receipt in _write(home, record)]


def _write(home: Home, record: Record) -> list[Receipt]:
    """Write one record; a home that fails refuses it, and is asked again after the next change.

    The record is safe in the store, so one that a home cannot take must not keep the others, or
    the next question, from being served. What the home held of an older version goes.
    """
    try:
        return home.write([record])
    except _NOT_ITS_FAULT:
        raise
    except Exception as error:
        log.warning("home %s failed on %s", home.name, record.id, exc_info=error)
        if home.holding([record.id]).get(record.id) == record.version:
            # Another process, whose home is the same, was luckier.
            return [Receipt(record.id, home.name, "exact")]
        with contextlib.suppress(Exception):
            home.forget([record.id])
        return [Receipt(record.id, home.name, "refused", f"{type(error).__name__}: {error}")]


def _added(one: _Kept) -> dict[str, Any]:
    kept, event, old = one
    result = {"id": kept.id, "memory": kept.text, "event": event}
    if old is not None:
        result |= {"previous_memory": old.text, "supersedes": old.id}
    return result


def patch_of(recalls: Sequence[Recall]) -> Patch:
    """The patch among the answers of the homes, or an empty one."""
    return next((recall for recall in recalls if isinstance(recall, Patch)), Patch())


def passages_of(recalls: Sequence[Recall]) -> Passages:
    """The passages among the answers of the homes, or none."""
    return next((recall for recall in recalls if isinstance(recall, Passages)), Passages())


def as_dict(record: Record) -> dict[str, Any]:
    """A record as mem0 users expect it: ids at top level, the text under `memory`."""
    values = dict(vars(record))
    scope = vars(values.pop("scope"))
    return {"id": values.pop("id"), "memory": values.pop("text"), **scope, **values}


def by_rules(messages: Sequence[Message], scope: Scope) -> list[Extracted]:
    """The default extractor, which needs no model."""
    return extract(messages, agent=scope.agent_id is not None and scope.user_id is None)


def _metadata(fact: Extracted, given: dict[str, Any] | None) -> dict[str, Any]:
    """With who said it, where the message tells."""
    speaker = {"speaker": fact.name} if isinstance(fact.name, str) and fact.name else {}
    return {**speaker, **(given or {})}


def _by_record(receipts: list[Receipt]) -> dict[str, list[Receipt]]:
    found: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        found.setdefault(receipt.record_id, []).append(receipt)
    return found


def _event_dict(event: Event) -> dict[str, Any]:
    return {
        "id": str(event.sequence),
        "memory_id": event.memory_id,
        "event": event.event,
        "old_memory": event.old_text,
        "new_memory": event.new_text,
        "created_at": event.at,
        "reason": event.reason,
        **asdict(event.scope),
    }


def _of(receipts: list[Receipt], record_id: str) -> list[dict[str, Any]]:
    return [asdict(receipt) for receipt in receipts if receipt.record_id == record_id]


def _unit_score(bm25: float) -> float:
    """BM25 in [0, 1)."""
    return max(0.0, bm25) / (max(0.0, bm25) + 5.0)
