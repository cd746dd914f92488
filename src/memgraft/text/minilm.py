"""all-MiniLM-L6-v2: 384 dimensions, mean pooling (Reimers and Gurevych, arXiv 1908.10084)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from memgraft.core.bundles import Progress, fetch, find_bundle
from memgraft.text.encoder import Encoder, Vectors

MAX_TOKENS = 256


class MiniLM(Encoder):
    """The bundled sentence encoder.

    Args:
        folder: a folder with the model; the bundle by default.
        batch_size: texts per forward pass, taken in order of length so that little is padding.
    """

    dimension = 384

    def __init__(
        self,
        folder: Path | None = None,
        batch_size: int = 64,
        progress: Progress | None = None,
    ) -> None:
        from transformers import AutoModel, AutoTokenizer

        bundle = find_bundle("minilm")
        source = folder or fetch(bundle, progress)
        self.id = f"minilm:{bundle.sha256[:12]}" if folder is None else f"folder:{folder}"
        self._tokenizer = AutoTokenizer.from_pretrained(source)
        self._model = AutoModel.from_pretrained(source, dtype=torch.float32).eval()
        self._batch_size = batch_size

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            vectors[rows] = self._encode_batch([texts[i] for i in rows])
        return vectors

    @torch.inference_mode()
    def _encode_batch(self, texts: list[str]) -> Vectors:
        batch = self._tokenizer(
            texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        )
        hidden = self._model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1).numpy()
