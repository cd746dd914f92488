"""Small trained weights at rest: int8 with a scale per row, in one safetensors file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays

FORMAT = "memgraft-text-encoder"
VERSION = "1"
_SCALE = ".scale"

Arrays = dict[str, NDArray[Any]]


def save_packed(
    path: Path, kind: str, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]
) -> None:
    """Write float arrays; those of two or more dimensions as int8, each row with its scale.

    Arrays of integers are written as they are.
    """
    packed: Arrays = {}
    for name, array in arrays.items():
        if array.ndim < 2 or not np.issubdtype(array.dtype, np.floating):
            packed[name] = np.ascontiguousarray(array)
            continue
        rows = array.reshape(len(array), -1).astype(np.float32)
        scale = np.maximum(np.abs(rows).max(axis=1), 1e-12).astype(np.float32) / 127
        packed[name] = np.rint(rows / scale[:, None]).astype(np.int8).reshape(array.shape)
        packed[name + _SCALE] = scale
    header = {"format": FORMAT, "version": VERSION, "kind": kind, "settings": json.dumps(settings)}
    save_arrays(path, packed, header)


def load_packed(path: Path, kind: str) -> tuple[Arrays, dict[str, Any], str]:
    """Read what `save_packed` wrote: float32 arrays, settings, and an id of kind and weights.

    Raises:
        FolderError: no such file, a damaged one, or one of another kind or version.
    """
    packed, header = load_arrays(path)
    found = (header.get("format"), header.get("version"), header.get("kind"))
    if found != (FORMAT, VERSION, kind):
        raise FolderError(
            f"{path} is of another kind",
            expected=f"{FORMAT} {VERSION} of kind {kind}",
            got=" ".join(str(part) for part in found),
            next_step=f"train one: memgraft train text --kind {kind}",
        )
    arrays: Arrays = {}
    for name, array in packed.items():
        if name.endswith(_SCALE):
            continue
        scale = packed.get(name + _SCALE)
        if scale is not None:
            shaped = scale.reshape(-1, *[1] * (array.ndim - 1))
            array = array.astype(np.float32) * shaped
        arrays[name] = array
    return arrays, json.loads(header["settings"]), f"{kind}:{_digest(packed)}"


def _digest(arrays: Arrays) -> str:
    """Of the content: the file's bytes also hang on the order in which its header was written."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:12]


def shipped(kind: str) -> Path:
    """Where the package's own weights of a kind are."""
    return Path(str(files("memgraft.text") / "pretrained" / f"{kind}.safetensors"))
