"""Frozen configurations: dataclasses that refuse keys they do not know."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from memgraft.core.errors import InvalidInput


@dataclass(frozen=True)
class Config:
    """Base of all configurations. Subclass with `@dataclass(frozen=True)` and documented fields."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values; an unknown key is an `InvalidInput`."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidInput(
                f"{cls.__name__} has no field {', '.join(unknown)}",
                expected=", ".join(known),
                got=", ".join(sorted(values)),
                next_step="remove or rename the key",
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
