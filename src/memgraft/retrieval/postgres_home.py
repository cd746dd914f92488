"""HOME 1 in PostgreSQL: the vectors live beside the records, shared by several server processes."""

from __future__ import annotations

import time
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.core.home import Home
from memgraft.core.recall import Passage, Passages, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.retrieval.activation import base_level
from memgraft.retrieval.config import ABSOLUTE, RetrievalConfig
from memgraft.retrieval.episodes import NONE
from memgraft.retrieval.fusion import z_sum
from memgraft.retrieval.memory import Asked, confidence
from memgraft.retrieval.postgres_vectors import Nominated, Vectors
from memgraft.retrieval.selection import adaptive_count, diverse, within_budget
from memgraft.retrieval.signals import without_speakers
from memgraft.retrieval.trace import Trace
from memgraft.store.postgres import PostgresStore
from memgraft.text.encoder import Encoder
from memgraft.text.when import spans, temporal_fit

Column = NDArray[np.float64]

# Where filters leave fewer candidates than that, more are asked for, so many times as many.
_ENOUGH, _WIDER = 64, 4


class PostgresPassages(Home):
    """Passages by meaning, words, time, speaker and recency, from vectors in PostgreSQL.

    The signals and their weights are those of `SlotMemory` for memories that stand alone: what
    binds the turns of an episode, and what is learned by reading, is not kept in the database.
    Nothing of it is kept in this process either, so that any number of them may share a store.

    Args:
        store: whose records are read.
        encoder: vectors that another one made are refused.
        config: weights and limits of the search.

    Raises:
        FolderError: the vectors of this tenant were made with another encoder.
        StoreError: the database has no pgvector.
    """

    name = "passages"
    batch = 256

    def __init__(
        self, store: PostgresStore, encoder: Encoder, config: RetrievalConfig | None = None
    ) -> None:
        self.store = store
        self.encoder = encoder
        self.config = config or RetrievalConfig()
        self._vectors = Vectors(store, encoder.id, encoder.dimension)

    # -- the five verbs --------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        """See `Home`. What another process wrote already is not encoded again."""
        started = time.perf_counter()
        ids = [record.id for record in records]
        versions = self._vectors.versions(ids)
        missing = [r for r in records if versions.get(r.id, 0) < r.version]
        if missing:
            vectors = self.encoder.encode([Trace.of(record).said for record in missing])
            self._vectors.put(missing, _checked(vectors, self.encoder.dimension))
            versions = self._vectors.versions(ids)
        each = 1e3 * (time.perf_counter() - started) / max(1, len(records))
        return [
            Receipt(record.id, self.name, "exact", milliseconds=each)
            if record.id in versions
            else Receipt(record.id, self.name, "refused", "it was deleted meanwhile", each)
            for record in records
        ]

    def read(self, query: Query) -> Passages:
        asked = Asked(limit=query.limit, confidence=query.confidence)
        if not query.text.strip():
            return Passages()
        [vector] = _checked(self.encoder.encode([query.text]), self.encoder.dimension)
        pool = max(self.config.pool, query.limit)
        enough = max(_ENOUGH, query.limit)
        while True:
            found = self._vectors.nominated(
                query.text, vector, query.scope, pool, self.config.ann_above
            )
            if query.filters is None:
                break
            kept = [one for one in found.candidates if query.filters(one.record)]
            if found.all or len(kept) >= enough:
                found = Nominated(kept, found.share, found.all)
                break
            pool *= _WIDER
        return self._chosen(query, found, asked)

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        """See `Home`. Vectors of deleted records went with them."""
        gone = list(ids)
        self._vectors.remove(gone)
        return [Receipt(record_id, self.name, "exact") for record_id in gone]

    def consolidate(self, budget: float = 1.0, dry_run: bool = False) -> Report:
        """Nothing: this home keeps no associations to dream over, and PostgreSQL vacuums itself."""
        return Report(self.name)

    def held(self) -> Mapping[str, int]:
        """See `Home`. Asks the database, since other processes write to it."""
        return _Held(self._vectors)

    def holding(self, ids: Sequence[str]) -> dict[str, int]:
        return self._vectors.versions(ids)

    def save(self) -> None:
        """Nothing: every vector is in the database when its receipt is given."""

    def stats(self) -> dict[str, Any]:
        facts, users = self._vectors.count()
        return {
            "facts": facts,
            "bytes": 2 * self.encoder.dimension * facts,
            "encoder": self.encoder.id,
            "users": users,
        }

    # -- ranking ---------------------------------------------------------------------------

    def _chosen(self, query: Query, found: Nominated, asked: Asked) -> Passages:
        if not found.candidates:
            return Passages()
        traces = [Trace.of(candidate.record) for candidate in found.candidates]
        signals = _columns(query.text, found, traces)
        scores = z_sum(signals, self._weights(found.share), ABSOLUTE)
        rows = diverse(scores, _episodes(traces), asked.limit, self.config.diversity)
        items = []
        for row in rows:
            own = {name: float(column[row]) for name, column in signals.items()}
            sure = confidence(own["cosine"], own["words"])
            if sure >= asked.confidence:
                own["confidence"] = sure
                trace, score = traces[row], float(scores[row])
                items.append(Passage(trace.id, trace.text, score, own, trace.record))
        if query.adaptive:
            items = items[: adaptive_count(sorted((i.score for i in items), reverse=True))]
        if query.tokens is not None:
            items = items[: within_budget([item.text for item in items], query.tokens)]
        return Passages(tuple(items))

    def _weights(self, share: float) -> dict[str, float]:
        """A memory that stands alone is its own context, and its words are those of its episode.

        Words count less where the question has words that no record holds.
        """
        weights = self.config.all_weights
        return {
            **weights,
            "cosine": weights["cosine"] + weights["context"],
            "words": share * (weights["words"] + weights["episode"]),
        }


