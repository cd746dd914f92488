"""Learning curves of the router: what more facts, more steps and more relations give.

    python benchmarks/router_curve.py [--facts 500 ... 16000] [--steps 25 ... 600]
        [--relations 56 ... 224] [--seeds 3] [--csv FILE] [--plot FILE]

Trains the two projections of `memgraft train router` again and again on parts of one pool of
generated facts, which is embedded once (in bfloat16). A seed chooses the part and the batches. The
curve over facts has the shipped steps, that over steps the shipped facts, that over relations a
thousand facts and the shipped steps. One more point has the most facts and the most steps.

Two kinds of figures. Of 500 held-out facts of each split of the generator, and of 500 that were
trained on: how often the right one is nearest. Of hand-written facts (`--rows`), in stacks of 65,
by the router's score with its literal rules, at the threshold where 1.5% of the prompts of
`--unrelated` open the gate: how often the right fact is awake for its question and its paraphrase,
and how often anything is for its near neighbour. With no steps it is the encoder's own cosine.

About seven minutes of one core, half of them for embedding 16,000 facts.
"""

from __future__ import annotations

import argparse
import copy
import csv
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput
from memgraft.data.facts import facts
from memgraft.evals.plots import check_matplotlib
from memgraft.evals.rows import FactRow, load_rows
from memgraft.injection.projection import Projection, shipped_projection
from memgraft.injection.router import PENALTIES, REQUEST_PENALTY, fact_key
from memgraft.injection.written import rounded
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.minilm import MiniLM
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions
from memgraft.text.request import asks_to_make
from memgraft.train.loop import LoopConfig, train
from memgraft.train.projection import HELD_OUT, ProjectionTask, ProjectionTraining

DATA = Path(__file__).parents[1] / "tests" / "data"
# How the projections that ship were trained.
SHIPPED_FACTS, SHIPPED_STEPS, RATE = 8000, 150, 1e-3
# Facts of the curve over relations: as many as a few relations have.
SPREAD = 1000
STACK = 65
OPEN = 0.015  # share of the unrelated prompts that may open the gate
OWN = ("question", "paraphrase")  # prompts that a fact answers
GENERATED = ("trained on", *(f"unseen {split}" for split in HELD_OUT))
WRITTEN = (*OWN, "neighbours open")
FIGURES = (*GENERATED, *WRITTEN)
# A text is embedded once, in blocks of so many, for the bar's sake.
BLOCK = 4096


@dataclass(frozen=True)
class Run:
    """What one projection was trained on; with no steps, the encoder's cosine."""

    facts: int
    relations: int
    steps: int
    seed: int


Measured = tuple[Run, dict[str, float]]
Scores = dict[str, np.ndarray]  # per kind of prompt (prompts, facts)


def main() -> None:
    arguments = parsed()
    prepare_libraries()
    if arguments.plot:
        check_matplotlib()
    console = Console(width=170)
    with Bars() as bars:
        asked = HandWritten(
            load_rows(arguments.rows), arguments.unrelated.read_text("utf-8"), MiniLM(progress=bars)
        )
        console.print(gates(asked))
        pool = Pool(max(arguments.facts), arguments.measured, bars)
        runs = planned(arguments, len(set(pool.relations)))
        measured: list[Measured] = []
        for run in runs:
            projection, figures = pool.trained(run)
            measured.append((run, figures | asked.figures(projection)))
            bars("training", len(measured), len(runs))
            if arguments.csv:
                save(measured, arguments.csv)
    console.print(table(measured))
    console.print(f"{time.process_time() / 60:.1f} minutes of processor time")
    if arguments.plot:
        draw(measured, arguments.plot)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sizes = [500, 1000, 2000, 4000, 8000, 16_000]
    parser.add_argument("--facts", type=int, nargs="+", default=sizes)
    parser.add_argument("--steps", type=int, nargs="+", default=[25, 50, 100, 150, 300, 600])
    parser.add_argument("--relations", type=int, nargs="*", default=[56, 112, 224])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--measured", type=int, default=500, help="held-out facts per split")
    parser.add_argument("--rows", type=Path, default=DATA / "facts_dev.jsonl")
    parser.add_argument("--unrelated", type=Path, default=DATA / "unrelated_dev.txt")
    parser.add_argument("--csv", type=Path, help="the figures of every run")
    parser.add_argument("--plot", type=Path, help="a PNG of the curves; needs matplotlib")
    return parser.parse_args()


