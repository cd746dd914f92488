"""Ids, and numbers that come with them, as vectors; of MemNet and of its baselines."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from memgraft.core.errors import InvalidInput

OUTWEIGH = 4.0


class Embedding(nn.Module):
    """A vector for each position: that of its id, plus a projection of its features.

    Args:
        vocabulary: ids are below.
        features: numbers per position, 0 for none.
    """

    def __init__(self, vocabulary: int, features: int, width: int) -> None:
        super().__init__()
        self.vocabulary, self.features = vocabulary, features
        self.table = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.table.weight, std=1.0)
        if features:
            self.project = nn.Linear(features, width, bias=False)
            # Features outweigh the id that says what they are of, else all of them look alike.
            nn.init.normal_(self.project.weight, std=OUTWEIGH / math.sqrt(features))

    def forward(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """(batch, tokens, width), of ids (batch, tokens) and features (batch, tokens, features).

        Raises:
            InvalidInput: ids are not in the vocabulary, or features do not fit.
        """
        if ids.ndim != 2 or ids.numel() == 0:
            raise InvalidInput("ids do not fit", expected="(batch, tokens)", got=str(ids.shape))
        low, high = (int(bound) for bound in torch.aminmax(ids))
        if low < 0 or high >= self.vocabulary:
            raise InvalidInput(
                "an id is not in the vocabulary",
                expected=f"0 to {self.vocabulary - 1}",
                got=f"{low} to {high}",
            )
        wanted = (*ids.shape, self.features) if self.features else None
        got = None if features is None else tuple(features.shape)
        if got != wanted:
            raise InvalidInput("features do not fit", expected=str(wanted), got=str(got))
        embedded = self.table(ids)
        return embedded if features is None else embedded + self.project(features)
