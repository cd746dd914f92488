"""`memgraft export`: records as JSON lines, or facts in weights that other programs load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli import options
from memgraft.cli.exchange import export_jsonl
from memgraft.cli.records import open_with_bars
from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope

FORMATS = ("peft", "merged", "jsonl")


def export(
    file: Annotated[
        Path | None, typer.Argument(help="What to write: a folder, or a file for jsonl.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The same, as an option.")] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="peft (an adapter), merged (a whole model), jsonl (records with their history).",
        ),
    ] = "peft",
    store: options.Store = None,
    tenant: options.Tenant = "",
    user: Annotated[
        str | None,
        typer.Option(help=f"Whose memories: {options.DEFAULT_USER}, or everybody's in jsonl."),
    ] = None,
    model: options.Model = options.DEFAULT_MODEL,
) -> None:
    """Write the facts in the weights, all of them awake, for peft or transformers; or the records.

    Records are read back by `memgraft import`.
    """
    if form not in FORMATS:
        raise InvalidInput(f"no format is called {form!r}", expected=" or ".join(FORMATS))
    target = file or out
    if target is None or (file and out):
        raise InvalidInput("one place to write to must be named", expected="FILE, or --out FILE")
    if form == "jsonl":
        export_jsonl(target, store, user, tenant)
    elif tenant:
        raise InvalidInput("facts in weights have no tenant", expected="--format jsonl", got=form)
    else:
        _export_weights(target, form, store, user or options.DEFAULT_USER, model)


def _export_weights(out: Path, form: str, store: str | None, user: str, model: str) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInput(f"{out} is not empty", next_step="name a new folder")
    opened = open_with_bars(store, "weights", model)
    from memgraft.injection.export import export_adapter, export_merged
    from memgraft.injection.home import InjectionHome

    with opened.memory as memory:
        (home,) = memory.homes
        assert isinstance(home, InjectionHome)
        patch = home.exported(Scope(user_id=user))
        write = export_adapter if form == "peft" else export_merged
        write(opened.host, patch.terms, out)
    print(f"{len(patch.awake)} facts in {out}")
    if len(patch.awake) > 1:
        print("All are awake at once, without a router: beyond a handful they mix.")
