"""The MCP tools, by the SDK's own client in the same process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

import anyio
from mcp import Client

from memgraft.core.errors import InvalidInput
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory
from memgraft.retrieval.home import PassagesHome
from memgraft.serve.mcp import Tools, check_host, make_server, serve_http
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

TOOLS = {
    "add_memory", "search_memories", "get_memories", "get_memory", "update_memory",
    "delete_memory", "delete_all_memories", "delete_entities", "list_entities", "memory_history",
}  # fmt: skip

Calls = Callable[..., dict[str, Any]]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    store = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    with Memory(store, [PassagesHome(store, ToyEncoder(), tmp_path / "passages")]) as opened:
        yield opened


def talk(memory: Memory, said: Callable[[Client], Awaitable[Any]]) -> Any:
    async def conversation() -> Any:
        async with Client(make_server(Tools(memory, "me"))) as client:
            return await said(client)

    return anyio.run(conversation)


@pytest.fixture
def call(memory: Memory) -> Calls:
    """Calls a tool; its structured result."""

    def called(name: str, **arguments: Any) -> dict[str, Any]:
        result = talk(memory, lambda client: client.call_tool(name, arguments))
        assert not result.is_error, result.content
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    return called


@pytest.fixture
def refused(memory: Memory) -> Callable[..., str]:
    """Calls a tool that must fail; the text of its error."""

    def called(name: str, **arguments: Any) -> str:
        result = talk(memory, lambda client: client.call_tool(name, arguments))
        assert result.is_error
        assert "Traceback" not in result.content[0].text
        return str(result.content[0].text)

    return called


def texts(found: dict[str, Any]) -> list[str]:
    return [one["memory"] for one in found["results"]]


def test_every_tool_and_every_argument_is_described(memory: Memory) -> None:
    tools = talk(memory, lambda client: client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.description
        assert tool.output_schema["type"] == "object"
        for name, argument in tool.input_schema["properties"].items():
            assert argument.get("description"), (tool.name, name)
    harmless = {tool.name for tool in tools if tool.annotations.read_only_hint}
    assert harmless == {
        "search_memories", "get_memories", "get_memory", "list_entities", "memory_history",
    }  # fmt: skip


def test_the_client_is_told_who_the_default_user_is(memory: Memory) -> None:
    async def told(client: Client) -> str | None:
        return client.instructions

    assert "the memories of me" in talk(memory, told)


def test_a_life_of_a_memory(call: Calls) -> None:
    [added] = call("add_memory", text="I like green tea", metadata={"kind": "drink"})["results"]
    assert added["event"] == "ADD"
    call("add_memory", text="My boat is red")
    assert call("add_memory", text="I like green tea")["results"][0]["event"] == "NONE"
    [found] = call("search_memories", query="tea", limit=1)["results"]
    assert (found["id"], found["user_id"], found["metadata"]) == (
        (added["id"], "me", {"kind": "drink"})
    )
    assert 0 < found["score"] <= 1
    changed = call("update_memory", memory_id=added["id"], text="I like black tea")
    assert (changed["memory"], changed["version"]) == ("I like black tea", 2)
    assert call("get_memory", memory_id=added["id"]) == changed
    assert call("delete_memory", memory_id=added["id"])["deleted"] == 1
    events = call("memory_history", memory_id=added["id"])["results"]
    assert [event["event"] for event in events] == ["ADD", "UPDATE", "DELETE"]
    assert events[1]["old_memory"] == "I like green tea"
    assert texts(call("search_memories", query="tea")) in ([], ["My boat is red"])


def test_a_conversation_is_searched_for_facts(call: Calls) -> None:
    said = [
        {"role": "user", "content": "Hello. My name is Yusuf."},
        {"role": "assistant", "content": "My name is Bot."},
    ]
    assert texts(call("add_memory", messages=said)) == ["My name is Yusuf"]
    assert len(call("add_memory", messages=said, infer=False)["results"]) == 2
    nothing = [{"role": "user", "content": "What time is it?"}]
    assert call("add_memory", messages=nothing)["results"] == []
    assert texts(call("add_memory", messages=nothing, text="I ask for the time")) == (
        ["I ask for the time"]
    )


def test_a_contradiction_is_told(call: Calls) -> None:
    call("add_memory", text="My name is Yusuf")
    [added] = call("add_memory", text="My name is Ada")["results"]
    assert (added["event"], added["previous_memory"]) == ("UPDATE", "My name is Yusuf")
    events = call("memory_history", memory_id=added["id"])["results"]
    assert [event["event"] for event in events] == ["ADD", "UPDATE", "ADD"]


def test_whose_memories_a_call_is_about(call: Calls) -> None:
    call("add_memory", text="I like tea")
    call("add_memory", text="I like tea and cake", user_id="ada")
    call("add_memory", text="Tea is served at five", agent_id="butler")
    call("add_memory", text="Tea, said the app", app_id="shop", user_id="")
    mine = {"I like tea", "Tea, said the app"}
    assert set(texts(call("search_memories", query="tea"))) == mine
    assert set(texts(call("get_memories"))) == mine
    assert texts(call("search_memories", query="tea", user_id="ada")) == ["I like tea and cake"]
    by_filter = {"AND": [{"agent_id": "butler"}]}
    for name, arguments in (
        ("search_memories", {"query": "tea", "filters": by_filter}),
        ("get_memories", {"filters": by_filter}),
        ("get_memories", {"agent_id": "butler"}),
    ):
        assert texts(call(name, **arguments)) == ["Tea is served at five"]
    both = {"OR": [{"user_id": "ada"}, {"agent_id": "butler"}]}
    assert len(call("search_memories", query="tea", filters=both)["results"]) == 2
    assert texts(call("get_memories", filters={"app_id": "shop"})) == ["Tea, said the app"]
    for vague in (
        {"NOT": [{"user_id": "nobody"}]},
        {"user_id": {"ne": "nobody"}},
        {"OR": [{"user_id": "me"}, {"created_at": {"gte": "2000-01-01"}}]},
    ):
        assert set(texts(call("get_memories", filters=vague))) == mine
    owners = call("list_entities")["results"]
    assert [(one["type"], one["name"], one["total_memories"]) for one in owners] == [
        ("user", "ada", 1), ("user", "me", 2), ("agent", "butler", 1), ("app", "shop", 1),
    ]  # fmt: skip


def test_pages(call: Calls, memory: Memory) -> None:
    for number in range(7):
        memory.store.add(
            Record.new(f"Fact {number}", Scope("me"), metadata={"odd": number % 2 == 1})
        )
    page = call("get_memories", page=2, page_size=3)
    assert (page["count"], page["page"], texts(page)) == (7, 2, ["Fact 3", "Fact 2", "Fact 1"])
    odd = call("get_memories", filters={"metadata": {"odd": True}}, page_size=2)
    assert (odd["count"], texts(odd)) == (3, ["Fact 5", "Fact 3"])
    assert texts(call("get_memories", page=9)) == []


def test_forgetting_many(call: Calls) -> None:
    for user in ("me", "ada", "bob"):
        call("add_memory", text="I like tea", user_id=user)
        call("add_memory", text="The run went well", user_id=user, run_id="r1")
    assert call("delete_all_memories", user_id="ada", run_id="r1")["deleted"] == 1
    assert call("delete_all_memories")["deleted"] == 2
    assert call("delete_entities", user_id="ada", run_id="r1")["deleted"] == 2
    assert texts(call("get_memories", user_id="bob")) == ["I like tea"]


@pytest.mark.parametrize("name", ["get_memory", "update_memory", "delete_memory", "memory_history"])
def test_an_unknown_id(refused: Callable[..., str], name: str) -> None:
    more = {"text": "x"} if name == "update_memory" else {}
    assert "there is no such memory" in refused(name, memory_id="none", **more)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("add_memory", {}, "nothing to remember; expected: text or messages"),
        ("add_memory", {"text": "  "}, "the text of a memory is blank; expected: a fact"),
        ("add_memory", {"text": 5}, "text"),
        ("add_memory", {"messages": [{"role": "user"}]}, "content"),
        ("search_memories", {}, "query"),
        ("search_memories", {"query": "tea", "limit": 0}, "at least 1"),
        ("search_memories", {"query": "tea", "threshold": 2}, "threshold"),
        ("search_memories", {"query": "tea", "filters": {"colour": 1}}, "no filter is called"),
        ("get_memories", {"page": 0}, "page cannot be used; expected: 1 to"),
        ("get_memories", {"page_size": 201}, "page_size cannot be used; expected: 1 to 200"),
        ("update_memory", {"memory_id": "x"}, "nothing to change"),
        ("delete_entities", {"user_id": ""}, "nobody is named"),
        ("forgive", {}, "Unknown tool: forgive"),
    ],
)
def test_bad_calls_are_told_what_is_wrong(
    refused: Callable[..., str], name: str, arguments: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(name, **arguments)


def test_a_fault_of_ours_keeps_its_details_to_itself(
    refused: Callable[..., str], memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(memory, "get", broken)
    assert refused("get_memory", memory_id="x") == "Error executing tool get_memory"


def test_one_call_at_a_time_reaches_the_memory(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most = [0], [0]
    entered = threading.Event()
    search = memory.search

    def watched(*arguments: Any, **named: Any) -> dict[str, Any]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        entered.wait(0.02)
        found = search(*arguments, **named)
        inside[0] -= 1
        return found

    monkeypatch.setattr(memory, "search", watched)

    async def crowd(client: Client) -> int:
        done = []

        async def ask() -> None:
            done.append(await client.call_tool("search_memories", {"query": "tea"}))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(ask)
        return sum(not result.is_error for result in done)

    assert talk(memory, crowd) == 8
    assert most == [1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_public_addresses_are_refused(memory: Memory, host: str) -> None:
    with pytest.raises(InvalidInput, match="has no keys"):
        serve_http(memory, "me", host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_addresses_of_this_computer_are_not(host: str) -> None:
    check_host(host)


def test_a_port_in_use(memory: Memory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"cannot listen at 127.0.0.1:{port}"):
            serve_http(memory, "me", "127.0.0.1", port)


def test_without_the_package_it_is_told_how_to_get_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['memgraft', 'mcp']\n"
        "from memgraft.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "MEMGRAFT_STORE": str(tmp_path / "m.db")},
    )
    assert done.returncode == 1
    assert "pip install 'memgraft[mcp]'" in done.stderr
    assert "Traceback" not in done.stderr
