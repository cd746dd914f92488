"""`memgraft export`: remembered facts as files that other programs load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli import options
from memgraft.cli.records import open_with_bars
from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope

FORMATS = ("peft", "merged")


def export(
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    form: Annotated[
        str, typer.Option("--format", help="peft (an adapter) or merged (a whole model).")
    ] = "peft",
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    model: options.Model = options.DEFAULT_MODEL,
) -> None:
    """Write the facts in the weights, all of them awake, for peft or transformers."""
    if form not in FORMATS:
        raise InvalidInput(f"no format is called {form!r}", expected=" or ".join(FORMATS))
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
