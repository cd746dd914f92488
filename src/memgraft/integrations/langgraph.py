"""LangGraph: its key-value store of long-term memories, in a store or a `Memory` of memgraft.

A namespace is the run of a record and a key its agent, so that no two items are ever taken for
one; the value lies in the metadata.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import operator
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from memgraft.core.errors import InvalidInput, MissingExtra, NotFound
from memgraft.core.records import MAX_CHARACTERS, Record, searchable
from memgraft.core.scope import Scope
from memgraft.integrations.records import store_of
from memgraft.memory import Memory
from memgraft.store.base import Store

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        get_text_at_path,
        tokenize_path,
    )
except ImportError as error:
    raise MissingExtra("LangGraph's store", "langchain") from error

APP = "langgraph-store"
# Labels of a namespace hold no full stop.
DOT = "."

Namespace = tuple[str, ...]

_ORDER = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


class MemgraftStore(BaseStore):
    """Items by namespace and key, on disk; found by their words, or by their sense.

    Searches of a plain store look for words, those of a `Memory` ask its home. What has nothing to
    do with the query comes last, without a score.

    Args:
        memory: a `Memory` or a store.
    """

    def __init__(self, memory: Memory | Store) -> None:
        self._memory = memory if isinstance(memory, Memory) else None
        self._store = store_of(memory)
        self._lock = threading.RLock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Reads see what was there before; of several writes of a key the last one counts."""
        with self._lock:
            results: list[Result] = []
            writes: dict[str, PutOp] = {}
            for op in ops:
                results.append(None if isinstance(op, PutOp) else self._read(op))
                if isinstance(op, PutOp):
                    writes[_id(op.namespace, op.key)] = op
            for op in writes.values():
                _check(op)
            for record_id, op in writes.items():
                self._write(record_id, op)
            if writes and self._memory is not None:
                self._memory.catch_up()
            return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        return await asyncio.to_thread(self.batch, list(ops))

    # -- writing ---------------------------------------------------------------------------

    def _write(self, record_id: str, op: PutOp) -> None:
        try:
            old = self._store.get(record_id)
        except NotFound:
            old = None
        if op.value is None:
            if old is not None:
                self._store.delete(record_id)
            return
        metadata = {"key": op.key, "value": dict(op.value)}
        text = searchable(_text(op), MAX_CHARACTERS)
        if old is not None:
            self._store.update(record_id, {"text": text, "metadata": metadata})
            return
        scope = Scope(agent_id=record_id, app_id=APP, run_id=DOT.join(op.namespace))
        record = Record.new(text, scope, metadata=metadata, source="langgraph")
        self._store.add(replace(record, id=record_id))

    # -- reading ---------------------------------------------------------------------------

    def _read(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            return self._get(op)
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._namespaces(op)
        raise InvalidInput("no such operation", got=type(op).__name__)

    def _get(self, op: GetOp) -> Item | None:
        try:
            record = self._store.get(_id(op.namespace, op.key))
        except NotFound:
            return None
        return Item(**_fields(record))

    def _search(self, op: SearchOp) -> list[SearchItem]:
        records = {
            record.id: record
            for record in self._store.list(Scope(app_id=APP))
            if _namespace(record)[: len(op.namespace_prefix)] == tuple(op.namespace_prefix)
            and all(
                _fits(record.metadata["value"].get(name), wanted)
                for name, wanted in (op.filter or {}).items()
            )
        }
        scores = self._scores(op.query) if op.query and records else {}
        ranked = [(i, score) for i, score in scores.items() if i in records]
        rest = [(i, None) for i in records if i not in scores]
        chosen = [*ranked, *rest][op.offset : op.offset + op.limit]
        return [SearchItem(**_fields(records[i]), score=score) for i, score in chosen]

    def _scores(self, query: str) -> dict[str, float]:
        """Score by id, best first, of all items that have to do with a query."""
        scope = Scope(app_id=APP)
        count = max(1, self._store.count(scope))
        if self._memory is None:
            return dict(self._store.search_text(query, scope, count))
        found = self._memory.search(query, app_id=APP, limit=count)["results"]
        return {one["id"]: one["score"] for one in found}

    def _namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        found = {_namespace(record) for record in self._store.list(Scope(app_id=APP))}
        for condition in op.match_conditions or ():
            found = {namespace for namespace in found if _matches(condition, namespace)}
        cut = sorted({namespace[: op.max_depth] for namespace in found})
        return cut[op.offset : op.offset + op.limit]


def _id(namespace: Namespace, key: str) -> str:
    """Of the record that holds an item: always the same one."""
    name = json.dumps([*namespace, key])
    return f"langgraph-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _check(op: PutOp) -> None:
    """Raise `InvalidInput` unless the value can be kept as it is."""
    value = dict(op.value or {})
    try:
        kept = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise _no_json(str(error)) from error
    if kept != value:
        raise _no_json("keys that are no text, or tuples")


def _no_json(got: str) -> InvalidInput:
    return InvalidInput(
        "the value of an item must be plain JSON",
        expected="a dictionary of text, numbers, booleans, None, lists and dictionaries",
        got=got,
    )


def _text(op: PutOp) -> str:
    """What an item is found by: its key and, as `index` says, all of its value or some fields."""
    if op.index is False:
        return op.key
    if op.index is None:
        return f"{op.key}: {' '.join(_strings(op.value))}"
    fields = [tokenize_path(path) for path in op.index]
    texts = [text for field in fields for text in get_text_at_path(op.value, field)]
    return f"{op.key}: {' '.join(texts)}"


def _strings(value: Any) -> list[str]:
    """All that a value says, without its syntax."""
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return [] if value is None else [str(value)]


def _namespace(record: Record) -> Namespace:
    return tuple((record.scope.run_id or "").split(DOT))


def _fields(record: Record) -> dict[str, Any]:
    return {
        "namespace": _namespace(record),
        "key": record.metadata["key"],
        "value": record.metadata["value"],
        "created_at": datetime.fromisoformat(record.created_at),
        "updated_at": datetime.fromisoformat(record.updated_at),
    }


def _matches(condition: MatchCondition, namespace: Namespace) -> bool:
    path = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))


def _fits(value: Any, wanted: Any) -> bool:
    """A value, or what operators such as {"$gte": 3} say of it."""
    if not isinstance(wanted, Mapping) or not any(str(name).startswith("$") for name in wanted):
        return bool(value == wanted)
    return all(_compared(value, name, limit) for name, limit in wanted.items())


def _compared(value: Any, name: str, limit: Any) -> bool:
    if name in ("$eq", "$ne"):
        return bool((value == limit) == (name == "$eq"))
    if name not in _ORDER:
        raise InvalidInput("no such operator", expected="$eq, $ne, $gt, $gte, $lt, $lte", got=name)
    try:
        left, right = float(value), float(limit)
    except (TypeError, ValueError):
        return False
    return _ORDER[name](left, right)
