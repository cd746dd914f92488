"""`memgraft bundles`: the pinned models."""

from __future__ import annotations

import typer

from memgraft.cli.progress import Bars
from memgraft.core.bundles import BUNDLES
from memgraft.core.bundles import fetch as fetch_bundle

app = typer.Typer(help="The pinned models that memgraft brings.", no_args_is_help=True)


@app.command("list")
def list_bundles() -> None:
    """Name, package, and where each bundle is on this computer."""
    for bundle in BUNDLES.values():
        place = bundle.path if bundle.fetched() else "not fetched yet"
        print(f"{bundle.name}\t{bundle.package}=={bundle.version}\t{place}")


@app.command()
def fetch() -> None:
    """Download what is missing and check all hashes."""
    with Bars() as bars:
        for bundle in BUNDLES.values():
            fetch_bundle(bundle, bars)
