"""A folder of one safetensors file per record: written atomically, removed exactly."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import load_config, save_config

# A temporary file this many seconds old belongs to a write that was killed.
STALE = 600


def claim_folder(folder: Path, kind: str, version: int, identity: dict[str, str]) -> None:
    """Make or check a folder of this kind, whose content was computed with `identity`.

    Args:
        folder: created if missing.
        kind, version: what the folder holds; another kind or a newer version is refused.
        identity: what the content was computed with (base model, encoder ...). A folder that was
            computed with something else is refused, since its numbers would mean nothing here.

    Raises:
        FolderError: see above, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "config.json").exists():
            save_config(folder, kind, version, identity)
    except OSError as error:
        raise FolderError(
            f"cannot write to {folder}",
            expected="a folder that this user may write to",
            got=error.strerror or str(error),
            next_step="change its permissions, free disk space, or name another --store",
        ) from error
    found = load_config(folder, kind, version)
    if found != identity:
        raise FolderError(
            f"{folder} was made with something else",
            expected=_described(identity),
            got=_described(found),
            next_step="use the model that it was made with, or delete the folder: "
            "it is rebuilt from the store (for passages, `memgraft reembed` does that)",
        )


class RecordFiles:
    """`config.json` plus `records/<id>.safetensors`; see `claim_folder`."""

    def __init__(self, folder: Path, kind: str, version: int, identity: dict[str, str]) -> None:
        self.folder = folder
        claim_folder(folder, kind, version, identity)
        try:
            (folder / "records").mkdir(exist_ok=True)
        except OSError as error:
            raise FolderError(
                f"cannot write to {folder}", got=error.strerror or str(error)
            ) from error
        self._sweep()

    def path(self, record_id: str) -> Path:
        if Path(record_id).name != record_id:
            raise InvalidInput("this id cannot name a file", got=repr(record_id)[:80])
        return self.folder / "records" / f"{record_id}.safetensors"

    def paths(self) -> Iterator[Path]:
        """Every record's file, oldest first, since ids sort by creation."""
        return iter(sorted((self.folder / "records").glob("*.safetensors")))

    def remove(self, record_id: str) -> None:
        self.path(record_id).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what killed writes left behind; a fresh one may be another process at work."""
        for place in (self.folder, self.folder / "records"):
            for part in place.glob(".*.part"):
                with contextlib.suppress(OSError):
                    if part.stat().st_mtime < time.time() - STALE:
                        part.unlink()


def _described(identity: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(identity.items()))
