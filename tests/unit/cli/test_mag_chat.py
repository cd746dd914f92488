"""`memgraft chat --home mag`: a conversation whose memory is a state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.cli.chat import Chat
from memgraft.cli.conversation import Conversation
from memgraft.cli.mag_conversation import MagConversation, conversation_with
from memgraft.core.errors import InvalidInput, ModelError
from memgraft.core.scope import Scope
from memgraft.host.load import Host, make_host
from memgraft.host.session import GenerationConfig
from memgraft.mag.checkpoint import save_branch
from memgraft.mag.home import MagHome
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig
from memgraft.memory import Memory
from memgraft.open import Opened, open_memory
from memgraft.store.sqlite import SQLiteStore

Screens = Any  # the class from conftest
ME, SHORT = Scope(user_id="me"), GenerationConfig(max_new_tokens=6)


def grafted(base: Host) -> Any:
    config = PatchConfig(memory_heads=2, memory_head_dim=4, chunk_size=8, window=16)
    model = patch_with_mag(base.model, config)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=torch.Generator().manual_seed(7))
    return model


def opened(host: Host, folder: Path) -> Opened:
    store = SQLiteStore(folder / "m.db", synchronous="OFF")
    return Opened(Memory(store, [MagHome(host, store, folder / "mag")]), host)


@pytest.fixture
def mag_host(host: Host) -> Host:
    return make_host(grafted(host), host.tokenizer, "tiny")


def test_it_remembers_forgets_and_says_so(mag_host: Host, tmp_path: Path, screen: Screens) -> None:
    made = opened(mag_host, tmp_path)
    with made.memory:
        talk = conversation_with(made, ME, SHORT)
        assert isinstance(talk, MagConversation)
        shown = screen(
            "/remember I live in Lisbon",
            "/remember My boat is called Zuse",
            "Hello there",
            "/why",
            "/forget boat",
            "/stats",
        )
        assert Chat(talk, shown).run() == 0
        said = shown.of("say")
        assert said[0].startswith('Remembered: "I live in Lisbon"\nNote: it is in a state')
        assert "Lisbon" not in talk.prompt
        prompt = next(text for text in said if text.startswith("prompt:"))
        assert "Hello there" in prompt
        assert "Lisbon" not in prompt
        assert 'Forgotten: "My boat is called Zuse"' in said
        [note] = [text for text in said if text.startswith("Note: the state was built anew")]
        assert "(records: 1)" in note
        assert "only said in conversation is gone" in note
        assert "mag: records 1, scopes 1" in said[-1]


def test_a_turn_changes_the_state_and_a_restart_takes_it_back(
    mag_host: Host, tmp_path: Path
) -> None:
    made = opened(mag_host, tmp_path)
    with made.memory:
        talk = conversation_with(made, ME, SHORT)
        assert isinstance(talk, MagConversation)
        made.memory.add("I live in Lisbon", user_id="me")
        before = talk.home.state(ME).layers[0].memory.weight.clone()
        assert "".join(talk.reply("Hello there"))
        assert not torch.equal(talk.home.state(ME).layers[0].memory.weight, before)
        talk.restart()
        assert torch.equal(talk.home.state(ME).layers[0].memory.weight, before)


def test_clear_forgets_the_conversation_too(
    mag_host: Host, tmp_path: Path, screen: Screens
) -> None:
    made = opened(mag_host, tmp_path)
    with made.memory:
        talk = conversation_with(made, ME, SHORT)
        assert Chat(talk, screen("Hello there", "/clear", confirms=True)).run() == 0
        assert isinstance(talk, MagConversation)
        assert talk.home.state(ME).layers == {}


def test_other_homes_have_their_own_conversation(memory: Memory, host: Host) -> None:
    assert type(conversation_with(Opened(memory, host), ME)) is Conversation


def test_a_branch_is_opened_by_its_folder(
    host: Host, tiny_host: Callable[[str], Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_branch(grafted(host), tmp_path / "branch", host)
    host.model.save_pretrained(tmp_path / "base")
    host.tokenizer.save_pretrained(tmp_path / "base")
    store, base = str(tmp_path / "m.db"), str(tmp_path / "base")
    made = open_memory(store, home="mag", model=base, branch=tmp_path / "branch")
    with made.memory as memory:
        memory.add("I live in Lisbon", user_id="me")
        said = "".join(conversation_with(made, ME, SHORT).reply("Hello"))
        assert [home.name for home in memory.homes] == ["mag"]
    # The same, whole.
    grafted(host).save_pretrained(tmp_path / "whole")
    host.tokenizer.save_pretrained(tmp_path / "whole")
    again = open_memory(str(tmp_path / "n.db"), home="mag", model=str(tmp_path / "whole"))
    with again.memory as memory:
        memory.add("I live in Lisbon", user_id="me")
        assert "".join(conversation_with(again, ME, SHORT).reply("Hello")) == said


def test_without_a_branch_the_next_step_is_told(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.mag.checkpoint.SHIPPED", tmp_path / "none")
    with pytest.raises(ModelError, match="memgraft train mag"):
        open_memory(str(tmp_path / "m.db"), home="mag")
    host.model.save_pretrained(tmp_path / "base")
    host.tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(ModelError, match="memgraft train mag"):
        open_memory(str(tmp_path / "m.db"), home="mag", model=str(tmp_path / "base"))
    with pytest.raises(InvalidInput, match="only the home mag"):
        open_memory(str(tmp_path / "m.db"), branch=tmp_path)
