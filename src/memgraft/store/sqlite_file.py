"""The file of a SQLite store: where it may be, whose it is, and whether it is still the same."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from memgraft.core.errors import StoreError


def check_place(path: Path) -> None:
    """Make the folder of the file, or tell why there can be no store."""
    if path.is_dir():
        raise StoreError(
            "the store is one file, not a folder",
            expected="the path of a file",
            got=str(path),
            next_step=f"name a file in it, such as {path / 'memory.db'}",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "the folder of the store cannot be created",
            expected=f"a folder at {path.parent}",
            got=str(error),
            next_step="choose another path, or check the permissions",
        ) from error


def reserve(path: Path) -> None:
    """A new file is its owner's alone to read; those that SQLite puts beside it follow it.

    What fails here fails again, and is told of, where SQLite opens it.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def identity(path: str) -> tuple[int, int] | None:
    """Device and inode; None where there is no file, or a file system without such numbers."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def check_same(path: str, file: tuple[int, int]) -> None:
    """Raise `StoreError` unless this file is still at the path.

    SQLite goes on writing to a file that was removed, and what it writes is lost with it.
    """
    if identity(path) != file:
        raise StoreError(
            "the file of the store was removed or replaced; nothing was changed",
            expected=f"the file that was opened at {path}",
            next_step="put it back, or open the store again to use what is there now",
        )
