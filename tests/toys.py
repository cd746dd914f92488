"""Stand-ins that tests share: an encoder that needs no model, and a home that needs neither."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from memgraft.core.home import Home
from memgraft.core.recall import Passage, Passages, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.text.encoder import Encoder, Vectors

_STOP = "a am an and are do does i in is it me my of the to what where who you your"


class ToyEncoder(Encoder):
    """Hashed bags of words: texts that share words are near each other.

    Args:
        same: words that mean the same, by the word they stand for.
        deaf: words that it does not hear at all.
    """

    dimension = 512

    def __init__(self, id: str = "toy", same: dict[str, str] | None = None, deaf: str = "") -> None:
        self.id = id
        self.same = same or {}
        self.deaf = set(_STOP.split()) | set(deaf.split())

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                if word not in self.deaf:
                    row[zlib.crc32(self.same.get(word, word).encode()) % self.dimension] += 1
            if not row.any():
                row[0] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class ToyHome(Home):
    """Holds records in a dictionary, and tells in `calls` what it was told.

    `failing` are texts that it cannot write: the value is what it raises.
    """

    name = "toy"

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: dict[str, BaseException] = {}

    @property
    def texts(self) -> list[str]:
        return sorted(record.text for record in self.records.values())

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        for record in records:
            self.calls.append(("write", record.text))
            if record.text in self.failing:
                raise self.failing[record.text]
            self.records[record.id] = record
        return [Receipt(record.id, self.name, "exact") for record in records]

    def read(self, query: Query) -> Passages:
        return Passages(
            tuple(
                Passage(record.id, record.text, 1.0)
                for record in self.records.values()
                if query.scope.covers(record.scope)
            )
        )

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        receipts = []
        for record_id in ids:
            self.calls.append(("forget", record_id))
            self.records.pop(record_id, None)
            receipts.append(Receipt(record_id, self.name, "exact"))
        return receipts

    def consolidate(self, budget: float = 1.0) -> Report:
        return Report(self.name, figures={"budget": budget})

    def held(self) -> dict[str, int]:
        return {record.id: record.version for record in self.records.values()}

    def save(self) -> None:
        self.calls.append(("save", ""))

    def stats(self) -> dict[str, Any]:
        return {"facts": len(self.records)}
