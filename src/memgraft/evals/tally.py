"""Counts and times, gathered by name."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Hits, measures, and the questions that were missed."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    measures: dict[str, list[float]] = field(default_factory=dict)
    misses: list[dict[str, str]] = field(default_factory=list)

    def note(self, name: str, hit: bool) -> None:
        self.hits.setdefault(name, []).append(hit)

    def measure(self, name: str, value: float) -> None:
        self.measures.setdefault(name, []).append(value)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure the block in milliseconds."""
        started = time.perf_counter()
        yield
        self.measure(name, 1e3 * (time.perf_counter() - started))

    def share(self, name: str) -> float | None:
        """Of hits; None, here and below, where nothing was noted."""
        hits = self.hits.get(name)
        return sum(hits) / len(hits) if hits else None

    def median(self, name: str) -> float | None:
        values = self.measures.get(name)
        return statistics.median(values) if values else None

    def mean(self, name: str) -> float | None:
        values = self.measures.get(name)
        return statistics.mean(values) if values else None
