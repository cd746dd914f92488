"""What is compared: ways of giving a model facts, behind one surface."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memgraft.core.errors import InvalidInput
from memgraft.core.home import Home
from memgraft.core.recall import Query, Recall
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.host.prompt import with_passages
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.config import InjectionConfig
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.home import InjectionHome
from memgraft.injection.pretrained import load_encoder, shipped_encoder
from memgraft.injection.writer import Writer
from memgraft.mag.home import MagHome, identity
from memgraft.mag.session import MagSession
from memgraft.memory import Memory, passages_of, patch_of
from memgraft.retrieval.home import PassagesHome
from memgraft.store.base import Store
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.encoder import Encoder
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions

if TYPE_CHECKING:
    from memgraft.injection.peers.grace import Grace

HOMES = ("weights", "passages", "mag", "none")
# Those that need nothing but the bare model.
USUAL = ("weights", "passages", "none")
NAMED = ("encoder", "closed-form", "lora", "grace")
SEED = "seed:"
WRITERS = f"{', '.join(NAMED)}, {SEED}FILE, or the FILE of a trained encoder"
PASSAGES = 5
USER = "eval"


class System(ABC):
    """A model that can be told facts. Opened empty, used for one stack of facts, closed."""

    @abstractmethod
    def write(self, fact: str) -> bool:
        """Tell it a fact, in the user's words; False if it refuses it."""

    @abstractmethod
    def answer(self, question: str, tokens: int) -> str:
        """The greedy reply to a user's message, of at most so many tokens."""

    @abstractmethod
    def wakes(self, question: str) -> bool:
        """Whether anything it was told has a say; where not, the reply is the bare model's."""

    @property
    @abstractmethod
    def bytes_per_fact(self) -> float:
        """Bytes that it keeps, shared among the facts that it holds."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files."""


@dataclass(frozen=True)
class Opener:
    """A system that can be opened, as often as there are stacks.

    `open` gets an empty folder. `writer` is None where facts do not go into the weights; `trained`
    tells apart what was trained: a hash of the writer's file, or of the model with its branches.
    """

    home: str
    writer: str | None
    open: Callable[[Path], System]
    trained: str = ""

    @property
    def name(self) -> str:
        """What people call it: "weights: closed-form", "passages"."""
        if self.writer is None:
            return self.home
        kind = "seed" if self.writer.startswith(SEED) else Path(self.writer).stem
        return f"{self.home}: {kind}"


class MemorySystem(System):
    """A `Memory` with one home, or with none: the bare model."""

    def __init__(self, host: Host, memory: Memory) -> None:
        self.host = host
        self.memory = memory

    def write(self, fact: str) -> bool:
        (result,) = self.memory.add(fact, user_id=USER)["results"]
        return all(receipt["outcome"] != "refused" for receipt in result["receipts"])

    def answer(self, question: str, tokens: int) -> str:
        recalls = self._recall(question)
        messages = with_passages([{"role": "user", "content": question}], passages_of(recalls))
        session = Session(self.host, GenerationConfig(max_new_tokens=tokens))
        return "".join(session.stream(self.host.prompt(messages), patch_of(recalls)))

    def wakes(self, question: str) -> bool:
        return any(self._recall(question))

    @property
    def bytes_per_fact(self) -> float:
        figures = [home.stats() for home in self.memory.homes]
        return sum(f["bytes"] / max(1, f["facts"]) for f in figures)

    def close(self) -> None:
        self.memory.close()

    def _recall(self, question: str) -> Sequence[Recall]:
        return self.memory.recall(Query(question, Scope(user_id=USER), PASSAGES))


class MagSystem(MemorySystem):
    """Facts in the state of a memory branch, that every question finds as the facts left it."""

    def __init__(self, host: Host, memory: Memory, home: MagHome) -> None:
        super().__init__(host, memory)
        self.home = home

    def answer(self, question: str, tokens: int) -> str:
        scope = Scope(user_id=USER)
        before = self.home.state(scope)
        session = MagSession(self.home, scope, GenerationConfig(max_new_tokens=tokens))
        reply = "".join(session.stream(session.prompt(question)))
        # What was asked before would help, or stand in the way.
        self.home.heard(before, before.layers)
        return reply

    def wakes(self, question: str) -> bool:
        """A state has a say in everything as soon as it holds anything."""
        return bool(self.home.state(Scope(user_id=USER)).held)

    @property
    def bytes_per_fact(self) -> float:
        figures = self.home.stats()
        return float(figures["bytes"]) / max(1, figures["records"])


