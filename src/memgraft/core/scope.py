"""Whose memory a record is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """The four ids that mem0 users know. In a query, None means "any"; in a record, "none"."""

    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None

    def given(self) -> dict[str, str]:
        """The ids that are set, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def covers(self, other: Scope) -> bool:
        """True if every id set here is the same in `other`."""
        return all(getattr(other, name) == value for name, value in self.given().items())
