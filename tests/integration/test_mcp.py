"""`memgraft mcp` as its clients meet it: a process, and the SDK's own client before it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

import anyio
from mcp import Client, StdioServerParameters

COMMAND = [sys.executable, "-m", "memgraft", "mcp", "--encoder", "static"]
TOOLS = 10


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "m.db")


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


async def remember_and_find(client: Client) -> str:
    """What any client does; returns the id of the memory."""
    tools = await client.list_tools()
    assert len(tools.tools) == TOOLS
    added = await client.call_tool("add_memory", {"text": "My boat is moored in Bodrum"})
    assert not added.is_error
    await client.call_tool("add_memory", {"text": "I take my tea without sugar"})
    found = await client.call_tool("search_memories", {"query": "Where is the boat?", "limit": 1})
    assert found.structured_content is not None
    [memory] = found.structured_content["results"]
    assert memory["memory"] == "My boat is moored in Bodrum"
    assert json.loads(found.content[0].text) == found.structured_content
    missing = await client.call_tool("get_memory", {"memory_id": "none"})
    assert missing.is_error
    assert "there is no such memory; expected: " in missing.content[0].text
    return str(memory["id"])


async def is_there(client: Client, memory_id: str) -> str:
    found = await client.call_tool("get_memory", {"memory_id": memory_id})
    assert found.structured_content is not None
    return str(found.structured_content["memory"])


def over(server: Any, said: Callable[..., Any], *more: Any) -> Any:
    async def conversation() -> Any:
        async with Client(server, read_timeout_seconds=60) as client:
            return await said(client, *more)

    return anyio.run(conversation)


def test_over_stdio_a_memory_is_stored_and_found_by_the_next_process(store: str) -> None:
    server = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], "--store", store], env=environment()
    )
    memory_id = over(server, remember_and_find)
    assert over(server, is_there, memory_id) == "My boat is moored in Bodrum"


def test_standard_output_carries_the_protocol_alone(store: str) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}}
    hello["clientInfo"] = {"name": "test", "version": "1"}
    calls = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "get_memory", "arguments": {}}},
        {"id": 3, "method": "tools/list"},
    ]
    with subprocess.Popen(
        [*COMMAND, "--store", store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        try:
            for one in calls:
                process.stdin.write(json.dumps({"jsonrpc": "2.0", **one}) + "\n")
                process.stdin.flush()
                if "id" in one:
                    lines.append(process.stdout.readline())
            process.stdin.close()
            lines += process.stdout.readlines()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert sorted(json.loads(line)["id"] for line in lines) == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_though_the_client_stays(store: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "--store", store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            call = {"id": 1, "method": "ping", "jsonrpc": "2.0"}
            process.stdin.write(json.dumps(call) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == 1
            process.send_signal(number)
            assert process.wait(30) == 128 + number
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


@contextmanager
def http_server(store: str, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address."""
    process = subprocess.Popen(
        [*COMMAND, "--store", store, "--transport", "http", "--port", "0", *more],
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert process.stderr is not None
    try:
        address = None
        for line in process.stderr:
            address = re.search(r"MCP at (http://\S+)", line)
            if address:
                break
        assert address, "the server did not start"
        yield process, address[1]
    finally:
        process.kill()
        process.wait(30)
        process.stderr.close()


def test_over_http_a_memory_is_stored_and_found(store: str) -> None:
    with http_server(store) as (process, address):
        assert address.endswith("/mcp")
        memory_id = over(address, remember_and_find)
        assert over(address, is_there, memory_id) == "My boat is moored in Bodrum"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)
    with http_server(store) as (_, address):
        assert over(address, is_there, memory_id) == "My boat is moored in Bodrum"


def test_a_web_page_cannot_reach_it_under_another_name(store: str) -> None:
    import httpx

    with http_server(store) as (_, address):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            answer = httpx.post(address, json={}, headers=headers)
            assert answer.status_code in (403, 421)


def test_a_public_address_is_refused(store: str) -> None:
    done = subprocess.run(
        [*COMMAND, "--store", store, "--transport", "http", "--host", "0.0.0.0"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("memgraft: the MCP server has no keys")
    assert not Path(store).exists()
