"""Static word vectors as a module that can be trained."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from memgraft.text.ngrams import grams, words


class StaticModel(nn.Module):
    """Texts to unit vectors (n, d), each the sum of rows of one table.

    In training every tenth known word is taken for an unknown one, so that n-grams learn to stand
    in for it; which ones follows from the text.

    Args:
        vocabulary: words with a vector of their own, the first rows of the table.
        known: their vectors, (len(vocabulary), k).
        parts: vectors of the n-grams, (buckets, k), the other rows.
        basis: from there to the encoder's space, (k, d).
    """

    def __init__(
        self, vocabulary: Sequence[str], known: Tensor, parts: Tensor, basis: Tensor
    ) -> None:
        super().__init__()
        self._place = {word: row for row, word in enumerate(vocabulary)}
        self._buckets = len(parts)
        self.table = nn.EmbeddingBag.from_pretrained(
            torch.cat([known, parts]), freeze=False, mode="sum"
        )
        self.basis = nn.Parameter(basis.clone())

    def forward(self, texts: Sequence[str]) -> Tensor:
        rows = [self._rows(text) for text in texts]
        flat = torch.tensor([row for each in rows for row in each])
        offsets = torch.tensor([0, *map(len, rows)])[:-1].cumsum(0)
        return F.normalize(self.table(flat, offsets) @ self.basis, dim=-1)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """As `memgraft.text.static.save_static` wants them."""
        table = self.table.weight.detach().numpy()
        known, parts = np.split(table, [len(self._place)])
        return {"words": known, "grams": parts, "basis": self.basis.detach().numpy()}

    def _rows(self, text: str) -> list[int]:
        rng = random.Random(text)
        rows: list[int] = []
        for word in words(text):
            place = self._place.get(word)
            if place is None or (self.training and rng.random() < 0.1):
                rows += [len(self._place) + part for part in grams(word, self._buckets)]
            else:
                rows.append(place)
        return rows
