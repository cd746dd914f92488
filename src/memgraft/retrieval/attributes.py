"""Records by the attribute that they speak of, and by their words, to compare a new fact with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from memgraft import __version__
from memgraft.core.errors import StoreError
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.base import Parsed, Store
from memgraft.store.following import Follower
from memgraft.text.restated import wording
from memgraft.text.slots import slot

# A new text is asked for before it is kept and after: it is parsed once.
_attribute = lru_cache(maxsize=256)(slot)
# What a text says may be read otherwise by the next version.
_RULES = f"memgraft {__version__}"
# Records that are parsed between two writes of what they say, which is lost if the process is
# killed before, and found again.
_UNKEPT = 256


class Attributes:
    """Which live records speak of the same attribute, or in the same words, by scope; known scopes
    follow the store, which keeps what was parsed: it takes half a millisecond a text.

    Args:
        store: what is followed.
        scopes: how many are known at most; the one that was not asked for longest goes first.
    """

    def __init__(self, store: Store, scopes: int = 1_000) -> None:
        self._store = store
        self._most = scopes
        self._changes = Follower(store)
        # Ids in the order in which they came.
        self._known: dict[Scope, dict[str, dict[str, None]]] = {}
        self._places: dict[str, tuple[Scope, str]] = {}
        self._wordings: dict[Scope, dict[str, set[str]]] = {}
        self._worded: dict[str, tuple[Scope, str]] = {}
        self._unkept: list[Parsed] = []

    def peers(self, record: Record) -> list[Record]:
        """The live records of the same scope with the attribute that this one speaks of."""
        attribute = _attribute(record.text)
        if attribute is None:
            return []
        self._know(record.scope)
        ids = list(self._known[record.scope].get(attribute, ()))
        living = {one.id: one for one in self._store.living(ids)} if ids else {}
        return [living[one] for one in ids if one in living]

    def worded(self, record: Record) -> list[str]:
        """Ids of the records of the same scope with the same words, in any order; some may have
        expired."""
        self._know(record.scope)
        return sorted(self._wordings[record.scope].get(_wording(record.text), ()))

    def keep(self) -> None:
        """Put what known scopes say into the store. Where that cannot be, it is parsed later."""
        if self._known:
            self._follow()
        self._write()

    def _write(self) -> None:
        if self._unkept:
            with contextlib.suppress(StoreError):
                self._store.keep_parsed(_RULES, self._unkept)
            self._unkept = []

    def _know(self, scope: Scope) -> None:
        self._follow()
        if scope in self._known:
            self._known[scope] = self._known.pop(scope)  # the last to go
            return
        if len(self._known) >= self._most:
            self._forget(next(iter(self._known)))
        self._known[scope], self._wordings[scope] = {}, {}
        kept, missing = self._store.parsed(scope, _RULES)
        for one in kept:
            self._put(scope, one)
        self._read(missing)

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
        self._read(changes.live.values())

    def _read(self, records: Iterable[Record]) -> None:
        """Parse those of known scopes."""
        for record in records:
            if record.scope in self._known:
                attribute = _attribute(record.text) or ""
                one = Parsed(record.id, record.version, attribute, _wording(record.text))
                self._put(record.scope, one)
                self._unkept.append(one)
        if len(self._unkept) >= _UNKEPT:
            self._write()

    def _put(self, scope: Scope, one: Parsed) -> None:
        self._wordings[scope].setdefault(one.wording, set()).add(one.id)
        self._worded[one.id] = scope, one.wording
        if one.attribute:
            self._known[scope].setdefault(one.attribute, {})[one.id] = None
            self._places[one.id] = scope, one.attribute

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


def _wording(text: str) -> str:
    """Equal for texts of the same words in any order, and in every process."""
    words = " ".join(sorted(wording(text)))
    return blake2b(words.encode(errors="surrogatepass"), digest_size=8).hexdigest()
