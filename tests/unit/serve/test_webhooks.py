"""Delivery, whatever addresses do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.serve import webhooks
from memgraft.serve.webhooks import KIND, Webhooks
from memgraft.store.base import Store
from memgraft.store.open import open_store
from memgraft.store.sqlite import SQLiteStore


def hook(store: Store, name: str, url: str) -> None:
    store.put_document(KIND, name, {"url": url, "event_types": ["memory_add"]})


def waiting(hooks: Webhooks) -> int:
    return sum(line.waiting.qsize() for line in list(hooks._lines.values()))


def until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


@pytest.mark.parametrize("url", ["http://a..b/", "http://xn--/", f"http://{'x' * 70}.com/"])
def test_an_address_that_raises_stops_nobody(tmp_path: Path, url: str) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    hook(store, "bad", url)
    hooks = Webhooks()
    for _ in range(3):
        hooks.tell(store, "memory_add", [{"id": "1"}])
    assert until(lambda: not waiting(hooks))
    thread = hooks._lines[""].thread
    assert thread.is_alive()
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
    assert waiting(hooks) <= webhooks._WAITING
    blocked.set()
    hooks.close()


def test_the_addresses_of_one_tenant_keep_nobody_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = open_store(tmp_path / "m.db", "slow"), open_store(tmp_path / "m.db", "quick")
    hook(slow, "slow", "http://slow/")
    hook(quick, "quick", "http://quick/")
    blocked, delivered = threading.Event(), threading.Event()

    def tried(hooks: Webhooks, client: object, delivery: webhooks._Delivery) -> None:
        if delivery.url == "http://quick/":
            delivered.set()
        else:
            blocked.wait(30)

    monkeypatch.setattr(Webhooks, "_tried", tried)
    hooks = Webhooks()
    for _ in range(webhooks._WAITING + 5):
        hooks.tell(slow, "memory_add", [{"id": "1"}])
    hooks.tell(quick, "memory_add", [{"id": "1"}])
    assert delivered.wait(20)
    blocked.set()
    hooks.close()


def test_a_thread_ends_when_nothing_comes_and_another_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    hook(store, "h", "http://a/")
    told: list[str] = []
    monkeypatch.setattr(webhooks, "_IDLE", 0.02)
    monkeypatch.setattr(Webhooks, "_tried", lambda _, __, one: told.append(one.body["data"]["id"]))
    hooks = Webhooks()
    for number in range(3):
        hooks.tell(store, "memory_add", [{"id": str(number)}])
        thread = next((line.thread for line in list(hooks._lines.values())), None)
        assert until(lambda: not hooks._lines)
        assert thread is None or until(lambda: not thread.is_alive())  # noqa: B023
    assert told == ["0", "1", "2"]
    hooks.close()


class Client:
    """Notes what it is asked for, and reaches nobody."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def stream(self, method: str, **given: Any) -> None:
        self.asked.append(given)
        raise OSError


def test_others_reach_the_open_network_only_and_what_was_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each further look-up of the name gives an inner address: there must be none."""
    lookups: list[str] = []

    def looked_up(host: str, *_: object, **__: object) -> list[Any]:
        lookups.append(host)
        first = host == "open.example" and lookups.count(host) == 1
        return [(0, 0, 0, "", ("8.8.8.8" if first else "169.254.169.254", 0))]

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", looked_up)
    client, hooks = Client(), Webhooks(lambda: False)
    for url in ("http://inside.example/", "https://open.example:8443/a?b=c"):
        hooks._tried(client, webhooks._Delivery(url, {}))
    [asked] = client.asked
    assert str(asked["url"]) == "https://8.8.8.8:8443/a?b=c"
    assert asked["headers"] == {"Host": "open.example:8443"}
    assert asked["extensions"] == {"sni_hostname": "open.example"}
    assert lookups == ["inside.example", "open.example"]


def test_a_pinned_request_names_the_host_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    heard: list[httpx.Request] = []
    answering = httpx.MockTransport(lambda request: heard.append(request) or httpx.Response(200))
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *_, **__: [
        (0, 0, 0, "", ("2606:4700::1111", 0, 0, 0))
    ])  # fmt: skip
    hooks = Webhooks(lambda: False)
    with httpx.Client(transport=answering) as client:
        assert hooks._tried(client, webhooks._Delivery("http://open.example/x", {"a": 1})) is None
    [request] = heard
    assert (request.url.host, request.headers["Host"]) == ("2606:4700::1111", "open.example")


@pytest.mark.parametrize(
    ("address", "is_open"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.0.0.1", False),
     ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
     ("239.1.1.1", False), ("240.0.0.1", False), ("::1", False), ("::7f00:1", False),
     ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
     ("2001::1", False), ("fc00::1", False), ("fe80::1%eth0", False), ("ff0e::1", False)],
)  # fmt: skip
def test_which_addresses_are_of_the_open_network(address: str, is_open: bool) -> None:
    assert webhooks._is_open(address) is is_open


@pytest.mark.parametrize(
    ("settings", "is_local"),
    [
        ({}, True),
        ({"api_key": "sesame"}, False),
        ({"host": "0.0.0.0"}, False),
        ({"api_key": "sesame", "local_webhooks": True}, True),
    ],
)
def test_a_server_whose_users_have_keys_is_not_local(
    serve: Callable[..., TestClient], settings: dict[str, Any], is_local: bool
) -> None:
    server = serve(**settings).app.state.server  # type: ignore[attr-defined]
    client = Client()
    server.webhooks._tried(client, webhooks._Delivery("http://127.0.0.1:9/", {}))
    assert bool(client.asked) is is_local


def test_a_store_that_fails_is_not_the_requests_failure(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    store.close()
    Webhooks().tell(store, "memory_add", [{"id": "1"}])
