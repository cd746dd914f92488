"""Receipts: what truly happened to a record in a home."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["exact", "approximate", "refused"]


@dataclass(frozen=True)
class Receipt:
    """`exact`: done, fully. `approximate`: done in part, see `reason`. `refused`: not done, why."""

    record_id: str
    home: str
    outcome: Outcome
    reason: str = ""
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What `consolidate` did, or would do."""

    home: str
    changes: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)
