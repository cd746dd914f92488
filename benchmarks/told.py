"""Facts told to a memory branch, one at a time to an empty state, and asked for anew.

    python benchmarks/told.py [--facts tests/data/facts_final.jsonl] [--count 60] [--branch NAME]

What `memgraft eval injection --home mag --stack 1` measures of them, without its three hundred
unrelated prompts, in bfloat16: minutes instead of most of an hour.
"""

from __future__ import annotations

import argparse
import random
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.evals import systems
from memgraft.evals.rows import load_rows
from memgraft.evals.scoring import contains
from memgraft.host.precision import to_half
from memgraft.open import branched_host

SEED, TOKENS = 5, 28


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=Path, default=Path("tests/data/facts_final.jsonl"))
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--branch")
    arguments = parser.parse_args()
    prepare_libraries()
    rows = load_rows(arguments.facts)
    random.Random(SEED).shuffle(rows)
    rows = rows[: arguments.count]
    hits: dict[str, list[bool]] = {"question": [], "paraphrase": [], "near, without it": []}
    with Bars() as bars:
        host = branched_host(branch=arguments.branch, progress=bars)
        to_half(host.model)
        opener = systems.mag(host)
        for done, row in enumerate(rows, 1):
            with TemporaryDirectory() as folder, closing(opener.open(Path(folder))) as system:
                system.write(row.fact)
                for kind, asked in (("question", row.question), ("paraphrase", row.paraphrase)):
                    hits[kind].append(contains(system.answer(asked, TOKENS), row.answer))
                if row.neighbour:
                    reply = system.answer(row.neighbour, TOKENS)
                    hits["near, without it"].append(not contains(reply, row.answer))
            bars("facts", done, len(rows))
    table = Table(title=f"{len(rows)} facts, one at a time", width=70)
    for kind in hits:
        table.add_column(kind, justify="right")
    table.add_row(*(f"{sum(found) / max(1, len(found)):.3f}" for found in hits.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
