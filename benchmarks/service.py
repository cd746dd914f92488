"""The server against mem0's own stack, and against memgraft without HTTP, in one run.

    python benchmarks/service.py [--count 1000 10000 100000] [--operations 200]

mem0 is the unmodified package in this process with its local vector store (`infer=False`); the
server is another process. Both embed with the same static words, which cost about 0.03 ms, so that
what is timed is the service. Stores are filled in bulk first: records are restored here, and the
approximate index that a large memory has is made; vectors and payloads are
inserted into mem0's vector store there. Operations of the three take turns, so that a busy machine
is busy for all of them. The first of each kind, which may have to read or make what later ones
use, is given by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.data.facts import facts
from memgraft.evals.mem0 import open_mem0
from memgraft.memory import Memory
from memgraft.open import open_retrieval
from memgraft.retrieval.home import PassagesHome
from memgraft.store.base import Entry
from memgraft.store.open import open_store
from memgraft.text.open import open_encoder

USER = "alex"
ENCODER = "static"
STORE = "memory.db"
# Beyond these, one operation of mem0's takes seconds.
FEWER = {100_000: 10}

COLUMNS = (
    "memories", "system", "add: first ms", "p50", "p95", "mem0 / own",
    "search: first ms", "p50", "p95", "mem0 / own",
)  # fmt: skip


class Texts:
    """Distinct facts to store and questions to ask, the same for all."""

    def __init__(self, count: int, operations: int) -> None:
        found: dict[str, str] = {}
        for fact in facts("train", seed=5):
            found.setdefault(fact.text, fact.questions[0].text)
            if len(found) == count + operations:
                break
        self.stored = list(islice(found, count))
        self.new = list(found)[count:]
        self.questions = random.Random(0).sample(list(found.values()), operations)


class Http:
    """`memgraft serve` on a store, asked by one client."""

    def __init__(self, store: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "memgraft", "serve", "--port", str(port)]
        command += ["--store", str(store), "--encoder", ENCODER]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=900)
        while not self._ready():
            time.sleep(0.1)

    def add(self, text: str) -> None:
        body = {"messages": text, "user_id": USER, "infer": False}
        self.client.post("/v3/memories/add/", json=body).raise_for_status()

    def search(self, question: str) -> int:
        body = {"query": question, "filters": {"user_id": USER}, "top_k": 10}
        answer = self.client.post("/v3/memories/search/", json=body).raise_for_status()
        return len(answer.json()["results"])

    def close(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait()

    def _ready(self) -> bool:
        assert self.process.poll() is None, "the server did not start"
        try:
            return self.client.get("/ready").status_code == 200
        except httpx.HTTPError:
            return False


class Library:
    """The same without HTTP."""

    def __init__(self, store: Path) -> None:
        self.memory: Memory = open_retrieval(str(store), encoder=ENCODER)

    def add(self, text: str) -> None:
        self.memory.add(text, user_id=USER)

    def search(self, question: str) -> int:
        return len(self.memory.search(question, user_id=USER, limit=10)["results"])

    def close(self) -> None:
        self.memory.close()


class Mem0:
    """The peer, in this process."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        encoder = open_encoder(ENCODER)
        self.memory: Any = open_mem0(encoder, folder)
        # Its local store commits every single point; only while it is filled, not to the disk.
        [collection] = self.memory.vector_store.client._client.collections.values()
        collection.storage.storage.execute("PRAGMA synchronous = OFF")
        for start in range(0, len(texts), 1000):
            some = texts[start : start + 1000]
            payloads = [
                {"data": text, "user_id": USER, "hash": str(i)} for i, text in enumerate(some)
            ]
            ids = [str(uuid.uuid4()) for _ in some]
            vectors = encoder.encode(some).tolist()
            self.memory.vector_store.insert(vectors=vectors, payloads=payloads, ids=ids)
        collection.storage.storage.execute("PRAGMA synchronous = FULL")

    def add(self, text: str) -> None:
        self.memory.add(text, user_id=USER, infer=False)

    def search(self, question: str) -> int:
        found = self.memory.search(question, top_k=10, filters={"user_id": USER}, threshold=0.0)
        return len(found["results"])

    def close(self) -> None:
        self.memory.vector_store.client.close()


def filled(folder: Path, texts: list[str]) -> Path:
    """A folder with a store of these texts, and their vectors beside it."""
    path = folder / STORE
    store = open_store(path)
    records = [Record.new(text, Scope(user_id=USER)) for text in texts]
    for start in range(0, len(records), 1000):
        store.restore([Entry(record) for record in records[start : start + 1000]])
    store.close()
    with open_retrieval(str(path), encoder=ENCODER) as memory:
        memory.catch_up()
        for home in memory.homes:
            if isinstance(home, PassagesHome):
                home.tenant(USER).bank.wait_for_index()
    return folder


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started)


def measured(count: int, operations: int, folder: Path) -> list[list[str]]:
    texts = Texts(count, operations)
    own = filled(folder / f"http-{count}", texts.stored)
    copy = shutil.copytree(own, folder / f"library-{count}")
    systems: dict[str, Any] = {}
    with ExitStack() as stack:  # a server must not outlive what failed beside it
        for name, opened in (
            ("memgraft serve", lambda: Http(own / STORE)),
            ("memgraft library", lambda: Library(copy / STORE)),
            ("mem0 in process", lambda: Mem0(folder / f"mem0-{count}", texts.stored)),
        ):
            systems[name] = opened()
            stack.callback(systems[name].close)
        figures = in_turns(systems, texts, FEWER.get(count, operations))
    peer = figures["mem0 in process"]
    return [
        [f"{count:,}", name, *(cell for kind in ("add", "search")
                              for cell in cells(found[kind], peer[kind]))]
        for name, found in figures.items()
    ]  # fmt: skip


def in_turns(
    systems: dict[str, Any], texts: Texts, fewer: int
) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of each operation, by system and kind; of mem0 only the first so many."""
    figures: dict[str, dict[str, list[float]]] = {
        name: {"search": [], "add": []} for name in systems
    }
    for turn, (question, text) in enumerate(zip(texts.questions, texts.new, strict=True)):
        for name, system in systems.items():
            if name.startswith("mem0") and turn >= fewer:
                continue
            figures[name]["search"].append(timed(lambda s=system, q=question: s.search(q)))
            figures[name]["add"].append(timed(lambda s=system, t=text: s.add(t)))
    return figures


def cells(own: list[float], peer: list[float]) -> tuple[str, ...]:
    middle, slow = np.percentile(own[1:], [50, 95])
    ratio = np.median(peer[1:]) / middle
    return f"{own[0]:,.0f}", f"{middle:.1f}", f"{slow:.1f}", f"{ratio:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--operations", type=int, default=200)
    arguments = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder, Bars() as bars:
        for number, count in enumerate(arguments.count):
            bars("service", number, len(arguments.count))
            table = Table(title=f"service, {arguments.operations} operations each, one client")
            for column in COLUMNS:
                table.add_column(column, justify="right")
            for row in measured(count, arguments.operations, Path(folder)):
                table.add_row(*row)
            # At once: the largest takes long.
            console.print(table)
        bars("service", len(arguments.count), len(arguments.count))


if __name__ == "__main__":
    main()
