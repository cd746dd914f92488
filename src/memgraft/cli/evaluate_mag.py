"""`memgraft eval needle | hash-hop | dependency | code-completion`: memory branches over lengths
and depths."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

Value = TypeVar("Value")

Model = Annotated[
    str | None,
    typer.Option(
        "--model", "--base",
        help="A patched model's folder; or the base, by default the one that the branch is for.",
        metavar="MODEL",
    ),
]  # fmt: skip
Branch = Annotated[
    Path | None,
    typer.Option(
        "--branch", "--checkpoint", help="Memory branches: a folder, its file, or one that ships."
    ),
]
Window = Annotated[
    int | None, typer.Option(help="Tokens that attention sees, if not as trained.", min=2)
]
Lengths = Annotated[
    str,
    typer.Option(
        "--lengths", "--context-lengths", "--context_lengths",
        help="Tokens, target included: 1024, or several, 1024,2048; 4k is 4096.",
    ),
]  # fmt: skip
Depths = Annotated[
    str, typer.Option(help="Where the needle lies: 0 to 1, or several, 0,0.5,1; or any.")
]
Samples = Annotated[
    int, typer.Option("--samples", "--num-samples", "--num_samples", help="Per cell.", min=1)
]
Mode = Annotated[
    str,
    typer.Option(
        "--mode",
        "--memory",
        help="on, off, write-disabled, full (the base, no window); or several.",
    ),
]
Scoring = Annotated[str, typer.Option(help="decode, teacher-forced, or both.")]
Segment = Annotated[int, typer.Option(help="Tokens that are read at once.", min=1)]
Batch = Annotated[int, typer.Option(help="Samples that are read at once.", min=1)]
Dtype = Annotated[str, typer.Option(help="Of the weights: float32 or bfloat16.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, ...")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same samples.")]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", "--out",
        help="Folder for a report with plots; run again to go on.", metavar="DIR",
    ),
]  # fmt: skip
Hops = Annotated[str, typer.Option(help="Lines from the start to the answer, or several.")]

LENGTHS, DEPTHS, ANY = "1024,2048,4096", "0,0.25,0.5,0.75,1", "any"
MODES, SCORING = "on,off,write-disabled", "decode,teacher-forced"


def needle(
    values: Annotated[
        str, typer.Option(help="Kinds of value: number, word, code; or several.")
    ] = "number",
    wordings: Annotated[
        str, typer.Option(help="How facts are told: magic, secret, register, belongs; or several.")
    ] = "magic",
    form: Annotated[
        str, typer.Option(help="The end is to continue the fact's sentence, or a question.")
    ] = "continue",
    distractors: Annotated[int, typer.Option(help="Facts about other names.", min=0)] = 0,
    split: Annotated[str, typer.Option(help="test: names, values, prose held out; or train.")] = (
        "test"
    ),
) -> Config:
    """A fact in prose, asked for at the end: recall over lengths and depths."""
    from memgraft.data.needle import NeedleConfig

    return NeedleConfig(
        values=_listed("--values", values, str),
        wordings=_listed("--wordings", wordings, str),
        form=form,
        distractors=distractors,
        split=split,
    )


def hash_hop(
    hops: Hops = "2",
    style: Annotated[str, typer.Option(help="magic or agents.")] = "magic",
    cot: Annotated[bool, typer.Option("--cot", help="The target tells the way.")] = False,
    length: Annotated[int, typer.Option(help="Letters per hash.", min=1)] = 16,
) -> Config:
    """Chains of random strings to follow: recall over lengths and depths."""
    from memgraft.data.hash_hop import HashHopConfig

    return HashHopConfig(hops=_listed("--hops", hops, int), style=style, cot=cot, length=length)


def dependency(
    hops: Hops = "3",
    style: Annotated[str, typer.Option(help="components or variables.")] = "components",
    cot: Annotated[bool, typer.Option("--cot", help="The target tells the way.")] = False,
    branches: Annotated[int, typer.Option(help="Lines that lead into each chain.", min=0)] = 1,
) -> Config:
    """What something rests on in the end: recall over lengths and depths."""
    from memgraft.data.dependency import DependencyConfig

    return DependencyConfig(
        hops=_listed("--hops", hops, int), style=style, cot=cot, branches=branches
    )


def code_completion(
    repository: Annotated[
        Path | None,
        typer.Option(help="A folder of Python files; made-up functions without.", metavar="DIR"),
    ] = None,
    ask: Annotated[str, typer.Option(help="For the function's name, or its source.")] = "name",
) -> Config:
    """A function that was read before, by its description: recall over lengths and depths."""
    from memgraft.data.code_retrieval import CodeRetrievalConfig

    return CodeRetrievalConfig(ask=ask, repository=str(repository) if repository else None)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for task, depths in (
        (needle, DEPTHS),
        (hash_hop, ANY),
        (dependency, ANY),
        (code_completion, DEPTHS),
    ):
        app.command(task.__name__.replace("_", "-"))(_on_grid(task, depths))


def _on_grid(task: Callable[..., Config], depths: str) -> Callable[..., None]:
    """A command that takes a task's own options among those of `_run`."""
    own = signature(task, eval_str=True).parameters
    _, *shared = signature(_run, eval_str=True).parameters.values()
    shared = [one.replace(default=depths) if one.name == "depths" else one for one in shared]
    middle = [one.name for one in shared].index("scoring")

    def command(**given: Any) -> None:
        config = task(**{name: given.pop(name) for name in own})
        _run(config, **given)

    command.__doc__ = task.__doc__
    # What typer makes the options of.
    among = Signature([*shared[:middle], *own.values(), *shared[middle:]])
    command.__signature__ = among  # type: ignore[attr-defined]
    return command


