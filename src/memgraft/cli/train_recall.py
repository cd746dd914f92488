"""`memgraft train recall`: what memories recall beyond the window, learned from scratch."""

from __future__ import annotations

import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli.progress import Bars, prepare_libraries


def recall(
    out: Annotated[Path, typer.Option(help="Folder of a run each, and of the report.")],
    tasks: Annotated[
        str, typer.Option("--tasks", "--task", help="Of mqar, forgetting, hops_cot, hops.")
    ] = "mqar,forgetting,hops_cot",
    models: Annotated[
        str, typer.Option("--models", "--model", help="Of linear, mlp, window, full.")
    ] = "linear,mlp,window,full",
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="Such as 1,2,3.")] = "1,2,3",
    steps: Annotated[
        int | None, typer.Option(help="Of training; by default what the task takes.", min=1)
    ] = None,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 3e-3,
    batch: Annotated[int, typer.Option("--batch-size", help="Sequences per step.", min=1)] = 64,
    asked: Annotated[int, typer.Option(help="Sequences per figure.", min=1)] = 128,
    report: Annotated[
        bool, typer.Option(help="Write the report; --no-report where several share the work.")
    ] = True,
) -> None:
    """Train small models on associative recall and measure them over distance.

    Each is a run of its own, resumed where it was stopped and not repeated once it is done.
    """
    prepare_libraries()
    from memgraft.evals.plots import check_matplotlib
    from memgraft.evals.recall_report import write_recall_report
    from memgraft.train.loop import LoopConfig
    from memgraft.train.recall import RecallTraining
    from memgraft.train.recall import recall as run
    from memgraft.train.recall_models import RecallSizes
    from memgraft.train.recall_tasks import TASKS

    if report:
        check_matplotlib()
    runs = [
        RecallTraining(task=task, model=model, seed=seed, batch=batch, asked=asked)
        for seed, task, model in product(_numbers(seeds), _names(tasks), _names(models))
    ]
    results = []
    with Bars() as bars:
        for one in runs:
            count = steps or TASKS[one.task].steps
            loop = LoopConfig(
                steps=count, lr=lr, decay=max(1, 2 * count // 5), seed=one.seed, measure_every=count
            )
            progress = partial(_told, bars, one.name)
            results.append(run(one, loop, RecallSizes(), out, progress))
    if report:
        write_recall_report(out, results, " ".join(["memgraft", *sys.argv[1:]]))
        print(out / "report.md")


def _told(bars: Bars, run: str, name: str, done: int, total: int, note: str) -> None:
    """Progress, by the name of the run."""
    bars(run, done, total, note)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    from memgraft.core.errors import InvalidInput

    try:
        return [int(number) for number in _names(text)]
    except ValueError as error:
        raise InvalidInput("--seeds cannot be read", expected="such as 1,2,3", got=text) from error
