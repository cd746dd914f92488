"""Record ids: UUID version 7 (RFC 9562), whose order is the order of creation."""

from __future__ import annotations

import secrets
import time
import uuid

_RANDOM_BITS = 74


def uuid7() -> str:
    """A new id, 36 characters; sorts by millisecond of creation."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(_RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    return str(uuid.UUID(int=value))
