"""The OpenAI adapter against `transformers serve`, with a tiny random Llama behind it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from memgraft.core.scope import Scope
from memgraft.integrations import OpenAIAdapter
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore

pytestmark = pytest.mark.slow

STARTING = 180.0  # seconds
ME = Scope(user_id="me")


@pytest.fixture(scope="module")
def model(tiny_host: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    tiny_host("llama").model.save_pretrained(folder)
    tiny_host("llama").tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def server(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", model]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = tmp_path_factory.mktemp("log") / "server.txt"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"no answer within {STARTING:g} s: {log.read_text()}")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(SQLiteStore(tmp_path / "m.db")) as opened:
        yield opened


def test_replies_are_those_of_the_model(
    server: str, model: str, memory: Memory, tiny_host: Any
) -> None:
    adapter = OpenAIAdapter(memory, server, model, scope=ME)
    options = {"max_tokens": 12, "temperature": 0.0}
    adapter.generate("My favourite colour is blue.", [], options)
    assert [one["memory"] for one in memory.get_all(user_id="me")["results"]] == [
        "My favourite colour is blue"
    ]
    reply = adapter.generate("Which colour is my favourite?", [], options)
    # The same prompt, memories and all, through the model itself.
    host = tiny_host("llama")
    notes = "Use these notes about me to answer.\n- My favourite colour is blue\n\n"
    content = f"{notes}Which colour is my favourite?"
    ids = host.tokenizer(host.prompt([{"role": "user", "content": content}]), return_tensors="pt")
    made = host.model.generate(ids.input_ids, max_new_tokens=12, do_sample=False, pad_token_id=0)
    said = host.tokenizer.decode(made[0, ids.input_ids.shape[1] :], skip_special_tokens=True)
    assert reply == said.strip()


def test_streams_are_the_same_reply(server: str, model: str, memory: Memory) -> None:
    adapter = OpenAIAdapter(memory, server, model)
    options = {"max_tokens": 12, "temperature": 0.0}
    pieces = list(adapter.stream("Tell me of the sea", [], options))
    assert len(pieces) > 1
    # A character that the last token tears apart is no part of a stream.
    whole = adapter.generate("Tell me of the sea", [], options)
    assert "".join(pieces).strip().rstrip("\ufffd") == whole.rstrip("\ufffd")
