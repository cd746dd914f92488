"""Feedback, events, exports, projects, webhooks, profiles."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.serve import feedback

Add = Callable[..., str]
PROJECT = "/api/v1/orgs/organizations/memgraft/projects/default/"


def test_feedback_is_for_a_known_memory(client: TestClient, add: Add) -> None:
    body = {"memory_id": add("I like tea"), "feedback": "POSITIVE", "feedback_reason": None}
    assert client.post("/v1/feedback/", json=body).json()["feedback"] == "POSITIVE"
    assert client.post("/v1/feedback/", json=body | {"feedback": None}).status_code == 200
    assert client.post("/v1/feedback/", json=body | {"feedback": "SUPERB"}).status_code == 422
    assert client.post("/v1/feedback/", json=body | {"memory_id": "x"}).status_code == 404


def test_feedback_goes_with_its_memory(client: TestClient, add: Add) -> None:
    ids = [add("I like tea"), add("I like cake")]
    for one in ids:
        body = {"memory_id": one, "feedback": "POSITIVE", "feedback_reason": "It is so"}
        assert client.post("/v1/feedback/", json=body).status_code == 200
    assert client.delete(f"/v1/memories/{ids[0]}/").status_code == 200
    with client.app.state.server.tenants.use("") as memory:  # type: ignore[attr-defined]
        assert [one.id for one in memory.store.documents(feedback.KIND)] == ids[1:]


def test_events_tell_how_an_add_went(client: TestClient) -> None:
    body = {"messages": "I like tea", "user_id": "alex", "infer": False}
    added = client.post("/v3/memories/add/", json=body).json()
    path = f"/v1/event/{added['event_id']}/"
    event = client.get(path).json()
    [result] = event["results"]
    assert (event["status"], result["event"], result["memory"]) == (
        "SUCCEEDED", "ADD", "I like tea",
    )  # fmt: skip
    assert client.get("/v1/events/").json()["results"] == [event]
    client.delete(f"/v1/memories/{result['id']}/")
    assert client.get(path).json()["results"] == [result | {"memory": None}]
    assert client.get("/v1/event/unknown/").status_code == 404


def test_exports_keep_a_copy(client: TestClient, add: Add) -> None:
    add("I like tea")
    add("I like cake", user_id="bo")
    body = {"schema": {"type": "object"}, "filters": {"user_id": "alex"}}
    made = client.post("/v1/exports/", json=body)
    assert made.status_code == 201
    add("I like rye")
    for asked in ({"memory_export_id": made.json()["id"]}, {"filters": {"user_id": "alex"}}):
        found = client.post("/v1/exports/get/", json=asked).json()
        assert [one["memory"] for one in found["results"]] == ["I like tea"]
    for asked in ({"memory_export_id": "x"}, {"filters": {"user_id": "bo"}}, {}):
        assert client.post("/v1/exports/get/", json=asked).status_code == 404


def test_what_is_deleted_is_in_no_export_and_no_event(client: TestClient, add: Add) -> None:
    memory_id = add("My number is 4711")
    made = client.post("/v1/exports/", json={"schema": {}, "filters": {"user_id": "alex"}}).json()
    client.delete(f"/v1/memories/{memory_id}/")
    found = client.post("/v1/exports/get/", json={"memory_export_id": made["id"]}).json()
    assert found["results"] == []
    assert "4711" not in client.get("/v1/events/").text
    client.post("/reset")
    assert client.get("/v1/events/").json()["count"] == 0


def test_a_summary_makes_nothing_up(client: TestClient, add: Add) -> None:
    add("I like tea")
    add("I like cake.")
    answer = client.post("/v1/summary/", json={"filters": {"user_id": "alex"}}).json()
    assert answer == {"summary": "I like cake. I like tea.", "count": 2}


def test_the_project_keeps_its_settings(client: TestClient) -> None:
    assert client.get(PROJECT).json()["name"] == "default"
    change = {"custom_instructions": "only food", "custom_categories": [{"food": "what is eaten"}]}
    assert client.patch(PROJECT, json=change).status_code == 200
    shown = client.get(PROJECT, params={"fields": ["custom_instructions"]}).json()
    assert shown == {"custom_instructions": "only food"}
    assert client.get(PROJECT.replace("default", "other")).status_code == 404
    assert client.get(PROJECT + "members/").json()["members"]
    assert client.delete(PROJECT).status_code == 403
    assert client.get(PROJECT).status_code == 200


def test_a_profile_is_what_is_known(client: TestClient, add: Add) -> None:
    add("I like tea")
    answer = client.get("/v2/entities/user/alex/profile/").json()
    assert answer["status"] == "succeeded"
    assert answer["profile"] == {"memories": ["I like tea"]}
    assert client.get("/v2/entities/user/nobody/profile/").status_code == 404
    body = {"operation": "trigger", "entity_type": "user", "entity_id": "alex"}
    job = client.post("/v2/profiles/jobs/", json=body).json()
    assert (job["status"], job["entity_ids"]) == ("succeeded", ["alex"])
    assert client.get(job["status_url"]).json()["job"]["succeeded"] == 1
    assert client.get("/v2/profiles/jobs/unknown/").status_code == 404
    client.post("/v2/profiles/settings/", json={"enabled": False})
    assert client.get("/v2/profiles/settings/").json()["enabled"] is False


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]], threading.Semaphore]]:
    """An address, what it was told, and a semaphore that counts it. The first try always fails."""
    told: list[dict[str, Any]] = []
    arrived = threading.Semaphore(0)
    tries = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal tries
            tries += 1
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(503 if tries == 1 else 200)
            self.end_headers()
            if tries > 1:
                told.append(body)
                arrived.release()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", told, arrived
    server.shutdown()
    server.server_close()


def test_webhooks_are_told(
    client: TestClient, add: Add, heard: tuple[str, list[dict[str, Any]], threading.Semaphore]
) -> None:
    url, told, arrived = heard
    path = "/api/v1/webhooks/projects/default/"
    body = {"url": url, "name": "mine", "event_types": ["memory_add", "memory_delete"]}
    made = client.post(path, json=body).json()
    memory_id = add("I like tea")
    client.put(f"/v1/memories/{memory_id}/", json={"text": "I like green tea"})
    client.delete(f"/v1/memories/{memory_id}/")
    for _ in range(2):
        assert arrived.acquire(timeout=20)
    assert [(one["event"], one["data"]["id"]) for one in told] == [
        ("memory_add", memory_id), ("memory_delete", memory_id),
    ]  # fmt: skip
    hook = f"/api/v1/webhooks/{made['webhook_id']}/"
    assert client.put(hook, json={"is_active": False}).status_code == 200
    [shown] = client.get(path).json()
    assert (shown["name"], shown["is_active"], shown["url"]) == ("mine", False, url)
    assert client.delete(hook).status_code == 200
    assert client.delete(hook).status_code == 404
    assert client.get(path).json() == []


@pytest.mark.parametrize(
    "body",
    [{}, {"url": "ftp://x"}, {"url": "file:///etc/passwd"}, {"url": "http://[bad"},
     {"url": "http://ok", "event_types": ["memory_eat"]}],
)  # fmt: skip
def test_webhooks_that_cannot_be(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/api/v1/webhooks/projects/default/", json=body)
    assert answer.status_code == 400
