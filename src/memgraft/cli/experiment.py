"""`memgraft experiment | plot`: what MemNet can do and what its parts earn, run again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

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
    first_seed: Annotated[
        int, typer.Option(help="The first of the seeds; the others follow it.", min=0)
    ] = 0,
    size: Annotated[int, typer.Option(help="Of all networks: 1, 2, 3, ...", min=1)] = 2,
    system: Annotated[
        list[str] | None,
        typer.Option(
            help="Run only these systems; what the folder holds of others is reported too.",
            metavar="SYSTEM",
        ),
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
    from memgraft.experiments.all import having, run
    from memgraft.experiments.events import check_tensorboard, write_events
    from memgraft.experiments.report import REPORT, write_report

    check_matplotlib()
    check_plotly()
    if tensorboard:
        check_tensorboard()
    torch.set_num_threads(threads)
    count = seeds or (QUICK_SEEDS if quick else SEEDS)
    chosen = having(EXPERIMENTS if name == "all" else (name,), system)
    with Bars() as bars:
        for one in chosen:
            folder = out / one
            results = run(one, folder / "runs", quick, count, size, system, bars, first_seed)
            write_report(one, results, folder, _command(one, quick, size, results))
            if tensorboard:
                write_events(folder / "runs", folder / "tensorboard")
            sys.stdout.write(f"{folder / REPORT}\n")


def _command(name: str, quick: bool, size: int, results: Sequence[Mapping[str, Any]]) -> str:
    """What makes these results, in one go."""
    from memgraft.experiments.all import KNOWN

    seeds = [row["seed"] for row in results]
    words = ["memgraft experiment", name, *(["--quick"] if quick else [])]
    words.append(f"--seeds {1 + max(seeds) - min(seeds)}")
    if min(seeds):
        words.append(f"--first-seed {min(seeds)}")
    if size != 2:
        words.append(f"--size {size}")
    there = dict.fromkeys(row["system"] for row in results)
    only = [] if set(there) == set(KNOWN[name].systems) else [f"--system {one}" for one in there]
    return " ".join([*words, *only, "--out DIR"])
