"""Search and writing of a slot memory beyond embedding: latency, throughput, recall, memory.

    python benchmarks/retrieval.py [--count 20000 100000] [--questions 500] [--cache FILE]
    python benchmarks/retrieval.py --count 1000000 --questions 200 --encoder static

Texts are generated facts, each once, with MiniLM's vectors in bfloat16 (their order of nearness is
what decides on the recall of the index); `--cache` keeps the vectors, since embedding 100,000 texts
takes a quarter of an hour on a core. A million are embedded by `--encoder static` in a minute.
Without episodes, as records are written one by one. A product of the query with all vectors by
numpy, timed in between, says how busy the machine is.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.data.facts import Fact, facts
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder
from memgraft.text.minilm import MiniLM
from memgraft.text.open import open_encoder
from remembered import Remembered

NOW = 1_767_225_600.0
# Memories of earlier rows, which would otherwise give back what the next one takes.
_KEPT: list[SlotMemory] = []
COLUMNS = (
    "records", "adds/s", "search p50 ms", "p95", "matmul ms", "p50 / matmul", "index s",
    "recall@10 of exact", "bytes a record",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--encoder", help="by default MiniLM in bfloat16")
    arguments = parser.parse_args()
    prepare_libraries()
    table = Table(title=f"slot memory, {arguments.questions} questions")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    with Bars() as bars:
        inner = (
            open_encoder(arguments.encoder)
            if arguments.encoder
            else MiniLM(progress=bars, half=True)
        )
        encoder = Remembered(inner, arguments.cache)
        known = distinct(max(arguments.count), bars)
        asked = [fact.questions[0].text for fact in known[: arguments.questions]]
        embed(encoder, asked + [fact.text for fact in known], bars)
        for count in sorted(arguments.count):
            table.add_row(*measured(encoder, [fact.text for fact in known[:count]], asked))
    Console().print(table)


def distinct(count: int, bars: Bars) -> list[Fact]:
    """Facts whose texts differ."""
    found: dict[str, Fact] = {}
    source = facts("train", 11)
    while len(found) < count:
        for fact in islice(source, 1000):
            if len(found) < count:
                found.setdefault(fact.text, fact)
        bars("generating", len(found), count)
    return list(found.values())


def embed(encoder: Remembered, texts: Sequence[str], bars: Bars) -> None:
    for start in range(0, len(texts), 1000):
        encoder.encode(texts[start : start + 1000])
        bars("embedding", min(start + 1000, len(texts)), len(texts))
    encoder.save()


def measured(encoder: Encoder, texts: list[str], asked: list[str]) -> list[str]:
    """The cells of a row."""
    vectors = encoder.encode(texts)
    before = resident()
    memory = SlotMemory(encoder)
    _KEPT.append(memory)
    started = time.perf_counter()
    for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        memory.place(Trace(str(number), text, time=NOW, written=NOW), vector)
    adding = time.perf_counter() - started
    started = time.perf_counter()
    memory.bank.wait_for_index()
    building = time.perf_counter() - started
    size = (resident() - before) / len(texts)
    queries = encoder.encode(asked)
    searching, multiplying = [], []
    for text, query in zip(asked, queries, strict=True):
        searching.append(
            seconds(lambda t=text, q=query: memory.search_vector(t, q, Asked(now=NOW)))
        )
        multiplying.append(seconds(lambda q=query: vectors @ q))
    p50, p95 = np.quantile(searching, [0.5, 0.95])
    matmul = float(np.median(multiplying))
    return [
        f"{len(texts):,}",
        f"{len(texts) / adding:,.0f}",
        f"{1e3 * p50:.2f}",
        f"{1e3 * p95:.2f}",
        f"{1e3 * matmul:.2f}",
        f"{p50 / matmul:.1f}",
        f"{building:.1f}",
        f"{agreement(memory, queries):.4f}",
        f"{size:,.0f}",
    ]


def agreement(memory: SlotMemory, queries: np.ndarray) -> float:
    """Share of the ten nearest by exact comparison that the bank finds among its first ten."""
    shares = []
    for query in queries:
        exact = np.argsort(-memory.bank.cosines(query), kind="stable")[:10]
        shares.append(np.isin(exact, memory.bank.nearest(query, 10)).mean())
    return float(np.mean(shares))


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def resident() -> int:
    """Bytes of memory that the process holds now."""
    gc.collect()
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    main()
