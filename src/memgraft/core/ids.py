"""Record ids: UUID version 7 (RFC 9562), whose order is the order of creation."""

from __future__ import annotations

import secrets
import time
import uuid

from memgraft.core.errors import InvalidInput

_RANDOM_BITS = 74


def uuid7() -> str:
    """A new id, 36 characters; sorts by millisecond of creation."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(_RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    return str(uuid.UUID(int=value))


def check_id(record_id: str) -> None:
    """Raise `InvalidInput` unless this can name a record: any string but the empty one."""
    if not isinstance(record_id, str) or not record_id:
        raise InvalidInput(
            "a record id cannot be used",
            expected="a string that is not empty",
            got=repr(record_id),
            next_step="give the id of the record",
        )
