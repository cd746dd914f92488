"""One fact as a low-rank change of one layer, in memory and as a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.recall import LowRankTerm
from memgraft.core.scope import Scope
from memgraft.text.encoder import Vectors


@dataclass(frozen=True)
class LowRankDelta:
    """ΔW = A Bᵀ for one layer, and the router keys that wake it.

    Shapes: a (d_model, rank), b (d_intermediate, rank), float16; routes (n_keys, d_encoder), the
    first `statements` of which are the fact itself and the rest its questions.
    `checked` tells whether the model answered the fact's own questions with it.
    """

    record_id: str
    version: int
    text: str
    scope: Scope
    layer: int
    a: Tensor
    b: Tensor
    routes: Vectors
    checked: bool

    def term(self) -> LowRankTerm:
        return LowRankTerm(self.layer, self.a, self.b)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers at rest."""
        return 2 * (self.a.numel() + self.b.numel() + self.routes.size)

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically."""
        arrays = {
            "a": self.a.numpy(),
            "b": self.b.numpy(),
            "routes": self.routes.astype(np.float16),
        }
        header = {
            "record_id": self.record_id,
            "version": str(self.version),
            "text": self.text,
            "scope": json.dumps(asdict(self.scope)),
            "layer": str(self.layer),
            "checked": str(int(self.checked)),
        }
        save_arrays(path, arrays, header)

    @classmethod
    def load(cls, path: Path) -> LowRankDelta:
        """Read what `save` wrote; anything else is a `FolderError`."""
        arrays, header = load_arrays(path)
        try:
            return cls(
                record_id=header["record_id"],
                version=int(header["version"]),
                text=header["text"],
                scope=Scope(**json.loads(header["scope"])),
                layer=int(header["layer"]),
                a=torch.from_numpy(arrays["a"]),
                b=torch.from_numpy(arrays["b"]),
                routes=arrays["routes"].astype(np.float32),
                checked=header["checked"] == "1",
            )
        except (KeyError, ValueError, TypeError) as error:
            raise FolderError(
                f"{path} is not a delta", got=f"{type(error).__name__}: {error}"
            ) from error
