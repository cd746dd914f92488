"""HOME 1, part one: exact dense search and BM25 over the store, fused over all candidates."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from memgraft.core.errors import FolderError, NotFound
from memgraft.core.files import RecordFiles
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.home import Home
from memgraft.core.recall import Passage, Passages, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.retrieval.fusion import z_sum
from memgraft.store.base import Store
from memgraft.text.encoder import Encoder, Vectors

KIND = "memgraft-passages"
VERSION = 1
# Candidates that each signal nominates, at least.
POOL = 50


class PassagesHome(Home):
    """One vector per record, one file each; the words are in the store's own index."""

    name = "passages"

    def __init__(self, store: Store, encoder: Encoder, folder: Path) -> None:
        self.store = store
        self.encoder = encoder
        self._files = RecordFiles(folder, KIND, VERSION, {"encoder": encoder.id})
        self._rows: dict[str, tuple[int, Scope, Vectors]] = {}
        self._matrix: Vectors | None = None
        self._load()

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        started = time.perf_counter()
        vectors = self.encoder.encode([record.text for record in records])
        self._matrix = None
        for record, vector in zip(records, vectors, strict=True):
            header = {"version": str(record.version), "scope": json.dumps(asdict(record.scope))}
            save_arrays(self._files.path(record.id), {"vector": vector}, header)
            self._rows[record.id] = (record.version, record.scope, vector)
        each = 1e3 * (time.perf_counter() - started) / max(1, len(records))
        return [Receipt(record.id, self.name, "exact", milliseconds=each) for record in records]

    def read(self, query: Query) -> Passages:
        cosines = self._cosines(query)
        lexical = dict(self.store.search_text(query.text, query.scope, max(POOL, query.limit)))
        nearest = sorted(cosines, key=lambda i: -cosines[i])[: max(POOL, query.limit)]
        # A record found by words alone is a candidate too, if this home has caught up with it.
        candidates = list(dict.fromkeys([*nearest, *(i for i in lexical if i in cosines)]))
        if not candidates:
            return Passages()
        signals = {
            "cosine": np.array([cosines[i] for i in candidates]),
            "bm25": np.array([lexical.get(i, 0.0) for i in candidates]),
        }
        fused = z_sum(signals)
        best = np.argsort(-fused, kind="stable")[: query.limit]
        passages = []
        for row in best.tolist():
            # Another process may have deleted it since this home caught up.
            with contextlib.suppress(NotFound):
                text = self.store.get(candidates[row]).text
                values = {name: float(column[row]) for name, column in signals.items()}
                passages.append(Passage(candidates[row], text, float(fused[row]), values))
        return Passages(tuple(passages))

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        receipts = []
        self._matrix = None
        for record_id in ids:
            self._files.remove(record_id)
            self._rows.pop(record_id, None)
            receipts.append(Receipt(record_id, self.name, "exact"))
        return receipts

    def consolidate(self, budget: float = 1.0) -> Report:
        """Nothing to tidy: vectors are independent."""
        return Report(self.name)

    def held(self) -> dict[str, int]:
        return {record_id: version for record_id, (version, _, _) in self._rows.items()}

    def save(self) -> None:
        """Nothing to do: every write is on disk when its receipt is given."""

    def stats(self) -> dict[str, Any]:
        size = sum(vector.nbytes for _, _, vector in self._rows.values())
        return {"facts": len(self._rows), "bytes": size, "encoder": self.encoder.id}

    def _cosines(self, query: Query) -> dict[str, float]:
        """Cosine by id, for the records that the scope covers."""
        allowed = [
            (row, record_id)
            for row, (record_id, (_, scope, _)) in enumerate(self._rows.items())
            if query.scope.covers(scope)
        ]
        if not allowed:
            return {}
        if self._matrix is None:
            self._matrix = np.stack([vector for _, _, vector in self._rows.values()])
        scores = self._matrix @ self.encoder.encode([query.text])[0]
        return {record_id: float(scores[row]) for row, record_id in allowed}

    def _load(self) -> None:
        for path in self._files.paths():
            try:
                arrays, header = load_arrays(path)
                scope = Scope(**json.loads(header["scope"]))
                self._rows[path.stem] = (int(header["version"]), scope, arrays["vector"])
            except (FolderError, KeyError, ValueError, TypeError):
                path.unlink(missing_ok=True)  # rebuilt from the store
