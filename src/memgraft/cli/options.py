"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgraft.core.bundles import DEFAULT_MODEL as DEFAULT_MODEL

Store = Annotated[
    str | None,
    typer.Option(
        help="Where memories are kept: a file, or a sqlite:/// or postgresql:// URL.",
        metavar="FILE|URL",
    ),
]
Tenant = Annotated[
    str, typer.Option(help="Whose part of the store of a server; its keys name tenants.")
]
User = Annotated[str, typer.Option(help="Whose memories.")]
HomeName = Annotated[
    str, typer.Option("--home", help="weights, passages, both or mag.", metavar="HOME")
]
Branch = Annotated[
    Path | None,
    typer.Option(
        help="Of home mag: memory branches to use with the model; a folder, or one that ships.",
        metavar="FOLDER|NAME",
    ),
]
Model = Annotated[
    str,
    typer.Option(help="A bundle, a model folder, a .gguf file, or a hub id.", metavar="MODEL"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_USER = "me"
