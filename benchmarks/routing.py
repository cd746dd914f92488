"""Milliseconds that the router takes to rank many facts, beyond embedding the question, and the
memory that the process takes.

    python benchmarks/routing.py [--facts 100 1000 10000] [--questions 200]

Facts come from the generator and are spread over as many users as `--users` says; their changes
are left out, since routing does not read them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from itertools import islice

from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.scope import Scope
from memgraft.data.facts import Fact, facts
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.router import Router, shipped_router
from memgraft.injection.written import WrittenFact, rounded
from memgraft.text.encoder import Encoder
from memgraft.text.minilm import MiniLM
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--users", type=int, default=1)
    arguments = parser.parse_args()
    prepare_libraries()
    table = Table(title=f"routing over the facts of {arguments.users} user(s), median")
    for column in ("facts", "ms beyond embedding", "ms embedding", "MiB resident"):
        table.add_column(column, justify="right")
    with Bars() as bars:
        encoder = MiniLM(progress=bars)
        router = shipped_router(encoder)
        told: list[Fact] = []
        source = facts("train", 0)
        for count in sorted(arguments.facts):
            while len(told) < count:
                batch = list(islice(source, min(500, count - len(told))))
                fill(router, batch, len(told), arguments.users)
                told += batch
                bars("filling", len(told), max(arguments.facts))
            table.add_row(f"{count:,}", *measured(router, encoder, told, arguments))
    Console().print(table)


def fill(router: Router, batch: list[Fact], first: int, users: int) -> None:
    for number, fact in enumerate(batch, start=first):
        key = router.key_for(fact.text, to_second_person(fact.text), questions(fact.text)[:2])
        router.put(
            WrittenFact(
                record_id=str(number),
                version=1,
                text=fact.text,
                scope=Scope(user_id=str(number % users)),
                key=rounded(key),
                checked=True,
                delta=LowRankDelta(()),
            )
        )


def measured(
    router: Router, encoder: Encoder, told: list[Fact], arguments: argparse.Namespace
) -> list[str]:
    """The cells of a row."""
    routing, embedding = [], []
    step = max(1, len(told) // arguments.questions)
    for number in range(0, len(told), step):
        asked = told[number].questions[0].text
        scope = Scope(user_id=str(number % arguments.users))
        started = time.perf_counter()
        encoder.encode([asked])
        between = time.perf_counter()
        router.rank(asked, scope, 5)
        ended = time.perf_counter()
        embedding.append(between - started)
        routing.append((ended - between) - (between - started))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        f"{1e3 * statistics.median(routing):.2f}",
        f"{1e3 * statistics.median(embedding):.2f}",
        f"{resident:,.0f}",
    ]


if __name__ == "__main__":
    main()
