"""The contract of an encoder: texts to unit vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(ABC):
    """`id` names the encoder and its weights: vectors of different ids must never be mixed."""

    id: str
    dimension: int

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), float32, each row of unit length."""
