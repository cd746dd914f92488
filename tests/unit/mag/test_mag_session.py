"""Turns stream through the memory once, whatever of them attention still sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import DynamicCache

from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope
from memgraft.host.load import Host, make_host
from memgraft.host.session import GenerationConfig
from memgraft.mag.cache import memories, remember
from memgraft.mag.home import OPENING, MagHome, ScopeState
from memgraft.mag.session import MagSession
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore

from .grafted import LINEAR, trained

ME, SHORT = Scope(user_id="me"), GenerationConfig(max_new_tokens=6)


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    base = tiny_host("llama")
    model = trained(tiny_host, "llama", replace(LINEAR, window=16))
    return make_host(model, base.tokenizer, "tiny")


@pytest.fixture
def home(host: Host, tmp_path: Path) -> MagHome:
    return MagHome(host, SQLiteStore(tmp_path / "m.db", synchronous="OFF"), tmp_path / "mag")


def say(session: MagSession, message: str) -> list[int]:
    """The tokens of the reply; those of random models are not always text."""
    return list(session.tokens(session.host.encode(session.prompt(message))))


def streamed(host: Host, *parts: str | list[int], before: ScopeState | None = None) -> torch.Tensor:
    """The memory of the last layer after all of this in one piece."""
    ids = [i for part in parts for i in (host.encode(part) if isinstance(part, str) else part)]
    cache = remember(DynamicCache(config=host.model.config), before.layers if before else {})
    with torch.inference_mode():
        host.model(torch.tensor([ids]), past_key_values=cache)
    return memories(cache)[3].memory.weight


def kept(home: MagHome) -> torch.Tensor:
    return home.state(ME).layers[3].memory.weight


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_state_is_that_of_the_whole_conversation(host: Host, home: MagHome) -> None:
    session = MagSession(home, ME, SHORT)
    first, second = say(session, "Hello there"), say(session, "And again")
    turns = f"{OPENING}User: Hello there\nAssistant:", "\nUser: And again\nAssistant:"
    assert home.state(ME).spoken
    assert close(kept(home), streamed(host, turns[0], first, turns[1], second, "\n"))


def test_a_prompt_holds_the_message_alone(home: MagHome) -> None:
    session = MagSession(home, ME, SHORT)
    assert "Hello" in session.prompt("Hello there")
    say(session, "Hello there")
    assert session.prompt("And again") == "User: And again\nAssistant:"


def test_the_state_goes_on_after_a_restart(host: Host, home: MagHome) -> None:
    say(MagSession(home, ME, SHORT), "Hello there")
    again = MagHome(host, home.store, home._files.folder)
    before, session = again.state(ME), MagSession(again, ME, SHORT)
    prompt = session.prompt("And again")
    reply = say(session, "And again")
    assert close(kept(again), streamed(host, prompt, reply, "\n", before=before))
    assert not close(kept(again), streamed(host, prompt, reply, "\n"))


def test_the_state_changes_the_reply(home: MagHome) -> None:
    replies: set[tuple[int, ...]] = set()
    for text in ("", "I live in Lisbon", "My boat is called Zuse " * 4):
        layers = home._read_through(text, {}) if text else {}
        home.heard(replace(home.state(ME), layers={}), layers)
        session = MagSession(home, ME, GenerationConfig(max_new_tokens=24))
        replies.add(tuple(say(session, "Hello there")))
    assert len(replies) > 1


def test_a_reply_that_is_broken_off_is_heard_so_far(host: Host, home: MagHome) -> None:
    session = MagSession(home, ME, SHORT)
    prompt = session.prompt("Hello there")
    tokens = session.tokens(host.encode(prompt))
    given = [next(tokens), next(tokens)]
    tokens.close()
    assert close(kept(home), streamed(host, prompt, given, "\n"))
    assert say(session, "And again")


def test_a_pass_that_fails_leaves_the_state_before(
    host: Host, home: MagHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = MagSession(home, ME, SHORT)
    say(session, "Hello there")
    before = kept(home).clone()
    attention = type(host.model.model.layers[2].self_attn)
    with monkeypatch.context() as broken:
        broken.setattr(attention, "forward", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            say(session, "And again")
    assert torch.equal(kept(home), before)
    assert say(session, "And again")


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def beside(home: MagHome) -> Memory:
    """The same memory in another process."""
    again = MagHome(home.host, home.store, home._files.folder)
    return Memory(home.store, [again])


@pytest.mark.parametrize("left", ["", "I like tea"])
def test_what_is_forgotten_elsewhere_leaves_the_session(
    left: str, host: Host, home: MagHome
) -> None:
    other, session = beside(home), MagSession(home, ME, SHORT)
    if left:
        other.add(left, user_id="me")
    [safe] = other.add("My safe opens with 48213", user_id="me")["results"]
    say(session, "Hello there")
    other.delete(safe["id"])
    before = home.state(ME)
    assert bool(before.layers) == bool(left) and not before.spoken
    prompt = session.prompt("And again")
    reply = say(session, "And again")
    assert prompt == MagSession(home, ME, SHORT).prompt("And again"), "attention began anew"
    assert close(kept(home), streamed(host, prompt, reply, "\n", before=before))


def test_what_is_forgotten_after_the_prompt_leaves_the_session(host: Host, home: MagHome) -> None:
    other, session = beside(home), MagSession(home, ME, SHORT)
    [safe] = other.add("My safe opens with 48213", user_id="me")["results"]
    say(session, "Hello there")
    prompt = session.prompt("And again")
    other.delete(safe["id"])
    reply = list(session.tokens(host.encode(prompt)))
    assert close(kept(home), streamed(host, prompt, reply, "\n"))


def test_a_record_that_comes_meanwhile_does_not_end_the_session(home: MagHome) -> None:
    other, session = beside(home), MagSession(home, ME, SHORT)
    say(session, "Hello there")
    read = session._length
    other.add("I like tea", user_id="me")
    say(session, "And again")
    assert session._length > read and len(home.state(ME).held) == 1


def test_attention_begins_anew_where_the_model_ends(
    home: MagHome, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.model.config, "max_position_embeddings", 150)
    session = MagSession(home, ME, SHORT)
    lengths = []
    for turn in range(6):
        say(session, f"This is turn {turn}")
        lengths.append(session._length)
    assert max(lengths) <= 150
    assert lengths != sorted(lengths), "it began anew"
    with pytest.raises(InvalidInput, match="too long"):
        session.prompt("long " * 40)
