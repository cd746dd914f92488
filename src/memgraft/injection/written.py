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
    """A record's text, the router keys that wake it, and the change that tells it.

    Shapes: routes (n_keys, d_encoder), float32, as `rounded` left them; see `Router.keys_for`.
    `checked` tells whether the model answered the fact's own questions with the change.
    """

    record_id: str
    version: int
    text: str
    scope: Scope
    routes: Vectors
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
        steps, scales = _in_steps(self.routes)
        return {**self.delta.arrays(), "routes": steps, "route_scales": scales}


def load_fact(path: Path) -> WrittenFact:
    """Read what `WrittenFact.save` wrote; anything else is a `FolderError`."""
    arrays, header = load_arrays(path)
    try:
        routes = _from_steps(arrays.pop("routes"), arrays.pop("route_scales"))
        return WrittenFact(
            record_id=header["record_id"],
            version=int(header["version"]),
            text=header["text"],
            scope=Scope(**json.loads(header["scope"])),
            routes=routes,
            checked=header["checked"] == "1",
            delta=FORMS[header["form"]].from_arrays(arrays),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise FolderError(
            f"{path} is not a written fact", got=f"{type(error).__name__}: {error}"
        ) from error


def rounded(routes: Vectors) -> Vectors:
    """Rounded as a file rounds them, so that a restart wakes the same facts."""
    return _from_steps(*_in_steps(routes))


def _in_steps(routes: Vectors) -> tuple[np.ndarray, np.ndarray]:
    """Each key as int8 steps of a size of its own: (n_keys, d) int8, (n_keys,) float16."""
    scales = np.maximum(np.abs(routes).max(axis=1, initial=0) / LEVELS, 1e-6).astype(np.float16)
    steps = np.rint(routes / scales[:, None].astype(np.float32)).clip(-LEVELS, LEVELS)
    return steps.astype(np.int8), scales


def _from_steps(steps: np.ndarray, scales: np.ndarray) -> Vectors:
    return steps.astype(np.float32) * scales[:, None].astype(np.float32)
