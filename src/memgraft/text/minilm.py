"""all-MiniLM-L6-v2: 384 dimensions, mean pooling (Reimers and Gurevych, arXiv 1908.10084)."""

from __future__ import annotations

from pathlib import Path

from memgraft.core.bundles import Progress, fetch, find_bundle
from memgraft.text.sentence import SentenceModel


class MiniLM(SentenceModel):
    """The bundled sentence encoder.

    Args:
        folder: a folder with the model; the bundle by default.
        batch_size, half: see `SentenceModel`.
    """

    def __init__(
        self,
        folder: Path | None = None,
        batch_size: int = 64,
        progress: Progress | None = None,
        half: bool = False,
    ) -> None:
        bundle = find_bundle("minilm")
        source = folder or fetch(bundle, progress)
        name = f"minilm:{bundle.sha256[:12]}" if folder is None else f"folder:{folder}"
        super().__init__(source, batch_size, name, half)
