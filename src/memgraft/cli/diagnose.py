"""`memgraft diagnose`: what happens inside a model with a memory."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memgraft.cli import options
from memgraft.cli.evaluate_mag import Branch, Device, Dtype, Model, Seed, Window
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput

if TYPE_CHECKING:
    from memgraft.evals.mag_diagnosis import Text
    from memgraft.evals.mag_subject import Subject

DEFAULT_TASK, DEFAULT_TOKENS, DEFAULT_DEPTH, DEFAULT_SAMPLES = "needle", 2048, 0.5, 3

app = typer.Typer(help="Look inside a memory.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Look inside a memory."""


@app.command()
def mag(
    model: Model = None,
    branch: Branch = None,
    window: Window = None,
    text: Annotated[
        Path | None, typer.Option(help="A text to read instead of a task's.", metavar="FILE")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="needle (by default), hash-hop, dependency or code-completion."),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(help="Of a text; of --text the first so many, all by default.", min=2),
    ] = None,
    depth: Annotated[
        float | None, typer.Option(help="Where the needle lies, 0 to 1; 0.5 by default.")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Of the task; 3 by default.", min=1)] = None,
    segment: Annotated[
        int, typer.Option(help="Tokens that are read at once; the state is looked at after.", min=1)
    ] = 256,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    seed: Seed = 0,
    report: Annotated[
        Path | None,
        typer.Option("--report", "--out", help="Folder for a report with plots.", metavar="DIR"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Gates, writes, state, surprise and recall of memory branches over a text."""
    prepare_libraries()
    from memgraft.evals.mag_diagnosis import diagnose, means
    from memgraft.evals.mag_diagnosis_report import layer_rows, prediction, write_diagnosis
    from memgraft.evals.mag_subject import open_subject
    from memgraft.evals.plots import check_matplotlib

    if text and (task or depth is not None or samples is not None):
        raise InvalidInput(
            "a text of your own and a task's were asked for",
            expected="--text, or --task with --depth and --samples",
            got=f"--text {text} and options of a task",
        )
    if report:
        check_matplotlib()
    with Bars() as bars:
        subject = open_subject(model, branch, window, dtype, device, bars)
        subject.require("on")
        if text:
            texts, source = [_own(subject, text, tokens)], str(text)
        else:
            name = task or DEFAULT_TASK
            where = DEFAULT_DEPTH if depth is None else depth
            count, size = samples or DEFAULT_SAMPLES, tokens or DEFAULT_TOKENS
            texts = _of_task(subject, name, size, where, count, seed)
            source = f"task {name}, needle at {where:g}, seed {seed}"
        made = diagnose(subject, texts, segment, bars)
    if report:
        command = shlex.join(["memgraft", *sys.argv[1:]])
        decode = subject.tokenizer.decode
        write_diagnosis(
            report,
            made,
            lambda token: str(decode([token])),
            command=command,
            about=subject.about,
            source=source,
        )
    figures, layers = means(made)
    if as_json:
        print(json.dumps({"texts": figures, "layers": layers}))
        return
    from rich.console import Console
    from rich.table import Table

    # Without lines between them, all columns fit into a narrow terminal.
    table = Table.grid(padding=(0, 0, 0, 1))
    rows = layer_rows(layers)
    for _ in rows[0]:
        table.add_column(justify="right")
    for line in rows:
        table.add_row(*line)
    Console().print(table)
    print(prediction(figures))


def _own(subject: Subject, path: Path, tokens: int | None) -> Text:
    from memgraft.evals.mag_diagnosis import Text

    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}", expected="a text", got=str(error)) from error
    return Text(subject.tokenizer(content, add_special_tokens=False).input_ids[:tokens])


def _of_task(
    subject: Subject, name: str, tokens: int, depth: float, samples: int, seed: int
) -> list[Text]:
    from memgraft.data.code_retrieval import CodeRetrievalConfig
    from memgraft.data.dependency import DependencyConfig
    from memgraft.data.hash_hop import HashHopConfig
    from memgraft.data.needle import NeedleConfig
    from memgraft.evals.mag_diagnosis import text_of
    from memgraft.evals.mag_tasks import GridTask

    configs = {
        "needle": NeedleConfig(split="test"),
        "hash-hop": HashHopConfig(),
        "dependency": DependencyConfig(),
        "code-completion": CodeRetrievalConfig(),
    }
    if name not in configs:
        raise InvalidInput(f"no task is called {name!r}", expected=", ".join(configs), got=name)
    made = GridTask(configs[name], seed).samples(subject.tokenizer, tokens, depth, samples)
    return [text_of(sample, subject.tokenizer) for sample in made]