def planned(arguments: argparse.Namespace, every: int) -> list[Run]:
    """Every run once, though several curves may show it; the first curves first."""
    largest = max(arguments.facts)
    seeds = range(arguments.seeds)
    points = [
        *((size, every, SHIPPED_STEPS) for size in sorted(arguments.facts)),
        *((min(SHIPPED_FACTS, largest), every, steps) for steps in sorted(arguments.steps)),
        *((SPREAD, count, SHIPPED_STEPS) for count in sorted(arguments.relations)),
        (largest, every, max(arguments.steps)),
    ]
    runs = [Run(*point, seed) for point in points for seed in seeds]
    return list(dict.fromkeys([Run(0, every, 0, 0), *runs]))


class Watched(Encoder):
    """An encoder that tells how far it is."""

    def __init__(self, encoder: Encoder, progress: Callable[[str, int, int], None]) -> None:
        self.id, self.dimension = encoder.id, encoder.dimension
        self._encoder = encoder
        self._progress = progress

    def encode(self, texts: Sequence[str]) -> Vectors:
        # In order of length, as the encoder itself would take them: else half would be padding.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            vectors[block] = self._encoder.encode([texts[place] for place in block])
            self._progress(f"embedding {len(texts):,} texts", start + len(block), len(texts))
        return vectors


class Pool:
    """Facts of the generator, embedded; projections are trained on parts of them."""

    def __init__(self, size: int, measured: int, progress: Callable[[str, int, int], None]) -> None:
        config = ProjectionTraining(pool=size, measured=measured)
        self.task = ProjectionTask(Watched(MiniLM(half=True), progress), config)
        # The task keeps vectors alone, so the same facts are drawn once more for their relations.
        draw = random.Random(f"router-train-{config.seed}").getrandbits(40)
        told = (fact for fact in facts("train", draw) if fact.neighbours and questions(fact.text))
        self.relations = [fact.relation for fact in islice(told, size)]

    def trained(self, run: Run) -> tuple[Projection | None, dict[str, float]]:
        """The projections of a run, and how often the right fact is nearest."""
        places = self._places(run)
        task = self._part(places, run.seed)
        if run.steps:
            loop = LoopConfig(steps=run.steps, lr=RATE, decay=run.steps, seed=run.seed)
            with tempfile.TemporaryDirectory() as folder:
                found = train(task, loop, Path(folder))
        else:
            found = task.measure()
        figures = {f"unseen {split}": found[split] for split in HELD_OUT}
        seen = self.task._pools["train"][places[: self.task.config.measured]]
        figures["trained on"] = right_one(task.projection, seen)
        return task.projection if run.steps else None, figures

    def _places(self, run: Run) -> Tensor:
        """The facts of a run, in an order of its own: smaller runs of a seed are parts of larger
        ones."""
        names = sorted(set(self.relations))
        random.Random(f"relations-{run.seed}").shuffle(names)
        known = set(names[: run.relations])
        order = torch.randperm(
            len(self.relations), generator=torch.Generator().manual_seed(run.seed)
        )
        kept = [place for place in order.tolist() if self.relations[place] in known]
        if len(kept) < run.facts:
            raise InvalidInput(
                f"the pool has too few facts of {run.relations} relations",
                expected=f"{run.facts}",
                got=f"{len(kept)}",
                next_step="more --facts, more --relations or none",
            )
        return torch.tensor(kept[: run.facts or len(kept)])

    def _part(self, places: Tensor, seed: int) -> ProjectionTask:
        """The task from its beginning, with some of its training facts."""
        task = copy.copy(self.task)
        task.model = copy.deepcopy(self.task.model)
        task.projection, task.temperature = task.model.projection, task.model.temperature
        task.config = replace(self.task.config, pool=len(places), seed=seed)
        task._pools = {**self.task._pools, "train": self.task._pools["train"][places]}
        return task


