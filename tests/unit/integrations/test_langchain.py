"""LangChain's retriever and chat history over a memory, with the real package."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from memgraft.core.scope import Scope
from memgraft.integrations import MemgraftChatMessageHistory, MemgraftRetriever
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from toys import ToyHome


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(SQLiteStore(tmp_path / "m.db", synchronous="OFF"), [ToyHome()]) as opened:
        yield opened


def history(memory: Any, session: str = "s", **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LangChain means to replace its own class in 2.0
        return MemgraftChatMessageHistory(memory, session, **options)


def test_the_retriever_gives_documents(memory: Memory) -> None:
    [kept] = memory.add("Alice drinks coffee", user_id="a", metadata={"tag": 1})["results"]
    memory.add("Bob drinks coffee", user_id="b")
    memory.add("Alice plays chess", user_id="a")
    retriever = MemgraftRetriever(memory=memory, scope=Scope(user_id="a"), k=3)
    [found] = retriever.invoke("coffee")
    assert (found.id, found.page_content) == (kept["id"], "Alice drinks coffee")
    assert found.metadata["tag"] == 1
    assert 0 < found.metadata["score"] <= 1
    assert asyncio.run(retriever.ainvoke("coffee")) == [found]


def test_the_retriever_is_part_of_a_chain(memory: Memory) -> None:
    memory.add("Alice drinks coffee")
    chain = (
        {"notes": MemgraftRetriever(memory=memory) | (lambda docs: docs[0].page_content)}
        | ChatPromptTemplate.from_template("Notes: {notes}")
        | RunnableLambda(lambda prompt: prompt.to_string())
    )
    assert chain.invoke("coffee") == "Human: Notes: Alice drinks coffee"


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_that_is_no_count(memory: Memory, k: int) -> None:
    with pytest.raises(ValueError):
        MemgraftRetriever(memory=memory, k=k)


def test_messages_come_back_as_they_were(memory: Memory) -> None:
    said = [
        SystemMessage("Be kind"),
        HumanMessage("line one\n\n  line two\t", additional_kwargs={"x": 1}),
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}]),
        ToolMessage("done", tool_call_id="1"),
        HumanMessage([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": "u"}]),
        HumanMessage("long " * 5000),
        HumanMessage("nul \x00 and 日本語"),
    ]
    kept = history(memory)
    kept.add_messages(said[:3])
    kept.add_messages(said[3:])
    assert history(memory.store).messages == said


def test_what_is_said_twice_is_kept_twice(memory: Memory) -> None:
    kept = history(memory)
    for text in ("yes", "yes", "Yes.", "no"):
        kept.add_user_message(text)
    kept.add_ai_message("yes")
    assert [message.text for message in kept.messages] == ["yes", "yes", "Yes.", "no", "yes"]


def test_sessions_and_users_keep_apart(memory: Memory) -> None:
    for session, user in (("s", None), ("t", None), ("s", "a"), ("s", "b")):
        history(memory, session, user_id=user).add_user_message(f"{session} {user}")
    for session, user in (("s", None), ("t", None), ("s", "a")):
        [message] = history(memory, session, user_id=user).messages
        assert message.text == f"{session} {user}"
    history(memory, "s").clear()
    assert history(memory, "s").messages == []
    assert len(history(memory, "s", user_id="a").messages) == 1


def test_homes_hear_of_messages_and_of_their_end(memory: Memory) -> None:
    [home] = memory.homes
    assert isinstance(home, ToyHome)
    kept = history(memory)
    kept.add_user_message("I like tea")
    assert home.texts == ["human: I like tea"]
    asyncio.run(kept.aclear())
    assert home.texts == []
