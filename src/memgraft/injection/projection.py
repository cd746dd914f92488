"""The router's learned projections, which bring questions to the facts that answer them.

A sentence encoder puts "Which firm pays my wages?" nearer to other questions than to "I work at
Google". Two linear maps, one for questions and one for facts, are trained to undo that by contrast
(InfoNCE, arXiv 1807.03748). They begin as the identity, and are stopped soon: more layers and more
steps learn the training relations by heart (docs/log.md).
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.text.encoder import Encoder, Vectors

KIND = "memgraft-router-projection"
VERSION = 1


class Projection(nn.Module):
    """Both maps, x ↦ unit(W x), for unit vectors of one encoder. Shapes: (..., d) → (..., d)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.asking = nn.Parameter(torch.eye(dimension))
        self.telling = nn.Parameter(torch.eye(dimension))

    def asked(self, questions: Tensor) -> Tensor:
        return F.normalize(questions @ self.asking.T, dim=-1)

    def told(self, facts: Tensor) -> Tensor:
        return F.normalize(facts @ self.telling.T, dim=-1)

    @torch.inference_mode()
    def ask(self, vectors: Vectors) -> Vectors:
        """Of questions."""
        return self.asked(torch.from_numpy(vectors)).numpy()

    @torch.inference_mode()
    def tell(self, vectors: Vectors) -> Vectors:
        """Of facts."""
        return self.told(torch.from_numpy(vectors)).numpy()

    def fingerprint(self) -> str:
        """A hash of the weights: keys of another projection mean nothing to this one."""
        digest = hashlib.sha256()
        for parameter in self.parameters():
            digest.update(parameter.detach().half().numpy().tobytes())
        return digest.hexdigest()[:12]

    def save(self, path: Path, encoder: str) -> None:
        """Write the weights in half precision; `encoder` is the id of the one they are for."""
        arrays = {name: p.detach().half().numpy() for name, p in self.named_parameters()}
        header = {"kind": KIND, "version": str(VERSION), "encoder": encoder}
        save_arrays(path, arrays, header)


def load_projection(path: Path, encoder: Encoder) -> Projection:
    """Read what `Projection.save` wrote.

    Raises:
        FolderError: the file is damaged, or was trained for another encoder.
    """
    arrays, header = load_arrays(path)
    if header.get("kind") != KIND or header.get("encoder") != encoder.id:
        raise FolderError(
            f"{path} is no projection for this encoder",
            expected=f"{KIND} of {encoder.id}",
            got=f"{header.get('kind')} of {header.get('encoder')}",
            next_step="train one: memgraft train router",
        )
    projection = Projection(encoder.dimension)
    tensors = {n: torch.from_numpy(np.asarray(a, dtype=np.float32)) for n, a in arrays.items()}
    projection.load_state_dict(tensors)
    return projection.eval().requires_grad_(False)


def shipped_projection(encoder: Encoder) -> Projection | None:
    """The projection that comes with the package for this encoder, if there is one."""
    name = encoder.id.replace(":", "-") + ".router.safetensors"
    path = Path(str(files("memgraft.injection") / "pretrained" / name))
    return load_projection(path, encoder) if path.is_file() else None
