"""What is known of a new fact: whether a live record says it already, or says otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from memgraft.core.home import Home
from memgraft.core.recall import Passages, Query
from memgraft.core.records import Record
from memgraft.retrieval.attributes import Attributes
from memgraft.store.base import Store
from memgraft.text.encoder import Encoder
from memgraft.text.restated import LIKE, says_already
from memgraft.text.slots import contradicts

# Records that a new fact is compared with, of those that are near it.
_NEAREST = 10


@dataclass(frozen=True)
class Like:
    """What was found by meaning: records that say a new one already, if they are still live, and
    the cosines of all that are near it, by id."""

    ids: tuple[str, ...] = ()
    cosines: dict[str, float] = field(default_factory=dict)


class Known:
    """Compares new facts with the live records of the same scope and speaker.

    `like` takes an encoder, and is for before a transaction; the rest is quick enough for inside of
    one, where no other process changes what is compared.

    Args:
        store: whose records.
        homes: the one that retrieves, if there is one, tells which are near by meaning.
    """

    def __init__(self, store: Store, homes: Sequence[Home]) -> None:
        self._store = store
        self._home = next((home for home in homes if home.name == "passages"), None)
        self._attributes = Attributes(store)

    def prepare(self, records: Sequence[Record]) -> None:
        """Read the scopes of these records, which takes long the first time."""
        for record in records:
            self._attributes.peers(record)

    def keep(self) -> None:
        """See `Attributes.keep`."""
        self._attributes.keep()

    def start_over(self) -> None:
        """Forget what was read inside of a transaction that was undone."""
        self._attributes = Attributes(self._store)

    def like(self, records: Sequence[Record]) -> list[Like]:
        """For each record, which live ones, or which of these before it, say it by meaning."""
        found = []
        for record, earlier in zip(records, self._alike(records), strict=True):
            near = self._near(record)
            old = self.saying(record, Like(tuple(near), near))
            ids = [old.id] if old else []
            ids += [
                other.id
                for other, cosine in earlier
                if says_already(_said(record), _said(other), cosine)
            ]
            cosines = near | {other.id: cosine for other, cosine in earlier}
            found.append(Like(tuple(ids), cosines))
        return found

    def saying(self, record: Record, like: Like) -> Record | None:
        """A live record of the same scope and speaker that says all of it, perhaps otherwise."""
        peers = (peer.id for peer in self._attributes.peers(record))
        ids = dict.fromkeys([*self._attributes.worded(record), *peers, *like.ids])
        # One that is gone sooner, or that happened at another time, does not stand for it.
        return next(
            (
                old
                for old in sorted(self._store.living(list(ids)), key=lambda one: one.id)
                if old.scope == record.scope
                and old.speaker == record.speaker
                and old.expires_at == record.expires_at
                and old.event_time == record.event_time
                and says_already(_said(record), _said(old), like.cosines.get(old.id))
            ),
            None,
        )

    def contradicted(self, record: Record) -> Record | None:
        """The live record of the same scope and speaker that says otherwise, unless one says the
        same."""
        peers = [old for old in self._attributes.peers(record) if old.speaker == record.speaker]
        if any(old.content == record.content for old in peers):
            return None
        return next((old for old in peers if contradicts(record.text, old.text)), None)

    def _near(self, record: Record) -> dict[str, float]:
        """Cosines of the records that the home that retrieves finds nearest, by id."""
        if self._home is None:
            return {}
        recall = self._home.read(Query(record.text, record.scope, _NEAREST))
        assert isinstance(recall, Passages)
        return {item.record_id: item.signals["cosine"] for item in recall.items}

    def _alike(self, records: Sequence[Record]) -> list[list[tuple[Record, float]]]:
        """For each of these records, which no home has yet, those before it that are nearest."""
        encoder: Encoder | None = getattr(self._home, "encoder", None)
        if encoder is None or len(records) < 2:
            return [[] for _ in records]
        vectors = encoder.encode([record.text for record in records])
        found = []
        for place, cosines in enumerate(vectors @ vectors.T):
            nearest = np.argsort(-cosines[:place], kind="stable")[:_NEAREST].tolist()
            like = [other for other in nearest if cosines[other] >= LIKE]
            found.append([(records[other], float(cosines[other])) for other in like])
        return found


def _said(record: Record) -> tuple[str, datetime]:
    """What it says, and the moment from which its "yesterday" is seen."""
    return record.text, _moment(record)


def _moment(record: Record) -> datetime:
    """When it happened, or else was told."""
    for moment in (record.event_time, record.created_at):
        with contextlib.suppress(ValueError, TypeError):
            parsed = datetime.fromisoformat(moment or "")
            return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return datetime.now(UTC)
