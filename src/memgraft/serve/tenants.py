"""The memories that a server keeps open: one for each tenant, used by one request at a time."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from memgraft.core.errors import StoreError
from memgraft.memory import Memory

log = logging.getLogger(__name__)

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
            with tenant.lock:
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
        """Close what rests longest and nobody uses, beyond the most that may be open.

        A tenant stays known until it is closed: whoever comes meanwhile waits for its lock, and
        never opens it a second time beside the first.
        """
        with self._lock:
            idle = [(name, one) for name, one in self._tenants.items() if not one.users]
            resting = idle[: max(0, len(self._tenants) - self._most)]
        for name, tenant in resting:
            if not tenant.lock.acquire(blocking=False):
                continue  # somebody came for it
            try:
                _close(tenant)
                with self._lock:
                    if not tenant.users and self._tenants.get(name) is tenant:
                        del self._tenants[name]
            finally:
                tenant.lock.release()


def _close(tenant: _Tenant) -> None:
    """What was acknowledged is on disk; a failure here is nobody's answer."""
    memory, tenant.memory = tenant.memory, None
    if memory is not None:
        try:
            memory.close()
        except Exception as error:
            log.warning("a memory was not closed well", exc_info=error)
