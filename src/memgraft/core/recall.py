"""What a memory is asked, and the two things it can answer with: passages or a patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memgraft.core.filters import Test
from memgraft.core.records import Record
from memgraft.core.scope import Scope

# A tensor of whatever library the home computes with; core itself has none.
Tensor = Any


@dataclass(frozen=True)
class Query:
    """A question to a memory: text, whose memories, and how many answers at most.

    `filters` accepts records (see `core.filters`). Of the answers, only those at least as sure as
    `confidence` (0 to 1) are given, only up to the widest gap of their scores if `adaptive`, and no
    more than `tokens` together.
    """

    text: str
    scope: Scope = Scope()
    limit: int = 10
    filters: Test | None = None
    confidence: float = 0.0
    adaptive: bool = False
    tokens: int | None = None


@dataclass(frozen=True)
class Passage:
    """A remembered text with its score and the signals that the score was made of.

    `record` is what the store held when it was found, of homes that looked.
    """

    record_id: str
    text: str
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)
    record: Record | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Passages:
    """Memories that go into the prompt, best first."""

    items: tuple[Passage, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.items)


@dataclass(frozen=True)
class LowRankTerm:
    """A low-rank change of one linear map: x ↦ W x + gain · A (Bᵀ x).

    Shapes: `a` (d_out, rank), `b` (d_in, rank).
    """

    layer: int
    a: Tensor
    b: Tensor
    gain: float = 1.0


@dataclass(frozen=True)
class Awake:
    """A fact whose terms are in a patch, the score that woke it, and the text, for people."""

    record_id: str
    text: str
    score: float


@dataclass(frozen=True)
class Patch:
    """Memories that go into the layers. An empty patch leaves the model untouched."""

    terms: tuple[LowRankTerm, ...] = ()
    awake: tuple[Awake, ...] = ()
    considered: tuple[Awake, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)


Recall = Passages | Patch
