"""How well a dream tells restatements from near misses, what it costs, and whether it is undone.

    python benchmarks/dreaming.py [--records 5000] [--split relations] [--seed 2] [--cache FILE]

A fifth of the records restate others: slips of the pen, case, marks, contractions, word order,
asides, and other tellings of the same fact, in equal shares as far as each can be made. A sixth are
near misses: one value, subject, negation, relation or word differs. All are told on one day. The
split "relations" holds relations that the rules were not developed on.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.data.facts import as_split
from memgraft.retrieval.dreams import DreamPlan, apply, dream, undo
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.minilm import MiniLM
from remembered import Remembered
from restated import NEAR, RESTATED, Told, told

NOW, SPAN = 1_767_225_600.0, 36_000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--split", type=as_split, default="relations")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    prepare_libraries()
    texts = told(arguments.split, arguments.seed, arguments.records)
    with Bars() as bars:
        encoder = Remembered(MiniLM(progress=bars), arguments.cache)
        memory = SlotMemory(encoder)
        times = NOW - SPAN + np.arange(len(texts)) * SPAN / len(texts)
        for start in range(0, len(texts), 250):
            memory.add([
                Trace(str(n), texts[n].text, time=times[n], written=times[n])
                for n in range(start, min(len(texts), start + 250))
            ])  # fmt: skip
            bars("writing", start + 250, len(texts))
        asked = answerable(texts, arguments.questions)
        found = recalled(memory, texts, asked)
        before = state(memory)
        started = time.perf_counter()
        plan = dream(memory, now=NOW)
        seconds = time.perf_counter() - started
        unchanged = state(memory) == before
        report = apply(memory, plan)
        as_told = {rest.id: rest.representative for rest in report.rested} == dict(memory.asleep)
        after = recalled(memory, texts, asked)
        changes = len(report.rested) + len(report.linked) + len(report.replayed)
        reversed_ = undo(memory, report) == changes and state(memory) == before
    encoder.save()
    console = Console()
    console.print(by_kind(texts, plan))
    console.print(whole(texts, plan, seconds))
    console.print(
        f"recall@10 of {len(asked)} questions: {found:.3f} before, {after:.3f} after; planning "
        f"changed nothing: {unchanged}; the report is true: {as_told}; undone: {reversed_}"
    )
    for rest in wrong(texts, plan):
        console.print(f"wrong ({rest.reason}): {rest.text} | {rest.representative_text}")


def state(memory: SlotMemory) -> dict[str, bytes]:
    """Everything but the clock of the associations, which a dream advances."""
    arrays = {name: array.tobytes() for name, array in memory.arrays().items()}
    del arrays["associations.clock"]
    return arrays | {"asleep": repr(sorted(memory.asleep.items())).encode()}


def answerable(texts: list[Told], count: int) -> list[Told]:
    """Statements with a question, half of them with a restatement, as far as there are so many."""
    often = Counter(one.key for one in texts)
    first = [one for one in texts if one.question]
    again = [one for one in first if often[one.key] > 1][: count // 2]
    return again + [one for one in first if often[one.key] == 1][: count - len(again)]


def recalled(memory: SlotMemory, texts: list[Told], asked: list[Told]) -> float:
    """Share of the questions that some text of their statement is among the first ten for."""
    hits = 0
    for one in asked:
        found = memory.search(one.question, Asked(limit=10, now=NOW))
        hits += any(texts[int(hit.trace.id)].key == one.key for hit in found)
    return hits / len(asked)


def wrong(texts: list[Told], plan: DreamPlan) -> list:
    """Those that rest as duplicates of what they are none of."""
    merged = [rest for rest in plan.rests if rest.reason == "duplicate"]
    return [r for r in merged if texts[int(r.id)].key != texts[int(r.representative)].key]


def whole(texts: list[Told], plan: DreamPlan, seconds: float) -> Table:
    merged = [rest for rest in plan.rests if rest.reason == "duplicate"]
    clusters = Counter(one.key for one in texts)
    wanted = sum(size - 1 for size in clusters.values())
    literal = [one for one in texts if one.kind != "telling"]
    wanted_literal = sum(size - 1 for size in Counter(one.key for one in literal).values())
    right = len(merged) - len(wrong(texts, plan))
    told_otherwise = {str(n) for n, one in enumerate(texts) if one.kind == "telling"}
    right_literal = sum(
        not {rest.id, rest.representative} & told_otherwise
        and texts[int(rest.id)].key == texts[int(rest.representative)].key
        for rest in merged
    )
    table = Table(title=f"dream of {len(texts):,} records, {seconds:.1f} s")
    for column in (
        "merged",
        "precision",
        "recall",
        "recall but for tellings",
        "superseded",
        "links",
    ):
        table.add_column(column, justify="right")
    table.add_row(
        f"{len(merged):,}",
        f"{right / max(1, len(merged)):.3f}",
        f"{right / wanted:.3f}",
        f"{right_literal / wanted_literal:.3f}",
        str(len(plan.rests) - len(merged)),
        str(len(plan.links)),
    )
    return table


def by_kind(texts: list[Told], plan: DreamPlan) -> Table:
    """Of each kind, how many rest or are rested on by the right ones, and by wrong ones."""
    joined: dict[str, set[str]] = defaultdict(set)
    stars: dict[str, set[str]] = defaultdict(set)
    for rest in plan.rests:
        if rest.reason == "duplicate":
            stars[rest.representative] |= {rest.id, rest.representative}
    for members in stars.values():
        for member in members:
            joined[member] = members - {member}
    table = Table(title="by kind")
    for column in ("kind", "records", "with their own", "with others"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind in ("first", *RESTATED, *NEAR):
        own = [str(n) for n, one in enumerate(texts) if one.kind == kind]
        keys = [{texts[int(i)].key for i in joined[n]} for n in own]
        right = sum(texts[int(n)].key in held for n, held in zip(own, keys, strict=True))
        mixed = sum(bool(held - {texts[int(n)].key}) for n, held in zip(own, keys, strict=True))
        table.add_row(kind, str(len(own)), str(right), str(mixed))
    return table


if __name__ == "__main__":
    main()
