"""`memgraft experiment | plot`: what MemNet can do and what its parts earn, run again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput

EXPERIMENTS = ("long-range", "continual", "forgetting")
QUICK_SEEDS, SEEDS = 1, 3


def experiment(
    name: Annotated[str, typer.Argument(help="long-range, continual, forgetting, or all.")],
    out: Annotated[Path, typer.Option(help="Folder for runs, results, report and figures.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Small: all three take minutes, not hours.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(help="How often, each with a seed; 3, quick 1.", min=1)
    ] = None,
    size: Annotated[int, typer.Option(help="Of all networks: 1, 2, 3, ...", min=1)] = 2,
    system: Annotated[
        list[str] | None, typer.Option(help="Only these systems.", metavar="SYSTEM")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write the training logs for TensorBoard too.")
    ] = False,
    threads: Annotated[
        int, typer.Option(help="Of the processor; the networks are small.", min=1)
    ] = 2,
) -> None:
    """Train MemNet and its baselines and compare them.

    Stopped, it goes on where it was when it is called again with the same folder.
    """
    if name not in (*EXPERIMENTS, "all"):
        raise InvalidInput(
            f"there is no experiment {name!r}", expected=", ".join((*EXPERIMENTS, "all"))
        )
    prepare_libraries()
    import torch

    from memgraft.evals.pictures_html import check_plotly
    from memgraft.evals.plots import check_matplotlib
    from memgraft.experiments.all import run
    from memgraft.experiments.events import check_tensorboard, write_events
    from memgraft.experiments.report import REPORT, write_report

    check_matplotlib()
    check_plotly()
    if tensorboard:
        check_tensorboard()
    torch.set_num_threads(threads)
    count = seeds or (QUICK_SEEDS if quick else SEEDS)
    with Bars() as bars:
        for one in EXPERIMENTS if name == "all" else (name,):
            folder = out / one
            results = run(one, folder / "runs", quick, count, size, system, bars)
            write_report(one, results, folder, _command(one, quick, count, size, system))
            if tensorboard:
                write_events(folder / "runs", folder / "tensorboard")
            sys.stdout.write(f"{folder / REPORT}\n")


def _command(name: str, quick: bool, seeds: int, size: int, systems: list[str] | None) -> str:
    words = ["memgraft experiment", name, *(["--quick"] if quick else []), f"--seeds {seeds}"]
    if size != 2:
        words.append(f"--size {size}")
    return " ".join([*words, *(f"--system {one}" for one in systems or ()), "--out DIR"])
