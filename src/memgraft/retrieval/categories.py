"""Categories of records: each vector joins the records that it resembles, or starts anew.

The mathematics is in `nn/art.py`; this keeps the categories by record id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.ids import check_id
from memgraft.nn.art import DEFAULT, Categories, Vigilance, present, settle, units
from memgraft.retrieval.columns import packed, unpacked

Arrays = Mapping[str, NDArray[Any]]

_DTYPES = {
    "ids": "uint8",
    "id_ends": "int64",
    "vectors": "float32",
    "categories": "int64",
    "numbers": "int64",
    "sums": "float64",
    "counts": "int64",
    "seen": "int64",
    "next": "int64",
}


@dataclass(frozen=True)
class CategoryStatistics:
    """What can be said of one category."""

    size: int
    # Mean cosine of two different members; 1 if there is only one.
    cohesion: float
    # The member whose vector is nearest to the prototype.
    representative: str


class CategoryMap:
    """Record ids in numbered categories of their vectors.

    A category keeps its number as records come and go, and a number that is gone does not come
    back. Only `consolidate` moves records between categories. Methods raise `InvalidInput` for
    vectors that cannot be used and `NotFound` for ids and numbers that are not here, before they
    change anything. Not for several threads at once.
    """

    def __init__(self, dimension: int, vigilance: Vigilance = DEFAULT) -> None:
        self.vigilance = vigilance
        self._state = Categories.empty(dimension)
        # The category that each row of the state is, and the number of the next one.
        self._numbers: list[int] = []
        self._next = 0
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._categories: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._vectors

    def add(self, record_id: str, vector: NDArray[Any]) -> int:
        """The category that a record joins or founds, by its vector (d,); a known id moves."""
        check_id(record_id)
        unit = self._unit(vector)
        if record_id in self._vectors:
            self.remove(record_id)
        row, self._state = present(self._state, unit, self.vigilance)
        if row == len(self._numbers):
            self._numbers.append(self._next)
            self._next += 1
        self._vectors[record_id] = unit
        self._categories[record_id] = self._numbers[row]
        return self._numbers[row]

    def remove(self, record_id: str) -> None:
        """Forget a record; its category is as if founded by the others, and gone with the last."""
        category = self.category_of(record_id)
        row = self._numbers.index(category)
        del self._vectors[record_id], self._categories[record_id]
        rest = self._stacked(self._members(category))
        sums, counts = self._state.sums.copy(), self._state.counts.copy()
        # Summed anew: subtracting would leave a rounding error of what is forgotten.
        sums[row], counts[row] = rest.sum(axis=0), len(rest)
        if not len(rest):
            sums, counts = np.delete(sums, row, axis=0), np.delete(counts, row)
            del self._numbers[row]
        self._state = Categories(sums, counts, self._state.seen)

    def category_of(self, record_id: str) -> int:
        if record_id not in self._categories:
            raise NotFound(f"no record {record_id} is in a category", next_step="add it first")
        return self._categories[record_id]

    def members(self, category: int) -> list[str]:
        """Record ids, in the order in which they were added."""
        found = self._members(category)
        if not found:
            raise NotFound(
                f"there is no category {category}",
                expected=f"one of the {len(self._numbers)} in statistics()",
                next_step="consolidate() may have made it part of another",
            )
        return found

    def statistics(self) -> dict[int, CategoryStatistics]:
        """All categories by number."""
        members: dict[int, list[str]] = {number: [] for number in self._numbers}
        for record_id, number in self._categories.items():
            members[number].append(record_id)
        found = {}
        for number, cohesion, prototype in zip(
            self._numbers, self._state.cohesion, self._state.prototypes, strict=True
        ):
            ids = members[number]
            nearest = ids[int((self._stacked(ids) @ prototype).argmax())]
            found[number] = CategoryStatistics(len(ids), float(cohesion), nearest)
        return found

    def nearest(self, vector: NDArray[Any], k: int = 1) -> list[tuple[int, float]]:
        """The k categories of nearest prototype, and their cosines with a vector (d,); best first.

        A coarse index: the members of a few categories instead of all records.
        """
        if k < 1:
            raise InvalidInput(
                "so many categories cannot be found",
                expected="a number of at least 1",
                got=repr(k),
                next_step="ask for one or more",
            )
        cosines = self._state.prototypes @ self._unit(vector)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(self._numbers[row], float(cosines[row])) for row in best]

    def consolidate(self, rounds: int = 2) -> dict[int, int]:
        """Settle all members anew; for each category that was, the one that most of it is in now.

        A category that lives on keeps its number: of those that became one the largest part does,
        and of one that came apart the largest part.
        """
        before = dict(self._categories)
        labels, self._state = settle(self._stacked(before), self.vigilance, rounds)
        shared = Counter(zip(before.values(), labels.tolist(), strict=True))
        heirs: dict[int, int] = {}
        for (old, label), _ in shared.most_common():
            if label not in heirs and old not in heirs.values():
                heirs[label] = old
        for label in range(len(self._state.counts)):
            if label not in heirs:
                heirs[label] = self._next
                self._next += 1
        self._numbers = [heirs[label] for label in range(len(heirs))]
        self._categories = {
            record_id: heirs[label]
            for record_id, label in zip(before, labels.tolist(), strict=True)
        }
        moved: dict[int, int] = {}
        for (old, label), _ in shared.most_common():
            moved.setdefault(old, heirs[label])
        return moved

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state, in arrays that safetensors can hold; the vigilance is kept beside them."""
        ids, ends = packed(self._vectors)
        columns: dict[str, Any] = {
            "ids": ids,
            "id_ends": ends,
            "vectors": [*self._vectors.values()] or np.zeros((0, self._state.dimension)),
            "categories": [*self._categories.values()],
            "numbers": self._numbers,
            "sums": self._state.sums,
            "counts": self._state.counts,
            "seen": [self._state.seen],
            "next": [self._next],
        }
        return {name: np.array(columns[name], dtype) for name, dtype in _DTYPES.items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, vigilance: Vigilance = DEFAULT) -> Self:
        """What `arrays` gave, exactly; `InvalidInput` if they do not fit together."""
        try:
            columns = {name: np.asarray(arrays[name], _DTYPES[name]) for name in _DTYPES}
            made = cls(columns["sums"].shape[1], vigilance)
            made._restore(columns)
        except (LookupError, ValueError, TypeError) as error:
            raise InvalidInput(
                "these arrays hold no categories",
                expected="what CategoryMap.arrays() gave",
                got=f"{type(error).__name__}: {error}",
                next_step="start without them: add the records again",
            ) from error
        return made

    def _restore(self, arrays: Arrays) -> None:
        ids = unpacked(arrays["ids"], arrays["id_ends"])
        [seen], [self._next] = arrays["seen"].tolist(), arrays["next"].tolist()
        self._state = Categories(arrays["sums"].copy(), arrays["counts"].copy(), seen)
        self._numbers = arrays["numbers"].tolist()
        self._vectors = dict(zip(ids, arrays["vectors"].copy(), strict=True))
        self._categories = dict(zip(ids, arrays["categories"].tolist(), strict=True))
        # Whatever is twice or left over does not come out as it went in.
        again = self.arrays()
        if not all(np.array_equal(again[name], array) for name, array in arrays.items()):
            raise ValueError("ids, vectors and categories do not fit together")
        if "" in ids or len(set(self._numbers)) < len(self._numbers):
            raise ValueError("an id is empty, or a number is used twice")
        if not all(0 <= number < self._next for number in self._numbers):
            raise ValueError("a number is not one of those given so far")
        rows = {number: row for row, number in enumerate(self._numbers)}
        labels = np.array([rows[number] for number in self._categories.values()], np.int64)
        true = Categories.gathered(self._stacked(ids), labels)
        if not np.array_equal(true.counts, self._state.counts):
            raise ValueError("the counts are not those of the members")
        if not np.allclose(true.sums, self._state.sums, atol=1e-6):
            raise ValueError("the sums are not those of the members")

    def _members(self, category: int) -> list[str]:
        return [i for i, number in self._categories.items() if number == category]

    def _stacked(self, ids: Any) -> NDArray[np.float64]:
        """The vectors of records, (n, d), of length one in float64."""
        rows = [self._vectors[record_id] for record_id in ids]
        return units(np.array(rows).reshape(-1, self._state.dimension), self._state.dimension)

    def _unit(self, vector: NDArray[Any]) -> NDArray[np.float32]:
        return units(np.asarray(vector)[None], self._state.dimension)[0].astype(np.float32)
