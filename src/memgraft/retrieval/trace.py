"""A memory as retrieval sees it: a text, and the circumstances that it can be found by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from memgraft.core.records import Record
from memgraft.core.scope import Scope


@dataclass(frozen=True)
class Trace:
    """One memory trace.

    `time` is when it happened and `written` when it was told, in seconds since 1970 (UTC). Traces
    of one `episode`, a session or a run of an agent, follow each other in the order in which they
    are added.
    """

    id: str
    text: str
    time: float = 0.0
    written: float = 0.0
    episode: str | None = None
    speaker: str | None = None
    scope: Scope = Scope()
    # In [0, 1]; what nobody has rated is in the middle.
    importance: float = 0.5
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # What it was made of, for filters.
    record: Record | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, record: Record) -> Self:
        """From a record: `speaker`, `session` and `importance` are read from its metadata. The
        episode is the session, or else the run, of one agent in one app."""
        about = record.metadata
        importance = about.get("importance", 0.5)
        rated = isinstance(importance, int | float) and 0 <= importance <= 1
        return cls(
            id=record.id,
            text=record.text,
            time=seconds(record.event_time or record.created_at),
            written=seconds(record.created_at),
            episode=_episode(record.scope, about.get("session")),
            speaker=str(about["speaker"]) if about.get("speaker") else None,
            scope=record.scope,
            importance=float(importance) if rated else 0.5,
            metadata=about,
            record=record,
        )

    @property
    def said(self) -> str:
        """The text with who said it, which is what is encoded."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


# The first and the last day that a date can be, in any time zone.
_EARLIEST, _LATEST = -62135510400.0, 253402214400.0


def _episode(scope: Scope, session: Any) -> str | None:
    if session is None and scope.run_id is None:
        return None
    return json.dumps([scope.agent_id, scope.app_id, scope.run_id, session], default=str)


def seconds(moment: str) -> float:
    """ISO 8601 as seconds since 1970; without a time zone it is UTC; 0 if it is no date."""
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    moment_of = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return min(max(moment_of.timestamp(), _EARLIEST), _LATEST)
