"""A memory in the weights of a tiny model, and a screen that is a list of lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memgraft.cli.conversation import Conversation
from memgraft.cli.screen import Screen
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig
from memgraft.injection.config import InjectionConfig
from memgraft.injection.home import InjectionHome
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

ME = Scope(user_id="me")


class FakeScreen(Screen):
    """Reads the given lines; notes what it is shown as (kind, text)."""

    interactive = True

    def __init__(self, *lines: str, confirms: bool = False) -> None:
        self.lines = list(lines)
        self.confirms = confirms
        self.shown: list[tuple[str, str]] = []

    def of(self, kind: str) -> list[str]:
        return [text for shown, text in self.shown if shown == kind]

    def read(self) -> str | None:
        return self.lines.pop(0) if self.lines else None

    def reply(self, pieces: Iterator[str]) -> None:
        self.shown.append(("reply", "".join(pieces)))

    def say(self, text: str) -> None:
        self.shown.append(("say", text))

    def error(self, text: str) -> None:
        self.shown.append(("error", text))

    def confirm(self, question: str) -> bool:
        self.shown.append(("confirm", question))
        return self.confirms


@pytest.fixture
def screen() -> type[FakeScreen]:
    return FakeScreen


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def memory(host: Host, tmp_path: Path) -> Iterator[Memory]:
    config = InjectionConfig(steps=1, questions=1)
    home = InjectionHome(host, ToyEncoder(), tmp_path / "weights", config)
    with Memory(SQLiteStore(tmp_path / "m.db", synchronous="OFF"), [home]) as opened:
        yield opened


@pytest.fixture
def conversation(memory: Memory, host: Host) -> Conversation:
    return Conversation(memory, host, ME, GenerationConfig(max_new_tokens=12))
