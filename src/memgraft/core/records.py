"""A record: one memory at rest; and an event: one line of its history."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self

from memgraft.core.errors import InvalidInput
from memgraft.core.ids import uuid7
from memgraft.core.scope import Scope

MAX_CHARACTERS = 8_000

EventName = Literal["ADD", "UPDATE", "DELETE"]


def now() -> str:
    """The present moment, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def clean_text(text: str) -> str:
    """Check and normalise the text of a memory: NFC, line breaks and runs of spaces become one.

    Raises:
        InvalidInput: blank, longer than `MAX_CHARACTERS`, or with control characters.
    """
    if not isinstance(text, str):
        raise InvalidInput("a memory must be text", expected="str", got=type(text).__name__)
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(
            "the text is too long for one memory",
            expected=f"at most {MAX_CHARACTERS:,} characters",
            got=f"{len(text):,}",
            next_step="split it into single facts",
        )
    joined = " ".join(unicodedata.normalize("NFC", text).split())
    bad = set() if joined.isprintable() else _controls(joined)
    if bad:
        raise InvalidInput(
            "the text holds control characters",
            expected="printable text",
            got=", ".join(sorted(bad)[:5]),
            next_step="remove them and try again",
        )
    if not any(unicodedata.category(c)[0] not in "ZC" for c in joined):
        raise InvalidInput(
            "the text of a memory is blank",
            expected="a fact, such as: My name is Yusuf",
            got=repr(text[:20]),
        )
    return joined


def _controls(text: str) -> set[str]:
    """The code points of control characters and halves of surrogate pairs."""
    return {f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in ("Cc", "Cs")}


def searchable(text: str, most: int) -> str:
    """Any text as a record can hold it: printable, not blank, cut to so many characters."""
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else " " for c in normal)
    return " ".join(kept.split())[:most].strip() or "(empty)"


def content_hash(text: str, speaker: str | None = None) -> str:
    """Equal for texts of one speaker that differ only in case, spacing or final punctuation."""
    folded = " ".join(text.casefold().split()).rstrip(".!")
    whose = f"{speaker}\n" if speaker else ""  # no text has a line break
    return hashlib.sha256((whose + folded).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Record:
    """One memory. Times are UTC ISO 8601; `version` counts from 1 and grows with each change."""

    id: str
    text: str
    scope: Scope = Scope()
    metadata: dict[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    expires_at: str | None = None
    event_time: str | None = None
    version: int = 1
    supersedes: str | None = None
    superseded_by: str | None = None
    source: str | None = None

    @classmethod
    def new(cls, text: str, scope: Scope = Scope(), **fields: Any) -> Self:
        """A fresh record with a UUIDv7, after `clean_text`."""
        moment = now()
        return cls(
            id=uuid7(),
            text=clean_text(text),
            scope=scope,
            created_at=moment,
            updated_at=moment,
            **fields,
        )

    @property
    def speaker(self) -> str | None:
        """Who said it, where that is known: one of several in a scope."""
        name = self.metadata.get("speaker")
        return name if isinstance(name, str) and name else None

    @property
    def content(self) -> str:
        """Equal for records that say the same: see `content_hash`."""
        return content_hash(self.text, self.speaker)

    def changed(self, **fields: Any) -> Self:
        """A copy with these fields, the next version and a new `updated_at`."""
        return replace(self, version=self.version + 1, updated_at=now(), **fields)


@dataclass(frozen=True)
class Event:
    """One line of the append-only history; `sequence` grows over the whole store."""

    sequence: int
    memory_id: str
    event: EventName
    old_text: str | None
    new_text: str | None
    at: str
    scope: Scope = Scope()
    reason: str | None = None
