"""Telling others what happened: requests to addresses that a key holder named."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from memgraft.core.errors import InvalidInput
from memgraft.store.base import Document, Store

log = logging.getLogger(__name__)

KIND = "webhook"
EVENTS = ("memory_add", "memory_update", "memory_delete", "memory_categorize")
TRIES = 3
_TIMEOUT = 5.0
_WAITING = 1_000


@dataclass(frozen=True)
class _Delivery:
    url: str
    body: dict[str, Any]


class Webhooks:
    """Delivers in one thread, in order, trying each address a few times; a request never waits.

    What is not delivered when the process ends is lost: the history in the store tells it all.
    """

    def __init__(self) -> None:
        self._waiting: queue.Queue[_Delivery | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def tell(self, store: Store, event: str, results: Iterable[Mapping[str, Any]]) -> None:
        """Tell every webhook of this tenant that listens for an event."""
        told = list(results)
        listening = (
            [hook for hook in store.documents(KIND) if _listens(hook, event)] if told else []
        )
        for hook in listening:
            for result in told:
                body = {"event": event, "project_id": store.tenant or "default", "data": result}
                self._put(_Delivery(hook.body["url"], body))

    def close(self) -> None:
        """Deliver what waits, once each. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join(2 * _TIMEOUT)

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
                _deliver(client, delivery)


def _deliver(client: Any, delivery: _Delivery) -> None:
    import httpx

    for _ in range(TRIES):
        try:
            response = client.post(delivery.url, json=delivery.body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = type(error).__name__
            continue
        if response.status_code < 500:
            return
        problem = str(response.status_code)
    log.warning("webhook not delivered: %s", problem)


def checked(url: str | None, event_types: list[str] | None) -> None:
    """`InvalidInput` for an address or events that no webhook can have."""
    parts = urlsplit(url or "http://ok") if _splits(url or "") else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
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


def _splits(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True
