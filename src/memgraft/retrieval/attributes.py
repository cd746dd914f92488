"""Records by the attribute that they speak of, and by their words, to compare a new fact with."""

from __future__ import annotations

from functools import lru_cache

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.base import Store
from memgraft.store.following import Follower
from memgraft.text.restated import wording_key
from memgraft.text.slots import slot

# A new text is asked for before it is kept and after: it is parsed once.
_attribute = lru_cache(maxsize=256)(slot)


class Attributes:
    """Which live records speak of the same attribute, or in the same words, by scope; known scopes
    follow the store.

    Args:
        store: what is followed.
        scopes: how many are known at most; the one that was not asked for longest goes first.
    """

    def __init__(self, store: Store, scopes: int = 1_000) -> None:
        self._store = store
        self._most = scopes
        self._changes = Follower(store)
        self._known: dict[Scope, dict[str, dict[str, Record]]] = {}
        self._places: dict[str, tuple[Scope, str]] = {}
        self._wordings: dict[Scope, dict[int, set[str]]] = {}
        self._worded: dict[str, tuple[Scope, int]] = {}

    def peers(self, record: Record) -> list[Record]:
        """The live records of the same scope with the attribute that this one speaks of."""
        attribute = _attribute(record.text)
        if attribute is None:
            return []
        self._know(record.scope)
        return list(self._known[record.scope].get(attribute, {}).values())

    def worded(self, record: Record) -> list[str]:
        """Ids of the live records of the same scope with the same words, in any order."""
        self._know(record.scope)
        return sorted(self._wordings[record.scope].get(wording_key(record.text), ()))

    def _know(self, scope: Scope) -> None:
        self._follow()
        if scope in self._known:
            self._known[scope] = self._known.pop(scope)  # the last to go
            return
        if len(self._known) >= self._most:
            self._forget(next(iter(self._known)))
        self._known[scope], self._wordings[scope] = {}, {}
        records = self._store.list(scope)
        self._changes.watch(records)
        for old in records:
            self._put(old)

    def _forget(self, scope: Scope) -> None:
        for attribute in self._known.pop(scope).values():
            for record_id in attribute:
                del self._places[record_id]
        for ids in self._wordings.pop(scope).values():
            for record_id in ids:
                del self._worded[record_id]

    def _follow(self) -> None:
        self._changes.begin()
        changes = self._changes.changes()
        if changes is None:
            return
        self._changes.done(changes)
        if changes.whole:
            self._known, self._places, self._wordings, self._worded = {}, {}, {}, {}
            return
        for record_id in [*changes.gone, *changes.live]:
            self._drop(record_id)
        for record in changes.live.values():
            self._put(record)

    def _put(self, record: Record) -> None:
        if record.scope not in self._known:
            return
        key = wording_key(record.text)
        self._wordings[record.scope].setdefault(key, set()).add(record.id)
        self._worded[record.id] = record.scope, key
        attribute = _attribute(record.text)
        if attribute is not None:
            self._known[record.scope].setdefault(attribute, {})[record.id] = record
            self._places[record.id] = record.scope, attribute

    def _drop(self, record_id: str) -> None:
        if record_id in self._places:
            scope, attribute = self._places.pop(record_id)
            self._known[scope][attribute].pop(record_id, None)
        if record_id in self._worded:
            scope, key = self._worded.pop(record_id)
            ids = self._wordings[scope][key]
            ids.discard(record_id)
            if not ids:
                del self._wordings[scope][key]
