"""Delivery, whatever addresses do."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from memgraft.serve import webhooks
from memgraft.serve.webhooks import KIND, Webhooks
from memgraft.store.sqlite import SQLiteStore


def hook(store: SQLiteStore, name: str, url: str) -> None:
    store.put_document(KIND, name, {"url": url, "event_types": ["memory_add"]})


def wait(hooks: Webhooks) -> None:
    """Until nothing waits to be delivered."""
    deadline = time.monotonic() + 20
    while hooks._waiting.qsize() and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize("url", ["http://a..b/", "http://xn--/", f"http://{'x' * 70}.com/"])
def test_an_address_that_raises_stops_nobody(tmp_path: Path, url: str) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    hook(store, "bad", url)
    hooks = Webhooks()
    for _ in range(3):
        hooks.tell(store, "memory_add", [{"id": "1"}])
    wait(hooks)
    thread = hooks._thread
    assert thread is not None and thread.is_alive()
    started = time.monotonic()
    hooks.close()
    assert time.monotonic() - started < 15
    assert not thread.is_alive()


def test_a_full_queue_neither_blocks_nor_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    hook(store, "slow", "http://127.0.0.1:9/")
    blocked = threading.Event()
    monkeypatch.setattr(Webhooks, "_tried", lambda *_: blocked.wait(30) and None)
    hooks = Webhooks()
    for _ in range(webhooks._WAITING + 5):
        hooks.tell(store, "memory_add", [{"id": "1"}])
    blocked.set()
    hooks.close()


def test_a_public_server_delivers_to_the_open_network_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda host, *_, **__: [
        (0, 0, 0, "", ("8.8.8.8" if host == "open.example" else "169.254.169.254", 0))
    ])  # fmt: skip

    class Client:
        def stream(self, *given: object, **_: object) -> None:
            asked.append(given)
            raise OSError

    hooks = Webhooks(local=False)
    for url in ("http://inside.example/", "http://open.example/"):
        hooks._tried(Client(), webhooks._Delivery(url, {}))
    assert [given[1] for given in asked] == ["http://open.example/"]


def test_a_store_that_fails_is_not_the_requests_failure(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    store.close()
    Webhooks().tell(store, "memory_add", [{"id": "1"}])
