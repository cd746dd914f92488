"""Telling others what happened: requests to addresses that a key holder named."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import queue
import socket
import threading
import time
from collections.abc import Iterable, Mapping
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
_WAITING = 1_000
_PAUSE = 0.2


@dataclass(frozen=True)
class _Delivery:
    url: str
    body: dict[str, Any]


class Webhooks:
    """Delivers in one thread, in order, trying each address a few times; a request never waits.

    What is not delivered when the process ends is lost: the history in the store tells it all.

    Args:
        local: deliver to addresses of this computer and its network, too. Of a server that others
            use, its keys' holders must not reach what only the server can.
    """

    def __init__(self, local: bool = True) -> None:
        self._local = local
        self._waiting: queue.Queue[_Delivery | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
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
                self._put(_Delivery(hook.body["url"], body))

    def close(self) -> None:
        """Deliver what waits, for a few seconds. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=_TIMEOUT)
            thread.join(_TIMEOUT)

    def _put(self, delivery: _Delivery) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(delivery)
        except queue.Full:
            log.warning("webhook dropped: %d wait already", _WAITING)

    def _run(self) -> None:
        import httpx

        with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
            while (delivery := self._waiting.get()) is not None:
                for turn in range(TRIES):
                    problem = self._tried(client, delivery)
                    if problem is None:
                        break
                    time.sleep(_PAUSE * turn)
                else:
                    log.warning("webhook not delivered: %s", problem)

    def _tried(self, client: Any, delivery: _Delivery) -> str | None:
        """What went wrong, or None. Whatever an address does, the next one has its turn."""
        try:
            if not self._local and not _is_global(delivery.url):
                return "not an address of the open network"
            # The answer is not read: its status says all.
            with client.stream("POST", delivery.url, json=delivery.body) as response:
                code = response.status_code
        except Exception as error:
            return type(error).__name__
        return None if code < 500 else str(code)


def _is_global(url: str) -> bool:
    """True if every address of the host is of the open network."""
    parts = urlsplit(url)
    found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
    return all(ipaddress.ip_address(address[4][0]).is_global for address in found)


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
