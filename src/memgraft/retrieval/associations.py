"""Associations between records: what is written or read in sequence is linked in that order.

The kernels and their mathematics are in `nn/hebbian.py`; this keeps the graph by record id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.core.ids import check_id
from memgraft.nn.hebbian import STDP, checked, faded, fired, spread, strongest
from memgraft.retrieval.columns import packed, unpacked

Arrays = Mapping[str, NDArray[Any]]
Row = dict[str, float]

_DTYPES = {
    "ids": "uint8",
    "id_ends": "int64",
    "rows": "int64",
    "row_ends": "int64",
    "since": "float64",
    "targets": "int64",
    "weights": "float64",
    "trace": "int64",
    "trace_times": "float64",
    "clock": "float64",
}


@dataclass(frozen=True)
class AssociationsConfig(STDP):
    """The rule, and how much of what it learns is kept; times in seconds."""

    # The strongest edges that a record keeps; and how many recent ids a new one is paired with.
    degree: int = 8
    trace: int = 8
    # An edge that is not used loses half its weight in this time, and is gone below the floor.
    half_life: float = 30 * 86400.0
    floor: float = 0.01
    # A time that is earlier than the latest by no more than this counts as the latest.
    tolerance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checked("degree", self.degree, low=1)
        checked("trace", self.trace, low=1)
        checked("half_life", self.half_life, low=1e-9)
        checked("floor", self.floor, low=1e-9, high=1.0)
        checked("tolerance", self.tolerance)


DEFAULT = AssociationsConfig()


class Associations:
    """A sparse, directed Hebbian graph over record ids.

    It does not know which records exist: an id that was never observed is no error anywhere, it
    just has no edges. Times are seconds on one clock that does not run backwards: when something
    was read or written, not when it is said to have happened. Methods raise `InvalidInput` before
    they change anything. Not for several threads at once.
    """

    def __init__(self, config: AssociationsConfig = DEFAULT) -> None:
        self.config = config
        self._rows: dict[str, Row] = {}
        # The time that the weights of a row refer to, and who has an edge to an id.
        self._since: dict[str, float] = {}
        self._sources: dict[str, set[str]] = {}
        # When recent ids were last observed, in that order.
        self._trace: dict[str, float] = {}
        self._clock = 0.0

    @property
    def clock(self) -> float:
        """The latest time that was observed, in seconds."""
        return self._clock

    def __len__(self) -> int:
        """Records that lead to another."""
        return len(self._rows)

    def __contains__(self, record_id: object) -> bool:
        """Whether anything is kept of an id: an edge from it or to it, or that it was recent."""
        return record_id in self._rows or record_id in self._sources or record_id in self._trace

    def observe(self, record_id: str, at: float) -> None:
        """A record is written or read; ids observed at the same time count as together.

        Edges from recent ids to this one grow, edges back to them shrink; together, both grow.
        The same id once more at the same time changes nothing.
        """
        check_id(record_id)
        at = self._tick(at)
        if self._trace.get(record_id) == at:
            return
        # Rows are brought to one time before their weights are changed or compared.
        for key in [record_id, *self._trace]:
            self._fade(key, at)
        for key, row in fired(self._rows, self._trace, record_id, at, self.config).items():
            self._put(key, strongest(self._faded(row, 0.0), self.config.degree), at)
        self._trace.pop(record_id, None)
        self._trace[record_id] = at
        recent = [(i, t) for i, t in self._trace.items() if at - t <= self.config.window]
        self._trace = dict(recent[-self.config.trace :])

    def link(self, source: str, target: str, weight: float, at: float) -> bool:
        """Add a proposed edge; whether it was added.

        A proposal is a guess: it neither changes an edge that is there nor displaces one from a
        full row, and one below the floor is not kept. So `unlink` undoes it.
        """
        check_id(source)
        check_id(target)
        checked("the weight of a link", weight, high=1.0)
        if source == target:
            raise InvalidInput(
                "a record cannot be linked to itself",
                expected="two ids",
                got=f"{source!r} twice",
                next_step="leave the link out",
            )
        at = self._tick(at)
        self._fade(source, at)
        row = self._rows.get(source, {})
        if target in row or len(row) >= self.config.degree or weight < self.config.floor:
            return False
        self._put(source, {**row, target: float(weight)}, at)
        return True

    def unlink(self, source: str, target: str) -> bool:
        """Remove an edge, wherever it came from; False if there was none (it may have faded)."""
        if target not in self._rows.get(source, {}):
            return False
        self._drop(source, target)
        return True

    def forget(self, record_id: str) -> None:
        """Remove an id exactly: its edges both ways and its place among the recent ones.

        Edges between others stay as they are; what it once displaced does not come back.
        """
        self._put(record_id, {}, 0.0)
        for source in list(self._sources.get(record_id, ())):
            self._drop(source, record_id)
        self._trace.pop(record_id, None)

    def decay(self, now: float) -> int:
        """Bring all weights to this time; how many edges fell below the floor and are gone.

        Between calls only the rows that are observed are brought forward, so call it now and then:
        `neighbours` and `spread` read weights as they stand.
        """
        now = self._tick(now)
        before = self._edges()
        for source in list(self._rows):
            self._fade(source, now)
        return before - self._edges()

    def neighbours(self, record_id: str) -> Row:
        """Where the edges of a record lead, with their weights, strongest first."""
        return dict(sorted(self._rows.get(record_id, {}).items(), key=lambda edge: -edge[1]))

    def spread(self, seeds: Mapping[str, float], hops: int = 2, damping: float = 0.5) -> Row:
        """Activations of all that the seeds reach, themselves included, in no order.

        Seeds are scores of at least 0 on any scale, and so are activations; damping is in [0, 1),
        the share that comes from the graph. `nn.hebbian.spread` states what bounds them.
        """
        for record_id, value in seeds.items():
            checked(f"the activation of {record_id!r}", value)
        checked("the number of hops", hops)
        checked("the damping", damping, high=1 - 1e-9)
        return spread(self._rows, seeds, hops, damping)

    def stats(self) -> dict[str, Any]:
        edges = self._edges()
        total = sum(sum(row.values()) for row in self._rows.values())
        return {
            "records": len(self._rows.keys() | self._sources.keys()),
            "edges": edges,
            "mean_weight": total / edges if edges else 0.0,
            "recent": len(self._trace),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state, in arrays that safetensors can hold; the config is kept beside them.

        Rows in the manner of CSR, each with the time it refers to; ids stand there as numbers.
        """
        numbers: dict[str, int] = {}

        def number(record_id: str) -> int:
            return numbers.setdefault(record_id, len(numbers))

        columns: dict[str, Any] = {
            "rows": [number(source) for source in self._rows],
            "row_ends": np.cumsum([len(row) for row in self._rows.values()]),
            "since": [self._since[source] for source in self._rows],
            "targets": [number(target) for row in self._rows.values() for target in row],
            "weights": [weight for row in self._rows.values() for weight in row.values()],
            "trace": [number(record_id) for record_id in self._trace],
            "trace_times": list(self._trace.values()),
            "clock": [self._clock],
        }
        columns["ids"], columns["id_ends"] = packed(numbers)
        return {name: np.array(columns[name], dtype) for name, dtype in _DTYPES.items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, config: AssociationsConfig = DEFAULT) -> Self:
        """What `arrays` gave, exactly; `InvalidInput` if they do not fit together."""
        made = cls(config)
        try:
            made._restore({name: np.asarray(arrays[name], _DTYPES[name]) for name in _DTYPES})
        except (LookupError, ValueError, TypeError) as error:
            raise InvalidInput(
                "these arrays hold no associations",
                expected="what Associations.arrays() gave",
                got=f"{type(error).__name__}: {error}",
                next_step="start without them: they are learned again",
            ) from error
        return made

    def packed(self) -> bytes:
        """`arrays` as the bytes of a safetensors file."""
        from safetensors.numpy import save

        return bytes(save(self.arrays()))

    @classmethod
    def unpacked(cls, data: bytes, config: AssociationsConfig = DEFAULT) -> Self:
        """What `packed` gave; none if it is damaged: associations are learned again."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return cls.from_arrays(load(data), config)
        except (SafetensorError, InvalidInput):
            return cls(config)

    def _restore(self, arrays: Arrays) -> None:
        columns = {name: array.tolist() for name, array in arrays.items()}
        ids = unpacked(arrays["ids"], arrays["id_ends"])
        edges = list(zip(columns["targets"], columns["weights"], strict=True))
        spans = pairwise([0, *columns["row_ends"]])
        for source, since, (start, end) in zip(
            columns["rows"], columns["since"], spans, strict=True
        ):
            self._put(ids[source], {ids[target]: w for target, w in edges[start:end]}, since)
        trace = zip(columns["trace"], columns["trace_times"], strict=True)
        self._trace = {ids[record]: time for record, time in trace}
        [self._clock] = columns["clock"]
        # Whatever is twice, out of range or left over does not come out as it went in.
        again = self.arrays()
        if not all(np.array_equal(again[name], array) for name, array in arrays.items()):
            raise ValueError("ids, rows and edges do not fit together")
        weights, times = arrays["weights"], [*columns["since"], *columns["trace_times"]]
        if not np.all((weights > 0) & (weights <= 1)) or "" in ids:
            raise ValueError("a weight is not in (0, 1], or an id is empty")
        if any(source in row for source, row in self._rows.items()):
            raise ValueError("a record is linked to itself")
        if not 0 <= min([0.0, *times]) <= max([0.0, *times]) <= self._clock < np.inf:
            raise ValueError("a time is negative, or later than the clock")

    def _tick(self, at: float) -> float:
        """Advance the clock; the time that `at` counts as."""
        checked("a time in seconds", at)
        if at < self._clock - self.config.tolerance:
            raise InvalidInput(
                "time runs backwards",
                expected=f"a time of at least {self._clock - self.config.tolerance:.3f} s",
                got=f"{at:.3f} s",
                next_step="observe in order; for old messages give the time of import",
            )
        self._clock = max(self._clock, float(at))
        return self._clock

    def _faded(self, row: Row, elapsed: float) -> Row:
        return faded(row, elapsed, self.config.half_life, self.config.floor)

    def _fade(self, source: str, at: float) -> None:
        """Bring one row to a time, which is not before the one that it refers to."""
        row = self._rows.get(source)
        if row and at > self._since[source]:
            self._put(source, self._faded(row, at - self._since[source]), at)

    def _put(self, source: str, row: Row, at: float) -> None:
        """The one place where rows change, so that who leads to whom stays true."""
        old = self._rows.get(source, {})
        for target in old.keys() - row.keys():
            self._sources[target].discard(source)
            if not self._sources[target]:
                del self._sources[target]
        for target in row.keys() - old.keys():
            self._sources.setdefault(target, set()).add(source)
        if row:
            self._rows[source], self._since[source] = row, at
        elif old:
            del self._rows[source], self._since[source]

    def _drop(self, source: str, target: str) -> None:
        row = {key: weight for key, weight in self._rows[source].items() if key != target}
        self._put(source, row, self._since[source])

    def _edges(self) -> int:
        return sum(map(len, self._rows.values()))
