"""Folders on disk: config.json + safetensors + version. Never pickle, never half-written."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memgraft.core.errors import FolderError


@contextlib.contextmanager
def replaced(path: Path, overwrite: bool = True) -> Iterator[Path]:
    """Write a file so that readers see the old or the new one whole, even after a power cut.

    Yields a temporary path beside `path`; on success it is synced and takes the name. Without
    `overwrite`, a file that has the name by then keeps it: `FileExistsError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        if overwrite:
            part.replace(path)
        else:
            _named(part, path)
    finally:
        part.unlink(missing_ok=True)


def _named(part: Path, path: Path) -> None:
    """Give a file its name, unless another one has it."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # this file system has no second names
        with path.open("x"):
            part.replace(path)


def save_arrays(path: Path, arrays: Mapping[str, Any], header: Mapping[str, str]) -> None:
    """Write numpy arrays and a string header to one safetensors file, atomically."""
    from safetensors.numpy import save

    with replaced(path) as part:
        part.write_bytes(save(dict(arrays), metadata=dict(header)))


def load_arrays(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what `save_arrays` wrote: (arrays, header). A damaged file is a `FolderError`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise FolderError(
            f"cannot read {path}",
            expected="a safetensors file",
            got=str(error),
            next_step="delete the file; it is rebuilt from the store",
        ) from error


def save_config(folder: Path, kind: str, version: int, config: Mapping[str, Any]) -> None:
    """Write config.json, which makes `folder` a folder of this kind and version."""
    content = {"kind": kind, "version": version, **config}
    with replaced(folder / "config.json") as part:
        part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_config(folder: Path, kind: str, version: int) -> dict[str, Any]:
    """Read config.json. `FolderError` if it is of another kind or newer."""
    path = folder / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = (content["kind"], int(content["version"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FolderError(
            f"{folder} is not a memgraft folder",
            expected=f"a config.json of kind {kind!r}",
            got=f"{type(error).__name__}: {error}",
        ) from error
    if found[0] != kind or found[1] > version:
        raise FolderError(
            f"cannot use {folder}",
            expected=f"{kind} of version {version} or older",
            got=f"{found[0]} of version {found[1]}",
            next_step="upgrade memgraft, or choose another folder",
        )
    return {name: value for name, value in content.items() if name not in ("kind", "version")}
