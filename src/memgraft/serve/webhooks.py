"""Telling others what happened: requests to addresses that a key holder named."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from memgraft.core.errors import InvalidInput, MemgraftError
from memgraft.store.base import Document, Store

log = logging.getLogger(__name__)

KIND = "webhook"
# Of these, memgraft never tells of categorising: it does not.
EVENTS = ("memory_add", "memory_update", "memory_delete", "memory_categorize")
TRIES = 3
_TIMEOUT = 5.0
# Deliveries of one tenant that may wait, and seconds without any after which its thread ends.
_WAITING = 1_000
_IDLE = 30.0
_PAUSE = 0.2
# All of IPv6 that stands for a host itself: not for an IPv4 address behind a translator.
_IPV6 = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True)
class _Delivery:
    url: str
    body: dict[str, Any]


@dataclass(frozen=True)
class _Line:
    """What waits to be delivered for one tenant, and the thread that delivers it."""

    waiting: queue.Queue[_Delivery | None]
    thread: threading.Thread


class Webhooks:
    """Delivers in a thread of each tenant, so that nobody waits for the addresses of another; in
    order, trying each address a few times. A request never waits.

    What is not delivered when the process ends is lost: the history in the store tells it all.

    Args:
        is_local: true while deliveries to this computer and its network are allowed, too. Of a
            server that others use, its keys' holders must not reach what only the server can.
    """

    def __init__(self, is_local: Callable[[], bool] = lambda: True) -> None:
        self._is_local = is_local
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()

    def tell(self, store: Store, event: str, results: Iterable[Mapping[str, Any]]) -> None:
        """Tell every webhook of this tenant that listens for an event.

        What is told of is done: no failure here may look like one of the request.
        """
        told = list(results)
        listening: list[Document] = []
        with contextlib.suppress(MemgraftError):
            if told:
                listening = [hook for hook in store.documents(KIND) if _listens(hook, event)]
        for hook in listening:
            for result in told:
                body = {"event": event, "project_id": store.tenant or "default", "data": result}
                self._put(store.tenant, _Delivery(hook.body["url"], body))

    def close(self) -> None:
        """Deliver what waits, for a few seconds. Idempotent."""
        with self._lock:
            lines, self._lines = list(self._lines.values()), {}
        deadline = time.monotonic() + _TIMEOUT
        for line in lines:
            with contextlib.suppress(queue.Full):
                line.waiting.put(None, timeout=max(0.0, deadline - time.monotonic()))
        for line in lines:
            line.thread.join(max(0.0, deadline - time.monotonic()))

    def _put(self, tenant: str, delivery: _Delivery) -> None:
        with self._lock:
            line = self._lines.get(tenant)
            if line is None:
                line = self._lines[tenant] = self._started(tenant)
            try:
                line.waiting.put_nowait(delivery)
            except queue.Full:
                log.warning("webhook dropped: %d wait already", _WAITING)

    def _started(self, tenant: str) -> _Line:
        waiting: queue.Queue[_Delivery | None] = queue.Queue(_WAITING)
        thread = threading.Thread(
            target=self._run, args=(tenant, waiting), name="webhooks", daemon=True
        )
        thread.start()
        return _Line(waiting, thread)

    def _run(self, tenant: str, waiting: queue.Queue[_Delivery | None]) -> None:
        import httpx

        with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
            while (delivery := self._next(tenant, waiting)) is not None:
                for turn in range(TRIES):
                    problem = self._tried(client, delivery)
                    if problem is None:
                        break
                    time.sleep(_PAUSE * turn)
                else:
                    log.warning("webhook not delivered: %s", problem)

    def _next(self, tenant: str, waiting: queue.Queue[_Delivery | None]) -> _Delivery | None:
        """None when the thread is to end: nothing came for a while, or nothing will."""
        with contextlib.suppress(queue.Empty):
            return waiting.get(timeout=_IDLE)
        with self._lock:
            # What came this moment is delivered; what comes later starts another thread.
            with contextlib.suppress(queue.Empty):
                return waiting.get_nowait()
            line = self._lines.get(tenant)
            if line is not None and line.waiting is waiting:
                del self._lines[tenant]
        return None

    def _tried(self, client: Any, delivery: _Delivery) -> str | None:
        """What went wrong, or None. Whatever an address does, the next one has its turn."""
        try:
            asked = {"url": delivery.url} if self._is_local() else _pinned(delivery.url)
            if asked is None:
                return "not an address of the open network"
            # The answer is not read: its status says all.
            with client.stream("POST", json=delivery.body, **asked) as response:
                code = response.status_code
        except Exception as error:
            return type(error).__name__
        return None if code < 500 else str(code)


def _pinned(url: str) -> dict[str, Any] | None:
    """How to ask for a URL at an address of its host; None unless all are of the open network.

    The name is looked up once: a second time it could mean what the first did not.
    """
    import httpx

    wanted = httpx.URL(url)
    host = wanted.raw_host.decode()
    found = socket.getaddrinfo(host, wanted.port or 80, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not all(_is_open(one) for one in addresses):
        return None
    return {
        "url": wanted.copy_with(host=addresses[0]),
        "headers": {"Host": wanted.netloc.decode()},
        "extensions": {"sni_hostname": host},
    }


def _is_open(address: str) -> bool:
    """True for one host of the open network: no private address, no group, no translated one."""
    ip = ipaddress.ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    return isinstance(ip, ipaddress.IPv4Address) or (ip in _IPV6 and ip.sixtofour is None)


def checked(url: str | None, event_types: list[str] | None) -> None:
    """`InvalidInput` for an address or events that no webhook can have."""
    if url is not None and not _is_http(url):
        raise InvalidInput("a webhook needs an http address", got=repr(url)[:80])
    unknown = sorted(set(event_types or ()) - set(EVENTS))
    if unknown:
        raise InvalidInput("no such events", expected=", ".join(EVENTS), got=", ".join(unknown))


def shown(document: Document, project: str) -> dict[str, Any]:
    return {
        "webhook_id": document.id,
        "project": project,
        "created_at": document.created_at,
        **document.body,
    }


def _listens(hook: Document, event: str) -> bool:
    return bool(hook.body.get("is_active", True)) and event in hook.body["event_types"]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
