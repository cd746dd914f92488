"""BM25 over an inverted index in memory (Robertson & Zaragoza 2009, with Lucene's idf)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import KeysView

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import NotFound
from memgraft.text.stems import stems

K1, B = 1.2, 0.75

Scores = NDArray[np.float32]


class LexicalIndex:
    """Texts by key, in rows that are numbered in the order of their adding and never reused.

    A removed text leaves an empty row until `compact`; it no longer counts in any statistic.
    """

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._keys: list[str | None] = []
        # Distinct terms of each row, and per term the rows that hold it and how often.
        self._terms: list[tuple[str, ...]] = []
        self._postings: dict[str, tuple[array[int], array[float]]] = {}
        self._lengths = array("f")
        self._frequency: Counter[str] = Counter()
        self._total = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def add(self, key: str, text: str) -> int:
        """The row of a text; a known key gets a new one."""
        if key in self._rows:
            self.remove(key)
        row = len(self._keys)
        counts = Counter(stems(text))
        for term, count in counts.items():
            rows, often = self._postings.setdefault(term, (array("i"), array("f")))
            rows.append(row)
            often.append(count)
        self._rows[key] = row
        self._keys.append(key)
        self._terms.append(tuple(counts))
        self._lengths.append(counts.total())
        self._frequency.update(counts.keys())
        self._total += counts.total()
        return row

    def remove(self, key: str) -> None:
        """Forget a text; `NotFound` for an unknown key."""
        if key not in self._rows:
            raise NotFound(f"no text {key} is in the index", next_step="add it first")
        row = self._rows.pop(key)
        for term in self._terms[row]:
            rows, often = self._postings[term]
            at = int(np.searchsorted(np.frombuffer(rows, np.int32), row))
            del rows[at], often[at]
            self._frequency[term] -= 1
            if not rows:
                del self._postings[term], self._frequency[term]
        self._total -= self._lengths[row]
        self._keys[row], self._terms[row], self._lengths[row] = None, (), 0.0

    def scores(self, text: str) -> Scores:
        """BM25 of every row, (rows,) float32; 0 where no term is shared."""
        found = np.zeros(len(self._keys), np.float32)
        if not self._rows or not self._total:
            return found
        average = self._total / len(self._rows)
        lengths = np.frombuffer(self._lengths, np.float32)
        for term, wanted in Counter(stems(text)).items():
            if term not in self._postings:
                continue
            rows = self.rows(term)
            often = np.frombuffer(self._postings[term][1], np.float32)
            damped = often + K1 * (1 - B + B * lengths[rows] / average)
            found[rows] += (wanted * self.idf(term) * (K1 + 1)) * often / damped
        return found

    def group_scores(self, text: str, groups: NDArray[np.int64], count: int) -> Scores:
        """BM25 of groups of rows, (count,), each read as one long text.

        Args:
            groups: the group of each row, (rows,), below `count`; negative for rows in none.
        """
        found = np.zeros(count, np.float32)
        if not count:
            return found
        inside = groups >= 0
        lengths = np.bincount(
            groups[inside], np.frombuffer(self._lengths, np.float32)[inside], count
        )
        filled = int(np.count_nonzero(lengths))
        if not filled:
            return found
        damping = K1 * (1 - B + B * lengths * filled / lengths.sum())
        for term, wanted in Counter(stems(text)).items():
            rows = self.rows(term)
            if not len(rows):
                continue
            often = np.frombuffer(self._postings[term][1], np.float32)
            here = groups[rows] >= 0
            sums = np.bincount(groups[rows[here]], often[here], count)
            weight = wanted * _idf(filled, int(np.count_nonzero(sums))) * (K1 + 1)
            found += (weight * sums / np.maximum(sums + damping, 1e-9)).astype(np.float32)
        return found

    @property
    def vocabulary(self) -> KeysView[str]:
        """The stems that some text holds."""
        return self._postings.keys()

    def rows(self, term: str) -> NDArray[np.int32]:
        """The rows whose texts hold a stem, ascending."""
        if term not in self._postings:
            return np.zeros(0, np.int32)
        return np.frombuffer(self._postings[term][0], np.int32)

    def idf(self, term: str) -> float:
        """How telling a stem is: ln(1 + (N - n + ½) / (n + ½)), above 0 for every term."""
        return _idf(len(self._rows), self._frequency.get(term, 0))

    def search(self, text: str, limit: int) -> list[tuple[str, float]]:
        """(key, score), best first, the older first among equals; only texts that share a term."""
        scores = self.scores(text)
        best = best_rows(scores, limit)
        keys = [(self._keys[row], float(scores[row])) for row in best if scores[row] > 0]
        return [(key, score) for key, score in keys if key is not None]


def _idf(texts: int, with_it: int) -> float:
    return float(np.log1p((texts - with_it + 0.5) / (with_it + 0.5)))


def best_rows(scores: Scores, limit: int) -> list[int]:
    """The rows of the highest scores, best first, the lower row first among equals."""
    if limit <= 0 or not len(scores):
        return []
    limit = min(limit, len(scores))
    least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    rows = np.flatnonzero(scores >= least)
    return rows[np.argsort(-scores[rows], kind="stable")][:limit].tolist()
