"""Searching what has expired: no home holds it, so it is compared with the query when asked for."""

from __future__ import annotations

from memgraft.core.recall import Query
from memgraft.core.records import Record
from memgraft.memory import Memory
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.store.base import Store
from memgraft.store.rows import is_live
from memgraft.text.encoder import Encoder

# Those that expired of what was told last: each is encoded while others wait for the memory.
MOST = 1_000


class Expired(Memory):
    """Finds memories that were live until they expired, and no others.

    Args:
        store: of the tenant; whoever opened it closes it.
        encoder: of texts, as the home of passages has one, so that scores compare with its.
    """

    def __init__(self, store: Store, encoder: Encoder) -> None:
        super().__init__(store)
        self._encoder = encoder

    def _found(self, query: Query) -> list[tuple[Record, float, dict[str, float]]]:
        accepts = query.filters or (lambda _: True)
        told = self.store.list(query.scope, newest=True, expired=True)
        gone = [one for one in told if not is_live(one) and accepts(one)][:MOST]
        slots = SlotMemory(self._encoder, RetrievalConfig())
        slots.add([Trace.of(record) for record in reversed(gone)])
        records = {record.id: record for record in gone}
        asked = Asked(limit=query.limit, scope=query.scope, confidence=query.confidence)
        return [
            (records[hit.trace.id], hit.confidence, {**hit.signals, "confidence": hit.confidence})
            for hit in slots.search(query.text, asked)
        ]