@torch.no_grad()
def right_one(projection: Projection, rows: Tensor) -> float:
    """As `ProjectionTask.measure`: the share of first questions whose own fact is nearest."""
    scores = projection.asked(rows[:, 1]) @ projection.told(rows[:, 0]).T
    return float((scores.argmax(dim=1) == torch.arange(len(rows))).float().mean())


class HandWritten:
    """Facts that people wrote, in stacks, with what is asked about them."""

    def __init__(self, rows: list[FactRow], unrelated: str, encoder: Encoder) -> None:
        told = [row.fact for row in rows]
        self.shipped = shipped_projection(encoder)
        self.keys = np.stack([_key(encoder, fact) for fact in told])
        prompts = {
            "question": [row.question for row in rows],
            "paraphrase": [row.paraphrase for row in rows],
            "neighbours open": [row.neighbour or "" for row in rows],
            "unrelated": [line.strip() for line in unrelated.splitlines() if line.strip()],
        }
        self.asked = {kind: encoder.encode(texts) for kind, texts in prompts.items()}
        self.costs = {
            kind: np.array([[_cost(text, fact) for fact in told] for text in texts])
            for kind, texts in prompts.items()
        }
        self.stacks = [range(n, min(n + STACK, len(rows))) for n in range(0, len(rows), STACK)]

    def figures(self, projection: Projection | None) -> dict[str, float]:
        """Shares awake where few unrelated prompts open the gate, and the threshold for it."""
        scores = self.scores(projection)
        threshold = self.threshold(scores, "unrelated", OPEN)
        return {**self.awake(scores, threshold), "threshold": threshold}

    def scores(self, projection: Projection | None) -> Scores:
        """Of every prompt and fact, as the router has them; without projections, from cosines."""
        told = projection.tell(self.keys) if projection else self.keys
        told = np.stack([rounded(key) for key in told])
        return {
            kind: (projection.ask(asked) if projection else asked) @ told.T - self.costs[kind]
            for kind, asked in self.asked.items()
        }

    def threshold(self, scores: Scores, kind: str, share: float) -> float:
        """Where so many of these prompts open the gate."""
        return float(np.quantile(self._best(kind, scores[kind]), 1 - share))

    def awake(self, scores: Scores, threshold: float) -> dict[str, float]:
        """Shares of questions and paraphrases that wake their fact, of neighbours that wake any."""
        shares = {}
        for kind in WRITTEN:
            woken = self._best(kind, scores[kind]) >= threshold
            if kind in OWN:
                woken &= self._right(scores[kind])
            shares[kind] = float(woken.mean())
        return shares

    def _best(self, kind: str, scores: np.ndarray) -> np.ndarray:
        """The best score of each prompt; one that belongs to no fact is put to every stack."""
        if kind == "unrelated":
            return np.concatenate([scores[:, stack].max(axis=1) for stack in self.stacks])
        return np.concatenate([scores[stack][:, stack].max(axis=1) for stack in self.stacks])

    def _right(self, scores: np.ndarray) -> np.ndarray:
        """Whether the best of the stack is the fact that a prompt asks for."""
        blocks = [scores[stack][:, stack] for stack in self.stacks]
        return np.concatenate([one.argmax(axis=1) == np.arange(len(one)) for one in blocks])


def _key(encoder: Encoder, fact: str) -> Vectors:
    statements = encoder.encode([fact, to_second_person(fact)])
    return fact_key(statements, encoder.encode(questions(fact) or [fact]))


def _cost(prompt: str, fact: str) -> float:
    literal = sum(cost for cost, differs in PENALTIES if differs(prompt, fact))
    return literal + REQUEST_PENALTY * bool(asks_to_make(prompt))


