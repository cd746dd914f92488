"""Files of other programs: mem0's memories in all their wrappings, LangChain's messages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope
from memgraft.store.exchange import import_entries
from memgraft.store.foreign import LANGCHAIN_APP, read_langchain, read_mem0
from memgraft.store.sqlite import SQLiteStore

# As mem0's client prints it.
TEA = {
    "id": "0d3c3a51-7d1c-4a55-8f0e-6d2f2f6f0a01",
    "memory": "Likes green tea",
    "user_id": "alex",
    "agent_id": None,
    "app_id": None,
    "run_id": None,
    "hash": "ab12",
    "metadata": {"kind": "drink"},
    "categories": ["food", "личное"],
    "created_at": "2025-05-01T03:00:00.123456-07:00",
    "updated_at": "2025-05-02T10:00:00Z",
    "expiration_date": "2999-12-31",
    "owner": "me",
    "score": 0.4,
}
CAKE = {"id": "c", "memory": "Likes cake", "metadata": None, "categories": None}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "m.db", synchronous="OFF")) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "their.json"


def write(file: Path, value: Any) -> Path:
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "document",
    [
        [TEA, CAKE],
        {"results": [TEA, CAKE]},
        {"memories": [TEA, CAKE]},
        {"count": 2, "next": None, "previous": None, "results": [TEA, CAKE]},
        [{"count": 2, "next": "/?page=2", "results": [TEA]}, {"count": 2, "results": [CAKE]}],
        {"results": [TEA, CAKE, TEA], "relations": []},
    ],
)
def test_mem0s_memories_however_wrapped(file: Path, store: SQLiteStore, document: Any) -> None:
    write(file, document)
    done = import_entries(store, lambda: read_mem0(file, "me"))
    assert (done.added, done.unchanged) == (2, 0)
    tea, cake = store.list(newest=False)
    assert (tea.id, tea.text, tea.scope) == (TEA["id"], "Likes green tea", Scope("alex"))
    assert (tea.metadata, tea.categories) == ({"kind": "drink"}, ("food", "личное"))
    assert tea.created_at == "2025-05-01T10:00:00.123456+00:00"
    assert tea.updated_at == "2025-05-02T10:00:00.000000+00:00"
    assert tea.expires_at == "2999-12-31T23:59:59.999999+00:00"
    assert (tea.version, tea.source) == (1, "mem0")
    [added] = store.history(tea.id)
    assert (added.event, added.new_text, added.at) == ("ADD", tea.text, tea.created_at)
    assert (cake.scope, cake.metadata) == (Scope("me"), {})
    again = import_entries(store, lambda: read_mem0(file, "me"))
    assert (again.added, again.unchanged) == (0, 2)
    assert store.sequence() == 2


def test_ids_that_mem0_did_not_write_are_made_of_the_memory(file: Path, store: SQLiteStore) -> None:
    bare = [{"memory": "Likes tea", "agent_id": "a", "role": "user", "actor_id": "alex"}]
    write(file, bare)
    assert import_entries(store, lambda: read_mem0(file, "me")).added == 1
    [record] = store.list()
    assert record.scope == Scope(agent_id="a")
    assert record.metadata == {"role": "user", "actor_id": "alex"}
    assert import_entries(store, lambda: read_mem0(file, "me")).unchanged == 1


def test_memories_that_say_the_same_are_told(file: Path, store: SQLiteStore) -> None:
    write(file, [TEA, {**TEA, "id": "other", "memory": "likes green TEA."}])
    done = import_entries(store, lambda: read_mem0(file))
    assert (done.added, done.duplicates) == (1, ("other",))


def test_a_single_page_is_told_to_have_others(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(file, {"count": 300, "next": "https://api.mem0.ai/?page=2", "results": [TEA]})
    with caplog.at_level(logging.WARNING):
        assert len(list(read_mem0(file))) == 1
    assert "their.json holds a page that others follow" in caplog.text


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "their.json holds no memories of mem0"),
        ({"results": {}}, "their.json holds no memories of mem0"),
        ("x", "their.json holds no memories of mem0"),
        ([TEA, 5], "memory 2 of their.json: this is no memory of mem0"),
        ([{"id": "a", "memory": None}], "memory 1 of their.json: this is no memory of mem0"),
        ([{**TEA, "memory": " "}], "memory 1 of their.json: the text of a memory is blank"),
        ([TEA, {**TEA, "memory": "x"}], "memory 2 of their.json: two different memories"),
        ([{**TEA, "created_at": "soon"}], "memory 1 of their.json: this is no time"),
        ([{**TEA, "created_at": 5}], "memory 1 of their.json: created_at cannot be used"),
        ([{**TEA, "metadata": [1]}], "memory 1 of their.json: metadata cannot be used"),
        ([{**TEA, "categories": "x"}], "memory 1 of their.json: categories cannot be used"),
        ([{**TEA, "expiration_date": "x"}], "memory 1 of their.json: this is no time"),
        ([{**TEA, "id": 5}], "memory 1 of their.json: a record id cannot be used"),
        ([{**TEA, "user_id": 5}], "memory 1 of their.json: user_id cannot be used"),
    ],
)
def test_what_is_not_mem0s(file: Path, store: SQLiteStore, document: Any, sentence: str) -> None:
    write(file, document)
    with pytest.raises(InvalidInput) as told:
        import_entries(store, lambda: read_mem0(file))
    assert sentence in str(told.value)
    assert store.sequence() == 0


def test_what_is_no_json(file: Path, tmp_path: Path) -> None:
    file.write_text('[{"id": "a", "memory": "cut sho')
    for read in (read_mem0(file), read_langchain(file, "s")):
        with pytest.raises(InvalidInput, match=r"their.json: this is no JSON.*line 1"):
            list(read)
    with pytest.raises(InvalidInput, match="cannot read"):
        list(read_mem0(tmp_path / "none.json"))


HUMAN = {"type": "human", "data": {"content": "Where is\nmy boat?", "type": "human"}}
AI = {
    "type": "ai",
    "data": {"content": [{"type": "text", "text": "In Bodrum"}, "!", {"type": "image_url"}]},
}


@pytest.mark.parametrize("document", [[HUMAN, AI, HUMAN], {"messages": [HUMAN, AI, HUMAN]}])
def test_langchains_messages(file: Path, store: SQLiteStore, document: Any) -> None:
    write(file, document)
    done = import_entries(store, lambda: read_langchain(file, "chat", "alex"))
    assert done.added == 3
    found = store.list(Scope("alex", app_id=LANGCHAIN_APP, run_id="chat"))
    assert [record.text for record in found] == (
        ["human: Where is my boat?", "ai: In Bodrum!", "human: Where is my boat?"]
    )
    assert [record.metadata["message"] for record in found] == [HUMAN, AI, HUMAN]
    assert {record.source for record in found} == {"langchain"}
    again = import_entries(store, lambda: read_langchain(file, "chat", "alex"))
    assert (again.added, again.unchanged) == (0, 3)
    other = import_entries(store, lambda: read_langchain(file, "another", "alex"))
    assert other.added == 3


def test_langchain_reads_its_messages_back(file: Path, store: SQLiteStore) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.messages import (
        AIMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
        messages_to_dict,
    )

    from memgraft.integrations import langchain

    assert langchain.APP == LANGCHAIN_APP
    said = [
        SystemMessage("Be\nkind"),
        HumanMessage("Hello"),
        AIMessage("", tool_calls=[{"name": "look", "args": {"a": 1}, "id": "1"}]),
        ToolMessage("42", tool_call_id="1"),
        AIMessage("x" * 20_000),
    ]
    write(file, messages_to_dict(said))
    import_entries(store, lambda: read_langchain(file, "chat", "alex"))
    history = langchain.MemgraftChatMessageHistory(store, "chat", "alex")
    assert history.messages == said
    history.add_messages([HumanMessage("Bye")])
    mine = [record.text for record in store.list() if record.text.startswith("human")]
    assert mine == ["human: Hello", "human: Bye"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "their.json is no list of messages"),
        ("x", "their.json is no list of messages"),
        ([HUMAN, {"type": "robot", "data": {"content": "x"}}], "message 2 of their.json"),
        ([{"type": "human", "content": "x"}], "message 1 of their.json: this is no message"),
        ([{"type": "human", "data": {}}], "message 1 of their.json: a message has no content"),
        ([{"type": "human", "data": {"content": 5}}], "message 1 of their.json: a message has"),
        ([[1]], "message 1 of their.json: this is no message"),
    ],
)
def test_what_is_not_langchains(
    file: Path, store: SQLiteStore, document: Any, sentence: str
) -> None:
    write(file, document)
    with pytest.raises(InvalidInput) as told:
        import_entries(store, lambda: read_langchain(file, "chat"))
    assert sentence in str(told.value)
    assert store.sequence() == 0
