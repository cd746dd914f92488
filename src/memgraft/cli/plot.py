"""`memgraft plot`: the figures of an experiment, drawn anew from its results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli.progress import prepare_libraries


def plot(
    folder: Annotated[Path, typer.Argument(help="Of an experiment, or of all of them.")],
) -> None:
    """Draw an experiment's figures (PNG, and a page to zoom into) and write its report."""
    prepare_libraries()
    from memgraft.experiments.report import RESULTS, redraw

    below = sorted(path.parent for path in folder.glob(f"*/{RESULTS}"))
    for one in [folder] if (folder / RESULTS).is_file() or not below else below:
        sys.stdout.write("".join(f"{path}\n" for path in redraw(one)))