def gates(asked: HandWritten) -> Table:
    """The projections that ship, and the cosine, at several gates."""
    shown = Table(title="hand-written facts at several gates")
    for column in ("projections", "gate", *WRITTEN):
        shown.add_column(column)
    for name, projection in (("shipped", asked.shipped), ("none", None)):
        scores = asked.scores(projection)
        for gate, threshold in (
            ("none: the right fact is the best", -np.inf),
            (f"{OPEN:.1%} of the unrelated open it", asked.threshold(scores, "unrelated", OPEN)),
            ("10% of the neighbours do", asked.threshold(scores, "neighbours open", 0.1)),
        ):
            shares = asked.awake(scores, threshold)
            shown.add_row(name, gate, *(f"{shares[kind]:.3f}" for kind in WRITTEN))
    return shown


def save(measured: Sequence[Measured], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*asdict(measured[0][0]), *FIGURES, "threshold"])
        for run, figures in measured:
            shares = [f"{figures[name]:.4f}" for name in (*FIGURES, "threshold")]
            writer.writerow([*asdict(run).values(), *shares])


def points(measured: Sequence[Measured]) -> dict[Run, np.ndarray]:
    """The figures of all seeds, under the first: (seeds, figures)."""
    found: dict[Run, list[list[float]]] = {}
    for run, figures in measured:
        found.setdefault(replace(run, seed=0), []).append([figures[name] for name in FIGURES])
    return {run: np.array(rows) for run, rows in found.items()}


def curves(measured: Sequence[Measured]) -> dict[str, tuple[list[int], np.ndarray]]:
    """Per curve its places and the figures there: (places, seeds, figures)."""
    every = max(run.relations for run, _ in measured)
    usual = {"facts": SHIPPED_FACTS, "relations": every, "steps": SHIPPED_STEPS}
    found = {}
    for name, fixed in (
        ("facts", usual),
        ("steps", usual),
        ("relations", usual | {"facts": SPREAD}),
    ):
        along = {
            getattr(run, name): rows
            for run, rows in points(measured).items()
            if all(getattr(run, other) == fixed[other] for other in usual if other != name)
        }
        if len(along) > 1:
            places = sorted(along)
            found[name] = places, np.stack([along[place] for place in places])
    return found


def table(measured: Sequence[Measured]) -> Table:
    """Means over seeds ± deviations, and for each curve the gain of a doubling."""
    shown = Table(title="the router's learning curves")
    for column in ("facts", "relations", "steps", *FIGURES):
        shown.add_column(column, justify="right")
    for run, rows in points(measured).items():
        means, spread = rows.mean(axis=0), rows.std(axis=0, ddof=len(rows) > 1)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(means, spread, strict=True)]
        shown.add_row(*(f"{n:,}" for n in (run.facts, run.relations, run.steps)), *cells)
    for name, (places, rows) in curves(measured).items():
        gains = np.polyfit(np.log2(places), rows.mean(axis=1), 1)[0]
        shown.add_row(f"twice the {name}", "", "", *(f"{gain:+.3f}" for gain in gains))
    return shown


def draw(measured: Sequence[Measured], path: Path) -> None:
    from matplotlib.figure import Figure

    found = curves(measured)
    if not found:
        return
    figure = Figure(figsize=(3.6 * len(found) + 1.6, 3.8), layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axes, (name, (places, rows)) in zip(panels, found.items(), strict=True):
        for place, label in enumerate(FIGURES):
            each = rows[:, :, place]
            style = "--" if label in WRITTEN else "-"
            (line,) = axes.plot(places, each.mean(axis=1), style, marker="o", ms=3, label=label)
            axes.fill_between(
                places, each.min(axis=1), each.max(axis=1), color=line.get_color(), alpha=0.15
            )
        axes.set(xscale="log", xlabel=name, ylim=(0, 1.02))
        axes.set_xticks(places, [f"{place:,}" for place in places], fontsize=7)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share")
    panels[-1].legend(fontsize=7, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
