"""An encoder that keeps its vectors in a file, so that a benchmark can be run again at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memgraft.text.encoder import Encoder, Vectors


class Remembered(Encoder):
    """`inner`, asked once for each text; `file` (.npz) holds what it said, if one is given."""

    def __init__(self, inner: Encoder, file: Path | None = None) -> None:
        self.inner, self.file = inner, file
        self.id, self.dimension = inner.id, inner.dimension
        self._known: dict[str, np.ndarray] = {}
        if file is not None and file.is_file():
            with np.load(file) as held:
                if str(held["encoder"]) == self.id:
                    self._known = dict(zip(held["texts"].tolist(), held["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self.inner.encode(new), strict=True))
        return np.array([self._known[text] for text in texts], np.float32)

    def save(self) -> None:
        if self.file is not None:
            np.savez(
                self.file,
                encoder=self.id,
                texts=np.array(list(self._known)),
                vectors=np.array(list(self._known.values())),
            )
