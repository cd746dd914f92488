"""A real server process on a store of its own, and its keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix import VERSIONS
from typer.testing import CliRunner

from running import Running

KEY = "m0-the-key-of-the-tests"

# Options of `memgraft keys create`. Rates are per key, so each client gets a slow one of its own.
KEYS = {
    "other": ["--tenant", "other"],
    "reader": ["--right", "read"],
    "expired": ["--expires", "2020-01-31"],
    **{f"slow-{version.name}": ["--rate", "5"] for version in VERSIONS},
}


@dataclass(frozen=True)
class Service:
    """A running server: its address, and the secrets of its keys by their names in KEYS."""

    address: str
    keys: dict[str, str]


@contextmanager
def serving(location: str, folder: Path) -> Iterator[Service]:
    """`memgraft serve` with the keys above."""
    keys = {name: _create_key(name, location, given) for name, given in KEYS.items()}
    # The clients' webhooks listen on this computer.
    options = ("--api-key", KEY, "--encoder", "char_conv", "--local-webhooks")
    server = Running(location, folder / "server.txt", *options)
    with server:
        yield Service(server.url, keys)
    assert not server.errors(), server.errors()[0]


def _create_key(name: str, location: str, given: list[str]) -> str:
    from memgraft.cli.main import app

    done = CliRunner().invoke(app, ["keys", "create", name, "--store", location, *given])
    assert done.exit_code == 0, done.output
    return done.output.strip()