class _Held(Mapping[str, int]):
    """Version by id, asked of the database: one statement for an id, and one for all."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def __getitem__(self, record_id: str) -> int:
        return self._vectors.versions([record_id])[record_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._vectors.versions())

    def __len__(self) -> int:
        return self._vectors.count()[0]

    def items(self) -> ItemsView[str, int]:
        return self._vectors.versions().items()


def _columns(text: str, found: Nominated, traces: Sequence[Trace]) -> dict[str, Column]:
    """A column of each signal over the candidates."""
    now = time.time()
    when = spans(text, datetime.fromtimestamp(now, UTC))
    written = np.array([trace.written or trace.time for trace in traces])
    speakers = [(trace.speaker or "").casefold() for trace in traces]
    _, named = without_speakers(text, set(speakers) - {""})
    fits = [temporal_fit(when, datetime.fromtimestamp(trace.time, UTC)) for trace in traces]
    columns = {
        "cosine": [candidate.cosine for candidate in found.candidates],
        "words": [candidate.words for candidate in found.candidates],
        "speaker": [speaker == named for speaker in speakers],
        "temporal": fits if when else [0.0] * len(traces),
        "activation": base_level(1, written, written, now),
        "importance": [trace.importance for trace in traces],
    }
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


def _episodes(traces: Sequence[Trace]) -> NDArray[np.int64]:
    """The number of each trace's episode, of its user; NONE for those in none."""
    codes: dict[tuple[str | None, str], int] = {}
    numbers = [
        NONE
        if trace.episode is None
        else codes.setdefault((trace.scope.user_id, trace.episode), len(codes))
        for trace in traces
    ]
    return np.array(numbers, np.int64)


def _checked(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    if vectors.ndim != 2 or vectors.shape[1] != dimension or not np.isfinite(vectors).all():
        raise InvalidInput(
            "these vectors cannot be used",
            expected=f"finite numbers, (n, {dimension})",
            got=f"shape {vectors.shape}",
        )
    return vectors
