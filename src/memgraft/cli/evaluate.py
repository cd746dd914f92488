"""`memgraft eval`: measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput

if TYPE_CHECKING:
    from memgraft.host.load import Host
    from memgraft.injection.encoder import MemoryEncoder

app = typer.Typer(help="Measure a memory.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Measure a memory."""


@app.command()
def injection(
    facts: Annotated[Path, typer.Option(help="JSONL of fact, question, paraphrase, answer.")],
    stack: Annotated[int, typer.Option(help="Facts that are held at the same time.", min=1)] = 50,
    home: Annotated[
        str | None, typer.Option(help="weights, passages or none; all three if not given.")
    ] = None,
    writer: Annotated[
        str, typer.Option(help="encoder, closed-form, or a trained encoder's file.")
    ] = "closed-form",
    model: options.Model = options.DEFAULT_MODEL,
    limit: Annotated[int | None, typer.Option(help="Only the first so many facts.", min=1)] = None,
    misses: Annotated[bool, typer.Option(help="Also list the questions that failed.")] = False,
    as_json: options.Json = False,
) -> None:
    """Recall of told facts, by greedy generation, and what they change elsewhere."""
    prepare_libraries()
    from memgraft.evals.injection import HOMES, evaluate, load_rows
    from memgraft.host.load import load_host
    from memgraft.text.minilm import MiniLM

    if home is not None and home not in HOMES:
        raise InvalidInput(f"no home is called {home!r}", expected=" or ".join(HOMES), got=home)
    rows = load_rows(facts)[:limit]
    homes = [home] if home else (["weights"] if as_json else list(HOMES))
    with Bars() as bars:
        host, encoder = load_host(model, bars), MiniLM(progress=bars)
        writes = _memory_encoder(host, writer)
        figures = [evaluate(host, encoder, rows, name, stack, bars, writes) for name in homes]
    failed = [(result["home"], *miss.values()) for result in figures for miss in result["misses"]]
    if as_json:
        chosen = figures[0] if misses else {k: v for k, v in figures[0].items() if k != "misses"}
        print(json.dumps(chosen))
        return
    _table(figures)
    if misses:
        for name, question, due, reply in failed:
            print(f"{name}: {question}\n  due:   {due}\n  reply: {reply}")


def _memory_encoder(host: Host, writer: str) -> MemoryEncoder | None:
    """What `--writer` names; without a shipped encoder for the model, the closed form."""
    from memgraft.injection.pretrained import load_encoder, shipped_encoder

    if writer == "closed-form":
        return None
    if writer == "encoder":
        return shipped_encoder(host)
    if not Path(writer).is_file():
        raise InvalidInput(
            f"no writer is called {writer!r}", expected="encoder, closed-form, or a file"
        )
    return load_encoder(host, Path(writer))


def _table(figures: list[dict[str, Any]]) -> None:
    """Homes side by side."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{figures[0]['n']} facts, {figures[0]['stack']} at a time")
    table.add_column("")
    for result in figures:
        table.add_column(result["home"], justify="right")
    for name in figures[0]:
        if name not in ("home", "stack", "n", "misses"):
            table.add_row(name, *(_shown(name, result[name]) for result in figures))
    Console().print(table)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if name.endswith(("_p50", "_fact")) else f"{value:.3f}"
