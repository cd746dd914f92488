"""How well facts that a memory was told are answered, and what else they change.

Everything is generated greedily and scored by containment and by exact match: scoring by
probabilities makes edited models look far better than they talk.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.home import Home
from memgraft.core.recall import Query, Recall
from memgraft.core.scope import Scope
from memgraft.evals.neighbours import neighbour
from memgraft.evals.scoring import contains, exact
from memgraft.host.load import Host
from memgraft.host.prompt import with_passages
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.home import InjectionHome
from memgraft.memory import Memory, passages_of, patch_of
from memgraft.retrieval.home import PassagesHome
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.encoder import Encoder

HOMES = ("weights", "passages", "none")
ANSWER_TOKENS = 48
COMPARED_TOKENS = 24
PASSAGES = 5
USER = "eval"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FactRow:
    """One line of the data: a fact, two ways of asking, what the answer must contain."""

    fact: str
    question: str
    paraphrase: str
    answer: str
    neighbour: str | None = None


@dataclass
class Tally:
    """Counts and times over all stacks."""

    hits: dict[str, list[bool]] = field(default_factory=dict)
    write_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    bytes_per_fact: list[float] = field(default_factory=list)
    misses: list[dict[str, str]] = field(default_factory=list)

    def note(self, name: str, hit: bool) -> None:
        self.hits.setdefault(name, []).append(hit)


def load_rows(path: Path) -> list[FactRow]:
    """Read JSONL rows; a bad line is an `InvalidInput` that names it."""
    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}", got=str(error)) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(_row(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"line {number} of {path} is not a fact",
                expected='{"fact", "question", "paraphrase", "answer"} and maybe "neighbour"',
                got=line[:80],
            ) from error
    if not rows:
        raise InvalidInput(f"{path} holds no facts")
    return rows


def _row(values: dict[str, Any]) -> FactRow:
    names = ("fact", "question", "paraphrase", "answer")
    given = {name: values[name] for name in names}
    if values.get("neighbour") is not None:
        given["neighbour"] = values["neighbour"]
    if not all(isinstance(value, str | int | float) for value in given.values()):
        raise TypeError("a text is missing")
    texts = {name: str(value) for name, value in given.items()}
    if not all(text.strip() for text in texts.values()):
        raise ValueError("a text is blank")
    return FactRow(**texts)


def unrelated_prompts() -> list[str]:
    """A hundred bundled prompts that have nothing to do with anybody's facts."""
    text = (files("memgraft.evals") / "unrelated.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


def evaluate(
    host: Host,
    encoder: Encoder,
    rows: Sequence[FactRow],
    home: str,
    stack: int,
    progress: Progress | None = None,
    memory_encoder: MemoryEncoder | None = None,
) -> dict[str, Any]:
    """Tell a fresh memory `stack` facts at a time and ask for each; returns the figures.

    `neighbour_unchanged` and `unrelated_unchanged` are the shares of prompts whose greedy reply
    is the bare model's. With a memory encoder, facts are written by it first. A prompt for which
    nothing is recalled counts as unchanged without being generated twice: nothing is attached
    then, and that this is bit for bit the bare model is a test of its own.
    """
    solver = _Solver(host, encoder, home, memory_encoder)
    tally = Tally()
    stacks = [rows[i : i + stack] for i in range(0, len(rows), stack)]
    done = 0
    for group in stacks:
        with tempfile.TemporaryDirectory() as folder, solver.opened(Path(folder)) as memory:
            for row in group:
                if progress:
                    progress(f"{home}: writing", done, 2 * len(rows))
                tally.write_ms.append(solver.write(memory, row.fact))
                done += 1
            tally.bytes_per_fact.append(solver.bytes_per_fact(memory))
            for row in group:
                if progress:
                    progress(f"{home}: asking", done, 2 * len(rows))
                _ask(solver, memory, row, tally)
                done += 1
            for prompt in unrelated_prompts():
                tally.note("unrelated", solver.unchanged(memory, prompt))
    if progress:
        progress(f"{home}: done", done, done)
    return _figures(tally, home, stack, len(rows))


def _ask(solver: _Solver, memory: Memory, row: FactRow, tally: Tally) -> None:
    for name, question in (("question", row.question), ("paraphrase", row.paraphrase)):
        started = time.perf_counter()
        reply = solver.answer(memory, question)
        tally.answer_ms.append(1e3 * (time.perf_counter() - started))
        tally.note(name, contains(reply, row.answer))
        tally.note(f"{name}_exact", exact(reply, row.answer))
        if not contains(reply, row.answer):
            tally.misses.append({"question": question, "due": row.answer, "reply": reply})
    near = row.neighbour or neighbour(row.question)
    if near is not None:
        tally.note("neighbour", solver.unchanged(memory, near))


def _figures(tally: Tally, home: str, stack: int, count: int) -> dict[str, Any]:
    share = {name: sum(hits) / len(hits) for name, hits in tally.hits.items()}
    return {
        "home": home,
        "stack": stack,
        "n": count,
        "question": share["question"],
        "paraphrase": share["paraphrase"],
        "question_exact": share["question_exact"],
        "paraphrase_exact": share["paraphrase_exact"],
        "neighbour_unchanged": share.get("neighbour"),
        "unrelated_unchanged": share["unrelated"],
        "write_ms_p50": statistics.median(tally.write_ms),
        "answer_ms_p50": statistics.median(tally.answer_ms),
        "bytes_per_fact": statistics.mean(tally.bytes_per_fact),
        "misses": tally.misses,
    }


class _Solver:
    """A model with one of the homes, or with none."""

    def __init__(
        self, host: Host, encoder: Encoder, home: str, memory_encoder: MemoryEncoder | None
    ) -> None:
        if home not in HOMES:
            raise InvalidInput(f"no home is called {home!r}", expected=" or ".join(HOMES))
        self.host = host
        self.encoder = encoder
        self.home = home
        self.memory_encoder = memory_encoder
        self._bare: dict[str, str] = {}

    def opened(self, folder: Path) -> Memory:
        store = SQLiteStore(folder / "memory.db")
        homes: list[Home] = []
        if self.home == "weights":
            weights = InjectionHome(
                self.host, self.encoder, folder / "weights", memory_encoder=self.memory_encoder
            )
            homes.append(weights)
        if self.home == "passages":
            homes.append(PassagesHome(store, self.encoder, folder / "passages"))
        return Memory(store, homes)

    def write(self, memory: Memory, fact: str) -> float:
        started = time.perf_counter()
        memory.add(fact, user_id=USER)
        return 1e3 * (time.perf_counter() - started)

    def bytes_per_fact(self, memory: Memory) -> float:
        figures = [home.stats() for home in memory.homes]
        return sum(f["bytes"] / max(1, f["facts"]) for f in figures)

    def answer(self, memory: Memory, question: str, tokens: int = ANSWER_TOKENS) -> str:
        return self._reply(question, memory.recall(_query(question)), tokens)

    def unchanged(self, memory: Memory, prompt: str) -> bool:
        recalls = memory.recall(_query(prompt))
        if not any(recalls):
            return True
        if prompt not in self._bare:
            self._bare[prompt] = self._reply(prompt, [], COMPARED_TOKENS)
        return self._reply(prompt, recalls, COMPARED_TOKENS) == self._bare[prompt]

    def _reply(self, question: str, recalls: Sequence[Recall], tokens: int) -> str:
        session = Session(self.host, GenerationConfig(max_new_tokens=tokens))
        messages = with_passages([{"role": "user", "content": question}], passages_of(recalls))
        return "".join(session.stream(self.host.prompt(messages), patch_of(recalls)))


def _query(text: str) -> Query:
    return Query(text, Scope(user_id=USER), PASSAGES)
