"""A teacher's vectors of a corpus, computed once and kept in the run's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.text.encoder import Encoder
from memgraft.train.loop import Progress

CHUNK = 2048


def taught(
    teacher: Encoder, texts: Sequence[str], path: Path, progress: Progress | None = None
) -> NDArray[np.float16]:
    """The teacher's unit vectors, (len(texts), d) float16, from `path` if they are there.

    Raises:
        InvalidInput: the file is of other texts or another teacher.
    """
    digest = hashlib.sha256("\n".join([teacher.id, *texts]).encode()).hexdigest()[:16]
    if path.is_file():
        arrays, header = load_arrays(path)
        if header.get("digest") != digest:
            raise InvalidInput(
                f"{path} holds the vectors of other texts",
                expected=digest,
                got=header.get("digest", "none"),
                next_step="give the settings it was made with, or another folder",
            )
        return arrays["vectors"]
    vectors = np.zeros((len(texts), teacher.dimension), np.float16)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        vectors[rows] = teacher.encode([texts[i] for i in rows])
        if progress:
            progress("teacher's vectors", min(start + CHUNK, len(order)), len(order), "")
    save_arrays(path, {"vectors": vectors}, {"digest": digest})
    return vectors
