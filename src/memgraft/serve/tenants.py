"""The memories that a server keeps open: one for each tenant, used by one request at a time."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from memgraft.core.errors import StoreError
from memgraft.memory import Memory

# Memories open at once; beyond it, those that rest longest are closed.
MOST_OPEN = 64


@dataclass
class _Tenant:
    lock: threading.RLock = field(default_factory=threading.RLock)
    memory: Memory | None = None
    users: int = 0


class Tenants:
    """Opens memories when they are first asked for.

    A memory is not made for several threads, so each has a lock; what tenants do never waits for
    what others do.

    Args:
        opened: makes the memory of a tenant.
        most: how many stay open.
    """

    def __init__(self, opened: Callable[[str], Memory], most: int = MOST_OPEN) -> None:
        self._opened = opened
        self._most = most
        self._lock = threading.Lock()
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()
        self._closed = False

    @contextlib.contextmanager
    def use(self, name: str) -> Iterator[Memory]:
        """The memory of a tenant, for this thread alone."""
        tenant = self._taken(name)
        try:
            with tenant.lock:
                if tenant.memory is None:
                    tenant.memory = self._opened(name)
                yield tenant.memory
        finally:
            with self._lock:
                tenant.users -= 1
            self._tidy()

    def close(self) -> None:
        """Close every memory, after the requests that use them. Idempotent."""
        with self._lock:
            self._closed = True
            left, self._tenants = list(self._tenants.values()), OrderedDict()
        for tenant in left:
            _close(tenant)

    def __len__(self) -> int:
        return len(self._tenants)

    def _taken(self, name: str) -> _Tenant:
        with self._lock:
            if self._closed:
                raise StoreError("the server is stopping", next_step="try again in a moment")
            tenant = self._tenants.setdefault(name, _Tenant())
            self._tenants.move_to_end(name)
            tenant.users += 1
            return tenant

    def _tidy(self) -> None:
        """Close what rests longest and nobody uses, beyond the most that may be open."""
        resting = []
        with self._lock:
            idle = [name for name, tenant in self._tenants.items() if not tenant.users]
            for name in idle[: max(0, len(self._tenants) - self._most)]:
                resting.append(self._tenants.pop(name))
        for tenant in resting:
            _close(tenant)


def _close(tenant: _Tenant) -> None:
    with tenant.lock:
        memory, tenant.memory = tenant.memory, None
        if memory is not None:
            memory.close()
