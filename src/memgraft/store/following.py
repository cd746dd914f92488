"""Following a store: which records are new, changed or gone since the last look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memgraft.core.records import Record, now
from memgraft.store.base import Store


@dataclass(frozen=True)
class Changes:
    """What changed; where the store cannot tell (`whole`), `live` are all live records, and what
    is not among them is gone."""

    live: dict[str, Record]
    gone: frozenset[str] = frozenset()
    whole: bool = False
    sequence: int = 0


class Follower:
    """Reads a store's changes in time that grows with them and not with the store.

    The same changes are told until `done` says that they were dealt with: whoever is interrupted
    meanwhile is told again.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seen = -1
        self._expiring: dict[str, str] = {}

    def changes(self) -> Changes | None:
        """What happened since those that are `done`; None if nothing did.

        What expires is gone from then on, though no event tells of it.
        """
        sequence = self.store.sequence()
        moment = now() if self._expiring else ""
        expired = {i for i, at in self._expiring.items() if at < moment}
        if sequence == self._seen and not expired:
            return None
        ids = None if self._seen < 0 else self.store.changed(self._seen)
        if ids is None:
            live = {record.id: record for record in self.store.list()}
            return Changes(live, whole=True, sequence=sequence)
        wanted = expired.union(ids)
        live = {record.id: record for record in self.store.living(sorted(wanted))}
        return Changes(live, frozenset(wanted - live.keys()), sequence=sequence)

    def begin(self) -> None:
        """Tell only of what changes from now on, and of nothing that is there by now."""
        if self._seen < 0:
            self._seen = self.store.sequence()

    def watch(self, records: Iterable[Record]) -> None:
        """Tell when these expire, too."""
        for record in records:
            self._expiring.pop(record.id, None)
            if record.expires_at:
                self._expiring[record.id] = record.expires_at

    def done(self, changes: Changes) -> None:
        """These changes were dealt with."""
        self._seen = changes.sequence
        if changes.whole:
            self._expiring = {}
        for record_id in changes.gone:
            self._expiring.pop(record_id, None)
        self.watch(changes.live.values())
