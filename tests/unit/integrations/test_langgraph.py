"""LangGraph's store over ours: the same answers as its own store gives, and kept on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph")

from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore, InvalidNamespaceError
from langgraph.store.memory import InMemoryStore

from memgraft.core.errors import InvalidInput
from memgraft.integrations import MemgraftStore
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from toys import ToyHome


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


def fill(store: BaseStore) -> None:
    for user in ("ann", "bob"):
        for n in range(3):
            value = {"text": f"{user} fact {n}", "n": n, "deep": {"even": n % 2 == 0}}
            store.put(("users", user), f"k{n}", value)
    store.put(("users",), "all", {"text": "everybody", "n": 9})
    store.put(("docs", "ann", "old"), "d", {"text": "a document", "n": 4})


def plain(items: Any) -> list[tuple[Any, ...]]:
    return sorted((item.namespace, item.key, str(item.value)) for item in items)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"filter": {"n": 1}},
        {"filter": {"n": {"$gte": 1, "$lt": 9}}},
        {"filter": {"n": {"$ne": 1}}},
        {"filter": {"deep": {"even": True}}},
        {"filter": {"missing": 1}},
        {"limit": 100},
        {"limit": 100, "offset": 4},
    ],
)
@pytest.mark.parametrize("prefix", [("users",), ("users", "ann"), ("docs",), (), ("none",)])
def test_searches_are_those_of_langgraphs_own_store(
    store: SQLiteStore, prefix: Any, asked: dict[str, Any]
) -> None:
    ours, theirs = MemgraftStore(store), InMemoryStore()
    fill(ours)
    fill(theirs)
    found, wanted = ours.search(prefix, **asked), theirs.search(prefix, **asked)
    if "offset" in asked:  # the order is each store's own
        assert len(found) == len(wanted)
    else:
        assert plain(found) == plain(wanted)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"prefix": ("users",)},
        {"prefix": ("users", "*")},
        {"suffix": ("ann",)},
        {"suffix": ("ann", "*")},
        {"max_depth": 1},
        {"max_depth": 2, "limit": 2, "offset": 1},
    ],
)
def test_namespaces_are_those_of_langgraphs_own_store(store: SQLiteStore, asked: Any) -> None:
    ours, theirs = MemgraftStore(store), InMemoryStore()
    fill(ours)
    fill(theirs)
    assert ours.list_namespaces(**asked) == theirs.list_namespaces(**asked)


def test_items_are_put_changed_and_deleted(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)
    space = ("users", "ann")
    assert kept.get(space, "a") is None
    kept.put(space, "a", {"text": "one"})
    first = kept.get(space, "a")
    kept.put(space, "a", {"text": "two", "list": [1, None, "x"]})
    second = kept.get(space, "a")
    assert first is not None and second is not None
    assert (second.value, second.key, second.namespace) == (
        {"text": "two", "list": [1, None, "x"]},
        "a",
        space,
    )
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at
    kept.delete(space, "a")
    kept.delete(space, "a")
    assert kept.get(space, "a") is None
    kept.put(space, "a", {"text": "three"})
    third = kept.get(space, "a")
    assert third is not None and third.value == {"text": "three"}


def test_items_that_look_alike_are_two(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)
    for key in ("a", "A", "a.", "", " ", "\x00", "é" * 9000):
        kept.put(("n",), key, {"text": "same"})
    assert len(kept.search(("n",), limit=100)) == 7
    for key in ("a", "A", "a.", "", " ", "\x00"):
        item = kept.get(("n",), key)
        assert item is not None and item.key == key


def test_values_stay_exact(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)
    value = {"text": "two\n\n lines\t\x00", "empty": "", "n": 1.5, "deep": {"x": [{"y": False}]}}
    kept.put(("n",), "k", value)
    kept.put(("n",), "long", {"text": "word " * 5000})
    item = kept.get(("n",), "k")
    assert item is not None and item.value == value


@pytest.mark.parametrize("value", [{"x": object()}, {"x": (1, 2)}, {"x": float("nan")}, {1: "x"}])
def test_values_that_json_would_change_are_refused(store: SQLiteStore, value: Any) -> None:
    kept = MemgraftStore(store)
    with pytest.raises(InvalidInput):
        kept.put(("n",), "k", value)
    assert kept.search(("n",)) == []


def test_namespaces_are_checked(store: SQLiteStore) -> None:
    with pytest.raises(InvalidNamespaceError):
        MemgraftStore(store).put(("a.b",), "k", {})


def test_what_has_no_number_is_not_compared(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)
    kept.put(("n",), "a", {"x": "text"})
    kept.put(("n",), "b", {"x": 2})
    assert [item.key for item in kept.search(("n",), filter={"x": {"$gt": 1}})] == ["b"]
    assert kept.search(("n",), filter={"missing": {"$gt": 1}}) == []
    with pytest.raises(InvalidInput):
        kept.search(("n",), filter={"x": {"$near": 1}})


def test_words_are_found_best_first_and_the_rest_comes_after(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)
    fill(kept)
    kept.put(("users", "ann"), "c", {"text": "ann drinks coffee"})
    kept.put(("users", "ann"), "hidden", {"text": "coffee coffee"}, index=False)
    kept.put(("users", "ann"), "field", {"text": "coffee", "title": "tea"}, index=["title"])
    found = kept.search(("users",), query="coffee", limit=3)
    assert found[0].key == "c" and found[0].score is not None
    assert [item.score for item in found[1:]] == [None, None]
    assert kept.search(("users",), query="tea")[0].key == "field"


def test_a_memory_is_asked_through_its_front_door(store: SQLiteStore) -> None:
    home = ToyHome()
    memory = Memory(store, [home])
    memory.add("I drink coffee", user_id="ann")
    kept = MemgraftStore(memory)
    kept.put(("n",), "a", {"text": "coffee is hot"})
    assert home.texts == ["I drink coffee", "a: coffee is hot"]
    [item] = kept.search((), query="coffee")
    assert item.key == "a"
    kept.delete(("n",), "a")
    assert home.texts == ["I drink coffee"]


def test_it_outlives_the_process(tmp_path: Path) -> None:
    for _ in range(2):
        opened = SQLiteStore(tmp_path / "again.db")
        kept = MemgraftStore(opened)
        kept.put(("n",), "k", {"x": 1})
        assert [item.value for item in kept.search(("n",))] == [{"x": 1}]
        opened.close()


def test_a_graph_reads_and_writes_it(store: SQLiteStore) -> None:
    def node(state: dict[str, Any], *, store: BaseStore) -> dict[str, Any]:
        before = store.search(("notes", state["user"]), query=state["said"])
        store.put(("notes", state["user"]), str(len(before)), {"text": state["said"]})
        return {"notes": [item.value["text"] for item in before]}

    graph = StateGraph(dict)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    compiled = graph.compile(store=MemgraftStore(store))
    assert compiled.invoke({"user": "ann", "said": "I like tea"})["notes"] == []
    assert compiled.invoke({"user": "ann", "said": "tea?"})["notes"] == ["I like tea"]
    assert compiled.invoke({"user": "bob", "said": "tea?"})["notes"] == []


def test_it_is_asked_from_many_tasks_at_once(store: SQLiteStore) -> None:
    kept = MemgraftStore(store)

    async def run() -> list[Any]:
        await asyncio.gather(*(kept.aput(("n",), str(n), {"n": n}) for n in range(20)))
        return await asyncio.gather(*(kept.aget(("n",), str(n)) for n in range(20)))

    assert [item.value["n"] for item in asyncio.run(run())] == list(range(20))
