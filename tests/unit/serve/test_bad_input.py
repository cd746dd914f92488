"""What no client should send, and what happens when the store cannot answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.core.errors import StoreBusy, StoreError
from memgraft.serve import observe
from memgraft.store.sqlite import SQLiteStore

ADD = "/v3/memories/add/"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"messages": 5, "user_id": "a"}', 422),
        (b'{"messages": ["text"], "user_id": "a"}', 422),
        (b'{"messages": "text", "user_id": 5}', 422),
        (b'{"messages": "text", "user_id": ""}', 422),
        (b'{"messages": "text", "user_id": "a", "metadata": []}', 422),
        (b'{"messages": "text", "user_id": "a", "expiration_date": "soon"}', 400),
        (b'{"messages": "text", "user_id": "a", "timestamp": 1e300}', 400),
        (b'{"messages": "x", "user_id": "a", "expiration_date": "0001-01-01T00:00+14:00"}', 400),
        (b'{"messages": "x", "user_id": "a", "timestamp": "0001-01-01T00:00+14:00"}', 400),
        (b'{"messages": [{"role": "user"}], "user_id": "a"}', 400),
        (b'{"messages": [{"role": "user", "content": 5}], "user_id": "a"}', 400),
        (b'{"messages": "\\u0000", "user_id": "a", "infer": false}', 400),
        (b'{"messages": "\\ud800", "user_id": "a", "infer": false}', 400),
        (b'{"messages": "I like tea", "user_id": "a\\u0000b", "infer": false}', 422),
        (b'{"messages": "I like tea", "user_id": "\\ud800", "infer": false}', 422),
        (b'{"messages": "I like tea", "user_id": "a", "metadata": {"x": "\\ud800"}}', 400),
        (b'{"messages": "I like tea", "user_id": "a", "metadata": {"x": NaN}}', 400),
    ],
)
def test_bodies_that_cannot_be_used(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post(ADD, content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)
    assert client.get("/v1/memories/").json() == []


def test_bodies_that_are_too_large(serve: Callable[..., TestClient]) -> None:
    client = serve(max_body=1000)
    body = json.dumps({"messages": "x" * 2000, "user_id": "a"}).encode()
    assert client.post(ADD, content=body, headers=JSON).status_code == 413
    pieces = (body[i : i + 100] for i in range(0, len(body), 100))
    assert client.post(ADD, content=pieces, headers=JSON).status_code == 413


def test_too_many_messages(client: TestClient) -> None:
    messages = [{"role": "user", "content": "x"}] * 10_001
    body: dict[str, Any] = {"messages": messages, "user_id": "a"}
    answer = client.post(ADD, json=body)
    assert (answer.status_code, "10,001" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    "query",
    ["'; DROP TABLE records; --", '"', '" OR "', "NEAR(a b)", "a*", "^x", "-a", "(((", "%_%",
     "text:x", "AND", "\\", "🍕", "a" * 8000],
)  # fmt: skip
def test_queries_are_text_and_nothing_else(client: TestClient, query: str) -> None:
    body = {"messages": "I like tea", "user_id": "a", "infer": False}
    client.post(ADD, json=body)
    answer = client.post("/v3/memories/search/", json={"query": query, "user_id": "a"})
    assert answer.status_code == 200
    assert len(client.get("/v1/memories/").json()) == 1


@pytest.mark.parametrize("path", ["/v9/memories/", "/v1/memories", "/v1/ping", "/nothing"])
def test_unknown_paths(client: TestClient, path: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code in (404, 405)
    assert answer.json()["detail"]


@pytest.mark.parametrize("error", [StoreBusy("locked"), StoreError("the disk is full")])
def test_a_store_that_cannot_write(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(SQLiteStore, "add", failing)
    body = {"messages": "I like tea", "user_id": "a", "infer": False}
    answer = client.post(ADD, json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["detail"] == error.what


@pytest.fixture
def logged() -> Iterator[None]:
    """Requests are logged as JSON for as long as the test runs."""
    loggers = [logging.getLogger(name) for name in ("memgraft", "uvicorn")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    observe.log_as_json("info")
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate, logger.level = handlers, propagate, level


def test_figures_and_logs_tell_routes_and_no_texts(
    serve: Callable[..., TestClient], capfd: pytest.CaptureFixture[str], logged: None
) -> None:
    client = serve()
    client.post(ADD, json={"messages": "My secret is flamingos", "user_id": "a", "infer": False})
    client.get("/v1/memories/some-id/")
    figures = client.get("/metrics").text
    assert 'route="/v3/memories/add/"' in figures
    assert 'memgraft_requests_total{method="GET",route="/v1/memories/{memory_id}/"' in figures
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line]
    told = [line for line in lines if line["message"] == "request"]
    assert told[0]["route"] == ADD and told[0]["status"] == 200 and told[0]["ms"] > 0
    assert "flamingos" not in json.dumps(lines) + figures


def test_a_full_disk_loses_nothing(client: TestClient, tmp_path: Path) -> None:
    """Said to be full by SQLite itself, which is given no more pages."""
    ids = []
    with client.app.state.server.tenants.use("") as memory:  # type: ignore[attr-defined]
        connection = memory.store._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    for number in range(200):
        body = {"messages": f"Fact {number} " + "x" * 2000, "user_id": "a", "infer": False}
        answer = client.post(ADD, json=body)
        if answer.status_code != 200:
            break
        ids.append(answer.json()["results"][0]["id"])
    assert answer.status_code == 503
    assert "full" in answer.json()["detail"]
    assert ids and [one["id"] for one in client.get("/v1/memories/").json()] == ids[::-1]
    with client.app.state.server.tenants.use("") as memory:  # type: ignore[attr-defined]
        memory.store._connection.execute(f"PRAGMA max_page_count = {pages + 9000}")
    assert client.post(ADD, json=body).status_code == 200


HALF = b'"\\ud800"'


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/configure", b"{%s: 1}", 400),
        ("POST", "/api/v1/webhooks/projects/default/", b'{"url": "http://a", "name": %s}', 422),
        ("POST", "/api/v1/webhooks/projects/default/",
         b'{"url": "http://a", "event_types": [%s]}', 400),
        ("POST", "/v1/feedback/",
         b'{"memory_id": "ID", "feedback": "POSITIVE", "feedback_reason": %s}', 422),
        ("POST", "/v1/exports/", b'{"schema": {"a": %s}, "user_id": "alex"}', 400),
        ("PATCH", "/api/v1/orgs/organizations/o/projects/default/", b'{"name": %s}', 400),
        ("POST", "/v2/profiles/settings/", b'{"entities": {%s: {}}}', 400),
        ("POST", "/v3/memories/", b'{"filters": {%s: 1}}', 400),
        ("POST", "/v3/memories/", b'{"filters": {"created_at": {%s: "2026-01-31"}}}', 400),
        ("POST", "/v3/memories/search/", b'{"query": %s}', 422),
        ("POST", ADD, b'{"messages": "I like tea", "user_id": "a", "categories": [%s]}', 400),
    ],
)  # fmt: skip
def test_half_a_surrogate_pair_is_refused(
    client: TestClient, add: Callable[..., str], method: str, path: str, body: bytes, status: int
) -> None:
    sent = body.replace(b"%s", HALF).replace(b"ID", add("I like tea").encode())
    answer = client.request(method, path, content=sent, headers=JSON)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)
