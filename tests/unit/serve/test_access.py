"""Keys, rights, tenants, limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.serve.keys import KeyRing
from memgraft.store.open import open_store

Serve = Callable[..., TestClient]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(open_store(tmp_path / "memory.db"))


def with_key(secret: str, scheme: str = "Token") -> dict[str, str]:
    return {"Authorization": f"{scheme} {secret}"}


def add(client: TestClient, text: str, headers: dict[str, str]) -> Any:
    body = {"messages": text, "user_id": "alex", "infer": False}
    return client.post("/v3/memories/add/", json=body, headers=headers)


def test_without_keys_anybody_here_may_come_in(serve: Serve) -> None:
    client = serve()
    assert client.get("/v1/ping/").status_code == 200
    assert client.get("/v1/ping/", headers=with_key("whatever")).status_code == 200


def test_without_keys_other_names_of_this_computer_are_refused(serve: Serve) -> None:
    client = serve()
    answer = client.get("/v1/ping/", headers={"Host": "evil.example:8123"})
    assert answer.status_code == 403
    for host in ("localhost:8123", "127.0.0.1", "[::1]:8123"):
        assert client.get("/v1/ping/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_without_keys_web_pages_of_others_are_refused(
    serve: Serve, headers: dict[str, str]
) -> None:
    client = serve()
    assert client.post("/reset", headers=headers).status_code == 403
    assert client.post("/reset", headers={"Origin": "http://localhost:3000"}).status_code == 200
    assert client.get("/health", headers=headers).status_code == 200


def test_a_public_server_never_opens_up(serve: Serve, ring: KeyRing) -> None:
    client = serve(host="0.0.0.0")
    assert client.get("/v1/ping/").status_code == 401


def test_with_the_last_key_gone_a_server_does_not_open_up(serve: Serve, ring: KeyRing) -> None:
    secret, key = ring.create("a")
    ring.revoke(key.id)
    client = serve()
    for headers in ({}, with_key(secret)):
        assert client.get("/v1/ping/", headers=headers).status_code == 401


def test_a_key_of_the_settings_is_asked_for(serve: Serve) -> None:
    client = serve(api_key="sesame")
    for headers in ({}, with_key("wrong"), with_key(""), {"Authorization": "sesame"}):
        answer = client.get("/v1/ping/", headers=headers)
        assert answer.status_code == 401
        assert isinstance(answer.json()["detail"], str)
    for headers in (with_key("sesame"), with_key("sesame", "Bearer"), {"X-API-Key": "sesame"}):
        assert client.get("/v1/ping/", headers=headers).status_code == 200
    assert client.get("/metrics").status_code == 401
    assert client.get("/health").status_code == 200
    outside = with_key("sesame") | {"Host": "memory.example"}
    assert client.get("/v1/ping/", headers=outside).status_code == 200


def test_a_key_is_kept_as_a_hash(ring: KeyRing, tmp_path: Path) -> None:
    secret, key = ring.create("yusuf's laptop", "yusuf", ["read"], 60, 1000, "2999-01-01")
    assert ring.find(secret) == key == ring.list()[0]
    assert ring.find(secret[:-1]) is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert secret.encode() not in stored and secret.split("-", 2)[2].encode() not in stored


def test_keys_expire_and_are_revoked(ring: KeyRing) -> None:
    old, _ = ring.create("old", expires_at="2001-01-01T00:00:00+00:00")
    secret, key = ring.create("new")
    assert ring.find(old) is None and ring.find(secret) is not None
    ring.revoke(key.id)
    assert ring.find(secret) is None
    with pytest.raises(NotFound):
        ring.revoke(key.id)
    with pytest.raises(InvalidInput):
        ring.create("wrong", rights=["fly"])


def test_what_needs_no_look_into_the_store_is_what_a_look_would_give(
    ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1e6
    monkeypatch.setattr("memgraft.serve.keys.time.monotonic", lambda: moment)
    assert not ring.open, "nobody has looked yet"
    assert not ring.needed()
    assert ring.open
    secret, key = ring.create("a")
    old, _ = ring.create("old", expires_at="2001-01-01T00:00:00+00:00")
    assert ring.known(secret) is None, "nobody has looked since"
    assert not ring.open
    assert ring.find(secret) == ring.known(secret) == key
    assert ring.known(old) is ring.known("wrong") is None
    moment += 3.0
    assert ring.known(secret) is None, "it may have been taken back meanwhile"
    assert ring.needed() and not ring.open
    ring.revoke(key.id)
    assert ring.known(secret) is None
    own = KeyRing(ring._root, own_key="sesame")
    assert own.known("sesame") == own.find("sesame") is not None
    assert own.known("open") is None and not own.open


def test_a_key_that_is_taken_back_is_refused_at_once_by_its_server(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    secret, key = client.app.state.server.keys.create("a")  # type: ignore[attr-defined]
    for _ in range(3):
        assert client.get("/v1/ping/", headers=with_key(secret)).status_code == 200
        assert client.get("/v1/ping/").status_code == 401
    client.app.state.server.keys.revoke(key.id)  # type: ignore[attr-defined]
    assert client.get("/v1/ping/", headers=with_key(secret)).status_code == 401


def test_rights(serve: Serve, ring: KeyRing) -> None:
    reader, writer = ring.create("r", rights=["read"])[0], ring.create("w", rights=["write"])[0]
    client = serve()
    assert add(client, "I like tea", with_key(reader)).status_code == 403
    assert add(client, "I like tea", with_key(writer)).status_code == 200
    assert client.get("/v1/memories/", headers=with_key(writer)).status_code == 403
    assert len(client.get("/v1/memories/", headers=with_key(reader)).json()) == 1
    assert client.post("/reset", headers=with_key(writer)).status_code == 403


def test_tenants_do_not_see_each_other(serve: Serve, ring: KeyRing, tmp_path: Path) -> None:
    one, two = with_key(ring.create("a", "one")[0]), with_key(ring.create("b", "two")[0])
    client = serve()
    [added] = add(client, "I like tea", one).json()["results"]
    path = f"/v1/memories/{added['id']}/"
    assert client.get(path, headers=one).status_code == 200
    for answer in (
        client.get(path, headers=two),
        client.delete(path, headers=two),
        client.get(path + "history/", headers=two),
        client.get("/v2/entities/user/alex/", headers=two),
    ):
        assert answer.status_code == 404
    assert client.get("/v1/memories/", headers=two).json() == []
    body = {"query": "tea", "user_id": "alex"}
    assert client.post("/v3/memories/search/", json=body, headers=two).json()["results"] == []
    assert client.delete("/v1/memories/?user_id=*", headers=two).status_code == 200
    assert client.post("/reset", headers=two).status_code == 200
    assert client.get(path, headers=one).status_code == 200
    assert client.get("/v1/ping/", headers=one).json()["project_id"] == "one"


def test_requests_that_are_too_large_for_a_key(serve: Serve, ring: KeyRing) -> None:
    small, other = ring.create("small", size=200)[0], ring.create("other")[0]
    client = serve()
    assert add(client, "I like tea", with_key(small)).status_code == 200
    assert add(client, "I like tea " * 50, with_key(small)).status_code == 413
    assert add(client, "I like tea " * 50, with_key(other)).status_code == 200


def test_too_many_requests(serve: Serve, ring: KeyRing) -> None:
    slow, quick = ring.create("slow", rate=3)[0], ring.create("quick")[0]
    client = serve()
    codes = [client.get("/v1/ping/", headers=with_key(slow)).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    refused = client.get("/v1/ping/", headers=with_key(slow))
    assert int(refused.headers["Retry-After"]) >= 1
    assert client.get("/v1/ping/", headers=with_key(quick)).status_code == 200


def test_figures_of_all_tenants_are_for_an_admin_of_the_default_one(
    serve: Serve, ring: KeyRing
) -> None:
    client = serve()
    assert client.get("/metrics").status_code == 200, "nobody needs a key yet"
    refused = [ring.create("b", "bo")[0], ring.create("r", rights=["read", "write"])[0]]
    secret, _ = ring.create("a")
    client = serve()
    for other in refused:
        assert client.get("/metrics", headers=with_key(other)).status_code == 403
    assert "memgraft_requests_total" in client.get("/metrics", headers=with_key(secret)).text


def test_addresses_of_webhooks_are_for_those_who_make_them(serve: Serve, ring: KeyRing) -> None:
    reader, _ = ring.create("r", rights=["read", "write"])
    secret, _ = ring.create("a")
    client = serve()
    path = "/api/v1/webhooks/projects/default/"
    made = client.post(path, json={"url": "http://a.example/secret"}, headers=with_key(secret))
    assert made.status_code == 201
    assert client.get(path, headers=with_key(reader)).status_code == 403
    assert len(client.get(path, headers=with_key(secret)).json()) == 1