def _run(
    config: Any,
    model: Model = None,
    branch: Branch = None,
    window: Window = None,
    lengths: Lengths = LENGTHS,
    depths: Depths = DEPTHS,
    samples: Samples = 4,
    mode: Mode = MODES,
    scoring: Scoring = SCORING,
    segment: Segment = 512,
    batch: Batch = 4,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    seed: Seed = 0,
    report: Report = None,
    as_json: options.Json = False,
) -> None:
    """Measure a task, and tell of it."""
    prepare_libraries()
    from memgraft import __version__
    from memgraft.evals.mag_grid import Cells, GridConfig, evaluate
    from memgraft.evals.mag_report import write_grid_report
    from memgraft.evals.mag_subject import check_modes, open_subject
    from memgraft.evals.mag_tasks import GridTask
    from memgraft.evals.plots import check_matplotlib

    grid = GridConfig(
        lengths=_listed("--lengths", lengths, _tokens),
        depths=_listed("--depths", depths, _depth),
        samples=samples,
        modes=_listed("--mode", mode, str),
        scoring=_listed("--scoring", scoring, str),
        segment=segment,
        batch=batch,
    )
    check_modes(grid.modes, window)
    if report:
        check_matplotlib()
    task = GridTask(config, seed)
    with Bars() as bars:
        opened = open_subject(model, branch, window, dtype, device, bars)
        settings = {
            "version": __version__,
            # Its docstrings are the prose around needles.
            "python": ".".join(map(str, sys.version_info[:2])),
            "subject": opened.fingerprint,
            "dtype": dtype,
            "samples": grid.samples,
            "scoring": sorted(grid.scoring),
            **task.to_dict(),
        }
        cells = evaluate(opened, task, grid, Cells(report, settings), bars)
    if report:
        command = shlex.join(["memgraft", *sys.argv[1:]])
        write_grid_report(
            report, cells, grid, command=command, about=opened.about, task=task.to_dict()
        )
    if as_json:
        for cell in cells:
            print(json.dumps(cell, ensure_ascii=False))
    else:
        _table(cells, grid.scores)


def _table(cells: Sequence[dict[str, Any]], scores: Sequence[str]) -> None:
    """A line per length, depth and mode."""
    from rich.console import Console
    from rich.table import Table

    from memgraft.evals.mag_report import summary_rows

    console = Console()
    table = Table(title="by length, mean over depths")
    head, *lines = summary_rows(cells, scores)
    for name in head:
        table.add_column(name, justify="left" if name == "mode" else "right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _tokens(text: str) -> int:
    """A length such as 4096 or 4k."""
    return int(text[:-1]) * 1024 if text.endswith("k") else int(text)


def _depth(text: str) -> float | None:
    return None if text == "any" else float(text)


def _listed(name: str, text: str, parsed: Callable[[str], Value]) -> tuple[Value, ...]:
    """Values with commas between them, one or more."""
    try:
        values = tuple(parsed(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InvalidInput(
            f"{name} cannot be read", expected="a value, or several such as 1,2", got=text
        ) from error
    if not values:
        raise InvalidInput(f"{name} is empty", expected="a value, or several such as 1,2")
    return values
