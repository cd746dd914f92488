"""How often a key may ask: a token bucket for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Buckets kept; a full one is as good as none, so the oldest can go.
_MOST = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    """Lets each name do `rate` things a minute, with a burst of as many.

    Of one process: several workers each allow the rate.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, name: str, rate: int) -> float:
        """Take one; 0 if it was there, else the seconds until the next one. Rate 0 is no limit."""
        if rate <= 0:
            return 0.0
        with self._lock:
            moment = self._clock()
            bucket = self._buckets.setdefault(name, _Bucket(float(rate), moment))
            bucket.tokens = min(rate, bucket.tokens + (moment - bucket.at) * rate / 60)
            bucket.at = moment
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            while len(self._buckets) > _MOST:
                self._buckets.pop(next(iter(self._buckets)))
            return (1 - bucket.tokens) * 60 / rate
