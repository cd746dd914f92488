"""From a location to a store."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from memgraft.core.errors import InvalidInput
from memgraft.store.base import Store

SUPPORTED = "a file path, or sqlite:///absolute/path, or postgresql://user@host/database"

# Two letters at least, so that C:/ stays a path; one slash, since Path folds two into one.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/.*)", re.DOTALL)
_POSTGRES = re.compile(r"(postgres|postgresql)://", re.IGNORECASE)

# A tenant's name is also that of a file.
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def open_store(location: str | Path, tenant: str = "", create: bool = True) -> Store:
    """Open the store at a path or URL; it is created if it does not exist yet.

    Args:
        location: a file or URL.
        tenant: whose part of a store that several share. In SQLite every tenant but "" has a file
            of its own, in a folder beside the location; in PostgreSQL they share tables, and the
            database keeps them apart.
        create: False refuses a file that is not there.

    Raises:
        InvalidInput: a location of a kind that is not supported, or a name that no tenant has; or
            there is nothing, and it is not to be created.
        MissingExtra: PostgreSQL's client is not installed.
        StoreError: the location cannot be opened.
    """
    if tenant and not _TENANT.fullmatch(tenant):
        raise InvalidInput(
            "no tenant can have this name",
            expected="up to 63 lower-case letters, digits, _ and -",
            got=repr(tenant),
        )
    if _POSTGRES.match(str(location)):
        from memgraft.store.postgres import PostgresStore

        return PostgresStore(str(location), tenant)
    from memgraft.store.sqlite import SQLiteStore

    path = _path(str(location))
    if tenant:
        path = path.with_name(path.name + ".tenants") / f"{tenant}.db"
    if not create and not path.exists():
        raise InvalidInput(
            "there is no store", expected="a file that exists", got=str(path),
            next_step="see whether the path is right",
        )  # fmt: skip
    return SQLiteStore(path, tenant=tenant)


def _path(location: str) -> Path:
    url = _URL.fullmatch(location)
    if url and url[1].lower() != "sqlite":
        raise _unusable(f"no store for {url[1]} URLs", location)
    name = unquote(url[2]) if url else location
    if url and not re.fullmatch(r"/(//+)?[^/].*", name, re.DOTALL):
        raise _unusable("this is no SQLite URL with an absolute path", location)
    if name.rpartition("/")[2] == ":memory:":
        raise _unusable("a store in RAM would forget", location)
    if not name.strip():
        raise _unusable("no store was named", location)
    return Path("/" + name.lstrip("/") if url else name).expanduser()


def _unusable(what: str, location: str) -> InvalidInput:
    hidden = re.sub(r":(/+)[^/@]*@", r":\1***@", location)
    return InvalidInput(
        what, expected=SUPPORTED, got=repr(hidden), next_step="name a file, such as memory.db"
    )
