"""The adapter of OpenAI-compatible servers, against a server that speaks the protocol."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from memgraft.core.errors import InvalidInput, MissingExtra, ModelError
from memgraft.core.scope import Scope
from memgraft.integrations import OpenAIAdapter
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore


class Server(ThreadingHTTPServer):
    """Replies with the last word that it is asked, and keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers["Authorization"])
        if self.path != "/v1/chat/completions" or body["model"] != "tiny":
            self._send(404, "application/json", json.dumps({"error": {"message": "no model"}}))
            return
        reply = f"You said {body['messages'][-1]['content'].split()[-1]}"
        if body.get("stream"):
            pieces = [_chunk({"content": piece}) for piece in (reply[:4], reply[4:])]
            lines = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
            self._send(200, "text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))
            return
        message = {"role": "assistant", "content": f" {reply} "}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny"}
        self._send(200, "application/json", json.dumps({**whole, "choices": [choice]}))

    def _send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def _chunk(delta: dict[str, str]) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return {**whole, "choices": [choice]}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        thread = threading.Thread(target=started.serve_forever, daemon=True)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(SQLiteStore(tmp_path / "m.db", synchronous="OFF")) as opened:
        yield opened


def test_it_recalls_asks_and_remembers(server: Server, memory: Memory) -> None:
    adapter = OpenAIAdapter(memory, server.url, "tiny", scope=Scope(user_id="me"))
    assert adapter.generate("My favourite colour is blue.") == "You said blue."
    history = [{"speaker": "user", "message": "Hi", "response": "Hello"}]
    reply = adapter.generate("Which colour is my favourite?", history, {"temperature": 0.0})
    assert reply == "You said favourite?"
    asked = server.asked[1]
    assert asked["temperature"] == 0.0
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "user"]
    assert "- My favourite colour is blue\n" in asked["messages"][-1]["content"]
    kept = memory.get_all(user_id="me")["results"]
    assert [one["memory"] for one in kept] == ["My favourite colour is blue"]
    assert server.keys[0] == "Bearer none"


def test_a_stream_is_remembered_at_its_end(server: Server, memory: Memory) -> None:
    adapter = OpenAIAdapter(memory, server.url, "tiny", api_key="mine")
    pieces = adapter.stream("I live in Oslo.")
    assert next(pieces) == "You "
    assert memory.get_all()["results"] == []
    assert "".join(pieces) == "said Oslo."
    assert [one["memory"] for one in memory.get_all()["results"]] == ["I live in Oslo"]
    assert server.keys == ["Bearer mine"]


def test_a_server_that_fails_is_told_and_nothing_is_kept(server: Server, memory: Memory) -> None:
    with pytest.raises(ModelError, match="other"):
        OpenAIAdapter(memory, server.url, "other").generate("I live in Oslo.")
    with pytest.raises(ModelError, match="did not reply"):
        list(OpenAIAdapter(memory, server.url, "other").stream("I live in Oslo."))
    with pytest.raises(InvalidInput):
        OpenAIAdapter(memory, server.url, "tiny").generate(" ")
    assert memory.get_all()["results"] == []


def test_no_server_is_told(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = OpenAIAdapter(memory, "http://127.0.0.1:9/v1", "tiny")
    adapter._client = adapter._client.with_options(max_retries=0)
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9"):
        adapter.generate("I live in Oslo.")


def test_without_the_package_the_extra_is_named(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"pip install 'memgraft\[openai\]'"):
        OpenAIAdapter(memory, "http://127.0.0.1:9/v1", "tiny")
