"""A fact that was written into the weights, in memory and as a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.scope import Scope
from memgraft.injection.delta import FORMS, Delta
from memgraft.text.encoder import Vectors

LEVELS = 127


@dataclass(frozen=True)
class WrittenFact:
    """A record's text, the router key that wakes it, and the change that tells it.

    Shapes: key (d,), float32, as `rounded` left it; see `Router.key_for`.
    `checked` tells whether the model answered the fact's own questions with the change.
    """

    record_id: str
    version: int
    text: str
    scope: Scope
    key: Vectors
    checked: bool
    delta: Delta

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers at rest."""
        return sum(array.nbytes for array in self._arrays().values())

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically."""
        header = {
            "form": self.delta.form,
            "record_id": self.record_id,
            "version": str(self.version),
            "text": self.text,
            "scope": json.dumps(asdict(self.scope)),
            "checked": str(int(self.checked)),
        }
        save_arrays(path, self._arrays(), header)

    def _arrays(self) -> dict[str, np.ndarray]:
        steps, size = _in_steps(self.key)
        return {**self.delta.arrays(), "key": steps, "key_step": size}


def load_fact(path: Path) -> WrittenFact:
    """Read what `WrittenFact.save` wrote; anything else is a `FolderError`."""
    arrays, header = load_arrays(path)
    try:
        key = _from_steps(arrays.pop("key"), arrays.pop("key_step"))
        return WrittenFact(
            record_id=header["record_id"],
            version=int(header["version"]),
            text=header["text"],
            scope=Scope(**json.loads(header["scope"])),
            key=key,
            checked=header["checked"] == "1",
            delta=FORMS[header["form"]].from_arrays(arrays),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise FolderError(
            f"{path} is not a written fact", got=f"{type(error).__name__}: {error}"
        ) from error


def rounded(key: Vectors) -> Vectors:
    """Rounded as a file rounds it, so that a restart wakes the same facts."""
    return _from_steps(*_in_steps(key))


def _in_steps(key: Vectors) -> tuple[np.ndarray, np.ndarray]:
    """A key (d,) as int8 steps, and the size of a step (1,), float16."""
    largest = np.abs(key).max(initial=0, keepdims=True)
    size = np.maximum(largest / LEVELS, 1e-6).astype(np.float16)
    steps = np.rint(key / size.astype(np.float32)).clip(-LEVELS, LEVELS)
    return steps.astype(np.int8), size


def _from_steps(steps: np.ndarray, size: np.ndarray) -> Vectors:
    return steps.astype(np.float32) * size.astype(np.float32)
