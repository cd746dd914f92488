"""One fact as a low-rank change of the model, in memory and as a file."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.recall import LowRankTerm
from memgraft.core.scope import Scope
from memgraft.text.encoder import Vectors


@dataclass(frozen=True)
class Delta(ABC):
    """A fact, the router keys that wake it, and some form of the change that tells it.

    Shapes: routes (n_keys, d_encoder), float32, kept as float16; see `Router.keys_for`.
    `checked` tells whether the model answered the fact's own questions with it.
    """

    form: ClassVar[str]

    record_id: str
    version: int
    text: str
    scope: Scope
    routes: Vectors
    checked: bool

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers of the change, as they are kept."""

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers at rest."""
        return 2 * self.routes.size + sum(array.nbytes for array in self.arrays().values())

    def save(self, path: Path) -> None:
        """Write one safetensors file, atomically."""
        header = {
            "form": self.form,
            "record_id": self.record_id,
            "version": str(self.version),
            "text": self.text,
            "scope": json.dumps(asdict(self.scope)),
            "checked": str(int(self.checked)),
        } | self.labels()
        save_arrays(path, {**self.arrays(), "routes": self.routes.astype(np.float16)}, header)

    def labels(self) -> dict[str, str]:
        """What the header says besides."""
        return {}


@dataclass(frozen=True)
class LowRankDelta(Delta):
    """ΔW = A Bᵀ of one layer, spelled out: what the closed-form writer solves for.

    Shapes: a (d_model, rank), b (d_intermediate, rank), float16.
    """

    form: ClassVar[str] = "low-rank"

    layer: int
    a: Tensor
    b: Tensor

    def term(self) -> LowRankTerm:
        return LowRankTerm(self.layer, self.a, self.b)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"a": self.a.numpy(), "b": self.b.numpy()}

    def labels(self) -> dict[str, str]:
        return {"layer": str(self.layer)}


@dataclass(frozen=True)
class LatentDelta(Delta):
    """The memory encoder's codes, from which its heads compute the change of every layer.

    Shapes: codes (tokens, code), int8; tokens (tokens + 1,): the one that the reply begins after,
    then the reply itself.
    """

    form: ClassVar[str] = "latent"

    codes: Tensor
    tokens: Tensor

    def arrays(self) -> dict[str, np.ndarray]:
        return {"codes": self.codes.numpy(), "tokens": self.tokens.to(torch.int32).numpy()}


def load_delta(path: Path) -> Delta:
    """Read what `Delta.save` wrote; anything else is a `FolderError`."""
    arrays, header = load_arrays(path)
    try:
        common: dict[str, Any] = {
            "record_id": header["record_id"],
            "version": int(header["version"]),
            "text": header["text"],
            "scope": Scope(**json.loads(header["scope"])),
            "routes": arrays["routes"].astype(np.float32),
            "checked": header["checked"] == "1",
        }
        # Files from before there were two forms do not name theirs.
        if header.get("form", LowRankDelta.form) == LatentDelta.form:
            codes, tokens = (torch.from_numpy(arrays[name]) for name in ("codes", "tokens"))
            return LatentDelta(**common, codes=codes, tokens=tokens.long())
        a, b = (torch.from_numpy(arrays[name]) for name in ("a", "b"))
        return LowRankDelta(**common, layer=int(header["layer"]), a=a, b=b)
    except (KeyError, ValueError, TypeError) as error:
        raise FolderError(
            f"{path} is not a delta", got=f"{type(error).__name__}: {error}"
        ) from error
