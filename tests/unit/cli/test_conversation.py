"""A conversation: what of it stays in the prompt, and what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memgraft.cli.conversation import Conversation
from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.host.prompt import INSTRUCTION
from memgraft.host.session import GenerationConfig, Session
from memgraft.memory import Memory
from memgraft.retrieval.home import PassagesHome
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

ME = Scope(user_id="me")
SHORT = GenerationConfig(max_new_tokens=12)


def say(conversation: Conversation, text: str) -> str:
    return "".join(conversation.reply(text))


@pytest.fixture
def retrieving(host: Host, tmp_path: Path) -> Iterator[Conversation]:
    store = SQLiteStore(tmp_path / "passages.db", synchronous="OFF")
    home = PassagesHome(store, ToyEncoder(), tmp_path / "passages")
    with Memory(store, [home]) as opened:
        yield Conversation(opened, host, ME, SHORT)


def test_turns_are_kept(conversation: Conversation, host: Host) -> None:
    first = say(conversation, "Hello there")
    assert conversation.turns == [
        {"role": "user", "content": "Hello there"},
        {"role": "assistant", "content": first.strip()},
    ]
    say(conversation, "And again")
    assert len(conversation.turns) == 4
    again = [*conversation.turns[:2], {"role": "user", "content": "And again"}]
    assert conversation.prompt == host.prompt(again)


def test_without_a_memory_it_is_the_bare_model(conversation: Conversation, host: Host) -> None:
    prompt = host.prompt([{"role": "user", "content": "Hello there"}])
    assert say(conversation, "Hello there") == "".join(Session(host, SHORT).stream(prompt))


def test_a_recalled_turn_is_not_kept(conversation: Conversation) -> None:
    conversation.memory.add("I live in Lisbon", user_id="me")
    say(conversation, "Hello there")
    say(conversation, "Where do I live?")
    why = conversation.why()
    assert [fact["memory"] for fact in why["awake"]] == ["I live in Lisbon"]
    assert why["passages"] == []
    assert [turn["content"] for turn in conversation.turns[::2]] == ["Hello there"]
    say(conversation, "Good evening")
    assert "live" not in conversation.prompt
    assert "Lisbon" not in conversation.prompt
    assert conversation.why()["awake"] == []


def test_a_recalled_fact_changes_the_reply(conversation: Conversation) -> None:
    before = say(conversation, "Where do I live?")
    conversation.restart()
    conversation.memory.add("I live in Lisbon", user_id="me")
    assert say(conversation, "Where do I live?") != before
    [fact] = conversation.memory.get_all()["results"]
    conversation.memory.delete(fact["id"])
    assert say(conversation, "Where do I live?") == before


def test_only_the_users_own_memories(conversation: Conversation) -> None:
    conversation.memory.add("I live in Lisbon", user_id="you")
    say(conversation, "Where do I live?")
    assert conversation.why()["awake"] == conversation.why()["considered"] == []


def test_passages_go_before_the_question_and_do_not_stay(retrieving: Conversation) -> None:
    retrieving.memory.add("My boat is called Zuse", user_id="me")
    say(retrieving, "What is my boat called?")
    assert f"{INSTRUCTION}\n- My boat is called Zuse\n\nWhat is my boat" in retrieving.prompt
    [passage] = retrieving.why()["passages"]
    assert passage["memory"] == "My boat is called Zuse"
    assert retrieving.turns[0]["content"] == "What is my boat called?"
    say(retrieving, "Good evening")
    assert "Zuse" not in retrieving.prompt


def test_a_passage_that_has_nothing_to_do_with_it_stays_out(retrieving: Conversation) -> None:
    retrieving.memory.add("My boat is called Zuse", user_id="me")
    say(retrieving, "How tall are towers?")
    assert retrieving.why()["passages"] == []
    assert INSTRUCTION not in retrieving.prompt


def test_the_oldest_turns_are_dropped_when_they_do_not_fit(
    conversation: Conversation, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 200
    monkeypatch.setattr("memgraft.cli.conversation.CONTEXT_TOKENS", room)
    for n in range(8):
        say(conversation, f"This is turn {n}")
        assert len(host.encode(conversation.prompt)) <= room - SHORT.max_new_tokens
    said = [turn["content"] for turn in conversation.turns[::2]]
    assert 2 <= len(said) < 8
    assert said == [f"This is turn {n}" for n in range(8 - len(said), 8)]
    assert "turn 0" not in conversation.prompt
    assert "turn 6" in conversation.prompt
    assert [turn["role"] for turn in conversation.turns[:2]] == ["user", "assistant"]


def test_the_models_own_limit_counts_too(
    conversation: Conversation, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.model.config, "max_position_embeddings", 150)
    for n in range(6):
        say(conversation, f"This is turn {n}")
    assert len(host.encode(conversation.prompt)) <= 150 - SHORT.max_new_tokens


def test_a_message_longer_than_the_model_takes_is_refused(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.cli.conversation.CONTEXT_TOKENS", 50)
    with pytest.raises(InvalidInput, match="too long for the model"):
        say(conversation, "long " * 100)
    assert conversation.turns == []


def test_restart_drops_all_turns(conversation: Conversation, host: Host) -> None:
    first = say(conversation, "Hello there")
    say(conversation, "And again")
    conversation.restart()
    assert conversation.turns == []
    assert say(conversation, "Hello there") == first
    assert conversation.prompt == host.prompt([{"role": "user", "content": "Hello there"}])


def test_a_reply_that_is_cut_off_keeps_what_was_said(conversation: Conversation) -> None:
    whole = say(conversation, "Hello there")
    conversation.restart()
    pieces = conversation.reply("Hello there")
    first = next(pieces)
    pieces.close()
    assert len(first) < len(whole)
    assert conversation.turns[1]["content"] == first.strip()
    say(conversation, "And again")
    assert len(conversation.turns) == 4


def test_before_anything_was_said(conversation: Conversation) -> None:
    nothing: dict[str, object] = {"awake": [], "considered": [], "passages": [], "prompt": ""}
    assert conversation.why() == nothing


def test_scores_are_told(conversation: Conversation, tiny_host: Callable[[str], Host]) -> None:
    conversation.memory.add("I live in Lisbon", user_id="me")
    say(conversation, "Lisbon?")
    [fact] = conversation.why()["considered"]
    assert 0 < fact["score"] <= 1
