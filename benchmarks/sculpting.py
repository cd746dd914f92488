"""What sculpted writes earn: recall@1 of noised queries, with and without the gradient loop.

    python benchmarks/sculpting.py [--encoder char_transformer] [--facts 300] [--seeds 5]

Facts come from the generator's held-out phrasings, none of which answers another's questions. Each
is looked for by two of its questions, worded otherwise than the writer words its views, and by its
own text; all with slips of the pen and words left out, from seeds that the writer does not have.
The sizes of the loop were chosen on the training split (`--split train`).

A gain counts as real if it is more than twice its standard error over the seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.data.facts import as_split, facts, stack
from memgraft.retrieval.memory_transformer import WRITE_STEPS, MemoryTransformer
from memgraft.text.encoder import Encoder
from memgraft.text.noise import dropped, slipped
from memgraft.text.open import open_encoder
from remembered import Remembered

# Signals that decide: all of the preset, or the slots alone.
WAYS: Mapping[str, Mapping[str, float]] = {
    "all": {},
    "slots alone": {"words": 0.0, "overlap": 0.0, "context": 0.0},
}
# Questions of each fact, and seeds of their noise, far from those of the facts.
ASKED, NOISE = 2, 1_000_000

# (write steps, signals, kind of query)
Row = tuple[int, str, str]


@dataclass(frozen=True)
class Case:
    """Texts to write, and by kind the queries, each with the number of the text that it is of."""

    texts: list[str]
    queries: dict[str, list[tuple[str, int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="char_transformer")
    parser.add_argument("--weights", type=Path, help="of a char_transformer that does not ship")
    parser.add_argument("--facts", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, nargs="+", default=[0, WRITE_STEPS])
    parser.add_argument("--split", default="phrasing")
    arguments = parser.parse_args()
    prepare_libraries()
    scores: dict[Row, list[float]] = {}
    with Bars() as bars:
        encoder = Remembered(opened(arguments, bars))
        for seed in range(arguments.seeds):
            bars("measuring", seed, arguments.seeds)
            made = case(arguments.split, seed, arguments.facts)
            for count in sorted(set(arguments.steps)):
                for way in WAYS:
                    for kind, recall in recalls(encoder, made, count, way).items():
                        scores.setdefault((count, way, kind), []).append(recall)
    Console(width=110).print(table(arguments, scores))


def opened(arguments: argparse.Namespace, bars: Bars) -> Encoder:
    if arguments.weights is None:
        return open_encoder(arguments.encoder, progress=bars)
    from memgraft.text.characters import CharTransformer

    return CharTransformer(arguments.weights)


def case(split: str, seed: int, count: int) -> Case:
    """Facts of a seed and what they are looked for by; the same seed gives the same ones."""
    told = stack(facts(as_split(split), seed), count)
    rng = np.random.default_rng(NOISE + seed)
    queries: dict[str, list[tuple[str, int]]] = {"questions": [], "own text": []}
    for row, fact in enumerate(told):
        chosen = rng.permutation(len(fact.questions))[:ASKED]
        for text in [fact.questions[place].text for place in chosen]:
            queries["questions"].append((slipped(dropped(text, rng), rng), row))
        queries["own text"].append((slipped(dropped(fact.text, rng), rng), row))
    return Case([fact.text for fact in told], queries)


def recalls(encoder: Encoder, made: Case, write_steps: int, way: str) -> dict[str, float]:
    """recall@1 by kind of query."""
    model = MemoryTransformer(encoder=encoder, write_steps=write_steps, weights=WAYS[way])
    keys = model.add_memories(made.texts)
    found = {}
    for kind, queries in made.queries.items():
        encoder.encode([text for text, _ in queries])
        right = [
            model.query(text, top_k=1, learn=False)[0][1].key == keys[row] for text, row in queries
        ]
        found[kind] = float(np.mean(right))
    return found


def table(arguments: argparse.Namespace, scores: Mapping[Row, list[float]]) -> Table:
    title = (
        f"{arguments.weights or arguments.encoder}: recall@1 over {arguments.facts} facts "
        f"({arguments.split}), {arguments.seeds} seeds, in percent"
    )
    made = Table(title=title)
    for column in ("query", "signals", "steps", "recall@1", "sd", "gain", "2 se", "gain by seed"):
        made.add_column(column, justify="right")
    least = min(steps for steps, _, _ in scores)
    for (steps, way, kind), values in sorted(scores.items(), key=lambda row: row[0][:0:-1]):
        percent = 100 * np.array(values)
        gains = percent - 100 * np.array(scores[least, way, kind])
        cells = [kind, way, str(steps), f"{percent.mean():.1f}", f"{spread(percent):.1f}"]
        if steps != least:
            error = 2 * spread(gains) / len(gains) ** 0.5
            each = " ".join(f"{gain:+.1f}" for gain in gains)
            cells += [f"{gains.mean():+.1f}", f"{error:.1f}", each]
        made.add_row(*cells)
    return made


def spread(values: np.ndarray) -> float:
    """The standard deviation of the seeds."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
