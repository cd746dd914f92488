"""A server in this process, on a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memgraft.serve.app import create_app
from memgraft.serve.settings import ServeSettings


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """`serve(**settings)`: a client of a server; called again, of another on the same store."""
    with ExitStack() as stack:

        def start(**settings: Any) -> TestClient:
            given = {"store": str(tmp_path / "memory.db"), "encoder": "static"} | settings
            app = create_app(ServeSettings(**given))
            return stack.enter_context(TestClient(app, base_url="http://127.0.0.1:8123"))

        yield start


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve()


@pytest.fixture
def add(client: TestClient) -> Callable[..., str]:
    """Stores a text as it is and returns its id."""

    def added(text: str, **fields: Any) -> str:
        body = {"messages": [{"role": "user", "content": text}], "infer": False, "user_id": "alex"}
        answer = client.post("/v3/memories/add/", json={**body, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["results"][0]["id"]

    return added