class GraceSystem(System):
    """GRACE, which keeps a codebook of its own beside a layer instead of deltas in a home."""

    def __init__(self, grace: Grace) -> None:
        self.grace = grace
        self.facts = 0

    def write(self, fact: str) -> bool:
        asked = questions(fact)
        if not asked:
            return False
        self.grace.write(fact, to_second_person(fact), asked)
        self.facts += 1
        return True

    def answer(self, question: str, tokens: int) -> str:
        return self.grace.answer(question, tokens)

    def wakes(self, question: str) -> bool:
        return self.grace.wakes(question)

    @property
    def bytes_per_fact(self) -> float:
        return self.grace.nbytes / max(1, self.facts)

    def close(self) -> None:
        """It holds no files."""


def bare(host: Host) -> Opener:
    """The model without any memory."""
    return Opener("none", None, lambda folder: _memory(host, folder, lambda _: []))


def passages(host: Host, encoder: Encoder) -> Opener:
    """The texts of the best facts in the prompt."""

    def opened(folder: Path) -> System:
        return _memory(host, folder, lambda s: [PassagesHome(s, encoder, folder / "passages")])

    return Opener("passages", None, opened)


def weights(host: Host, encoder: Encoder, writer: str, compose: str = "routed") -> Opener:
    """Facts in the weights, by one of the writers (see `WRITERS`).

    Raises:
        InvalidInput: no writer is called that, or none is there for this model.
    """
    check_writer(writer)
    if writer == "grace":
        return Opener("weights", writer, lambda folder: _grace(host))
    config = InjectionConfig(compose=compose)
    memory_encoder, writers = _encoder(host, writer), _writers(host, writer)

    def opened(folder: Path) -> System:
        home = InjectionHome(host, encoder, folder / "weights", config, memory_encoder, writers)
        return _memory(host, folder, lambda _: [home])

    return Opener("weights", writer, opened, _digest(writer))


def mag(host: Host) -> Opener:
    """Facts in a state: `host` is a model with memory branches.

    Its replies differ from the bare model's also by the opening and the window.
    """

    def opened(folder: Path) -> System:
        store = SQLiteStore(folder / "memory.db")
        home = MagHome(host, store, folder / "mag")
        return MagSystem(host, Memory(store, [home]), home)

    return Opener("mag", None, opened, identity(host))


def default_writer(host: Host) -> str:
    """What `memgraft.open_memory` writes with, where nothing else is said."""
    return "encoder" if shipped_encoder(host) else "closed-form"


def check_writer(writer: str) -> None:
    """Raise `InvalidInput` if nothing is called that."""
    if writer not in NAMED and not _file(writer).is_file():
        raise InvalidInput(f"no writer is called {writer!r}", expected=WRITERS, got=writer)


def _file(writer: str) -> Path:
    """The trained file that a writer's name tells: FILE or seed:FILE."""
    return Path(writer.removeprefix(SEED))


def _digest(writer: str) -> str:
    return "" if writer in NAMED else hashlib.sha256(_file(writer).read_bytes()).hexdigest()[:12]


def _memory(host: Host, folder: Path, homes: Callable[[Store], list[Home]]) -> System:
    store = SQLiteStore(folder / "memory.db")
    return MemorySystem(host, Memory(store, homes(store)))


def _encoder(host: Host, writer: str) -> MemoryEncoder | None:
    """The memory encoder that the writer's name stands for, if for one."""
    if writer == "encoder":
        shipped = shipped_encoder(host)
        if shipped is None:
            raise InvalidInput(
                f"no memory encoder ships for {host.name}",
                next_step="train one: memgraft train injection, and name its file",
            )
        return shipped
    return None if writer in NAMED or writer.startswith(SEED) else load_encoder(host, Path(writer))


def _writers(host: Host, writer: str) -> tuple[Writer, ...]:
    """Peers that take the place of a home's own writers."""
    if writer == "lora":
        from memgraft.injection.peers.lora import LoraWriter

        return (LoraWriter(host),)
    if writer.startswith(SEED):
        from memgraft.injection.peers.seed import SeedWriter

        return (SeedWriter.load(host, _file(writer)),)
    return ()


def _grace(host: Host) -> System:
    from memgraft.injection.peers.grace import Grace

    return GraceSystem(Grace(host))
