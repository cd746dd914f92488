"""What the stored examples alone are worth: the label of the nearest one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.data.continual import LABELS, Examples
from memgraft.experiments.systems import Predictor


class Nearest(Predictor):
    """One nearest neighbour (Cover & Hart 1967) over all examples that it was given.

    Nearest is what has the same id and the greatest cosine of raw features. Nothing is trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Examples] = []

    def keep(self, examples: Examples) -> None:
        self._kept.append(examples)

    @property
    def bytes(self) -> int:
        """What the kept examples take."""
        return sum(part.bytes for part in self._kept)

    def predict(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """1 for the label of the nearest example, 0 for all others; (batch, tokens, LABELS).

        All are 0 as long as nothing is kept.
        """
        if not self._kept:
            return torch.zeros(*ids.shape, LABELS)
        kept = torch.cat([torch.from_numpy(part.ids) for part in self._kept])
        alike = (ids[..., None] == kept).float()
        if features is not None:
            shown = torch.cat([torch.from_numpy(part.features) for part in self._kept])
            alike = alike + F.normalize(features, dim=-1) @ F.normalize(shown, dim=-1).T
        labels = torch.cat([torch.from_numpy(part.labels) for part in self._kept])
        return F.one_hot(labels[alike.argmax(dim=-1)], LABELS).float()
