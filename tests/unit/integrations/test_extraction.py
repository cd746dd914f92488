"""Facts found by a language model behind an address, and what happens where it is of no use."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.core.scope import Scope
from memgraft.integrations.extraction import OpenAIExtractor, extractor_from_environment
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.extract import Extracted

ME = Scope(user_id="me")
MESSAGES = [
    {"role": "user", "content": "I live in Oslo.", "name": "ana"},
    {"role": "assistant", "content": "Nice. I'm Robo."},
    {"role": "user", "content": "User memories:\n- I like tea\n\nWe moved there with our cat."},
]


class Server(ThreadingHTTPServer):
    """Answers every question with one text, and keeps what it is asked."""

    daemon_threads = True

    def __init__(self, answer: str, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.server.keys.append(self.headers["Authorization"])
        message = {"role": "assistant", "content": self.server.answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny"}
        text = json.dumps({**whole, "choices": [choice]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server('```json\n{"facts": []}\n```') as started:
        thread = threading.Thread(target=started.serve_forever, daemon=True)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def facts(*found: tuple[str, int]) -> str:
    return json.dumps({"facts": [{"text": text, "message": number} for text, number in found]})


def test_a_model_finds_the_facts(server: Server) -> None:
    server.answer = (
        "Here:\n```json\n" + facts(("We have a cat", 2), ("I live in Oslo", 0)) + "\n```"
    )
    found = OpenAIExtractor(server.url, "tiny", "mine")(MESSAGES, ME)
    assert found == [
        Extracted("I live in Oslo", "user", 0, "ana"), Extracted("We have a cat", "user", 2)
    ]  # fmt: skip
    [asked] = server.asked
    assert asked["model"] == "tiny" and asked["temperature"] == 0.0
    assert "[0] user: I live in Oslo." in asked["messages"][1]["content"]
    assert "tea" not in asked["messages"][1]["content"]
    assert server.keys == ["Bearer mine"]


def test_facts_of_others_than_the_user_are_dropped(server: Server) -> None:
    server.answer = facts(("I'm Robo", 1), ("I'm nobody", 7), ("  ", 0), ("x" * 2000, 0))
    assert OpenAIExtractor(server.url, "tiny")(MESSAGES, ME) == []


def test_what_cannot_be_read_or_kept_is_left_out(server: Server) -> None:
    bad = [{"text": "I ski", "message": "0"}, "text", {"text": 5, "message": 0}]
    unkept = [{"text": text, "message": 0} for text in ("\u200b", " ", "\ud800")]
    good = {"text": "I live in Oslo", "message": 0}
    server.answer = json.dumps({"facts": [*bad, *unkept, good]})
    [found] = OpenAIExtractor(server.url, "tiny")(MESSAGES, ME)
    assert found.text == "I live in Oslo"


def test_a_name_that_is_no_text_is_none(server: Server) -> None:
    server.answer = facts(("I live in Oslo", 0))
    for name in (["ana"], {"first": "ana"}, 5):
        told = [{"role": "user", "content": "I live in Oslo.", "name": name}]
        [found] = OpenAIExtractor(server.url, "tiny")(told, ME)
        assert found == Extracted("I live in Oslo", "user", 0, None)


def test_an_agent_is_asked_about_itself_too(server: Server) -> None:
    server.answer = facts(("I'm Robo", 1))
    found = OpenAIExtractor(server.url, "tiny")(MESSAGES, Scope(agent_id="robo"))
    assert found == [Extracted("I'm Robo", "assistant", 1)]
    assert len(server.asked) == 2


def test_nothing_stated_is_not_asked_about(server: Server) -> None:
    extractor = OpenAIExtractor(server.url, "tiny")
    assert extractor([{"role": "system", "content": "You are a bot."}], ME) == []
    assert extractor([{"role": "user", "content": "```\ncode\n```"}], ME) == []
    assert server.asked == []


def test_long_conversations_are_asked_about_in_parts(server: Server) -> None:
    OpenAIExtractor(server.url, "tiny")([{"role": "user", "content": "I ski."}] * 70, ME)
    assert len(server.asked) == 3
    assert "[69] user: I ski." in server.asked[2]["messages"][1]["content"]


@pytest.mark.parametrize(
    "answer",
    ["no json", "", '{"facts": "none"}', '{"facts": [5]}', '{"facts": [{"text": "a"}]}', "[",
     '{"facts": [{"text": "a", "message": true}]}', '"text"', "[1]"],
)  # fmt: skip
def test_malformed_answers_leave_it_to_the_rules(
    server: Server, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = answer
    with caplog.at_level(logging.WARNING):
        found = OpenAIExtractor(server.url, "tiny")(MESSAGES, ME)
    assert [fact.text for fact in found][:1] == ["I live in Oslo"]
    assert len(caplog.records) == 1
    assert "rules" in caplog.text


def test_failures_leave_it_to_the_rules(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 400
    for url in (server.url, "http://127.0.0.1:9/v1"):
        caplog.clear()
        found = OpenAIExtractor(url, "tiny", timeout=2.0)(MESSAGES, ME)
        assert [fact.text for fact in found][:1] == ["I live in Oslo"]
        assert len([one for one in caplog.records if one.name.startswith("memgraft")]) == 1


def test_a_memory_keeps_what_the_model_finds(server: Server, tmp_path: Path) -> None:
    server.answer = facts(("I live in Oslo", 0))
    with Memory(
        SQLiteStore(tmp_path / "m.db", synchronous="OFF"),
        extractor=OpenAIExtractor(server.url, "tiny"),
    ) as memory:
        [result] = memory.add(MESSAGES, user_id="me")["results"]
        assert (result["memory"], result["event"]) == ("I live in Oslo", "ADD")
        assert memory.add(MESSAGES, user_id="me")["results"][0]["event"] == "NONE"
        memory.add(MESSAGES, user_id="me", infer=False)
        assert len(server.asked) == 2


def test_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_URL", "MODEL", "API_KEY"):
        monkeypatch.delenv(f"MEMGRAFT_LLM_{name}", raising=False)
    assert extractor_from_environment() is None
    monkeypatch.setenv("MEMGRAFT_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(InvalidInput, match="MEMGRAFT_LLM_MODEL"):
        extractor_from_environment()
    monkeypatch.setenv("MEMGRAFT_LLM_MODEL", "tiny")
    found = extractor_from_environment()
    assert found is not None and (found.base_url, found.model) == ("http://127.0.0.1:9/v1", "tiny")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"memgraft\[openai\]"):
        OpenAIExtractor("http://127.0.0.1:9/v1", "tiny")
