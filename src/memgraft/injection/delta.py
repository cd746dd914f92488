"""The change of a model that tells one fact, in the forms that it is kept in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from memgraft.core.recall import LowRankTerm


class Delta(ABC):
    """A change as numbers that can be kept."""

    form: ClassVar[str]

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers of the change, by name."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """From what `arrays` gave; a `KeyError` where one is missing."""


@dataclass(frozen=True)
class LowRankDelta(Delta):
    """ΔW = A Bᵀ of one or more layers, spelled out, kept in float16.

    Shapes: per term a (d_model, rank) and b (d_intermediate, rank).
    """

    form: ClassVar[str] = "low-rank"

    terms: tuple[LowRankTerm, ...]

    @classmethod
    def rounded(cls, factors: Mapping[int, tuple[Tensor, Tensor]]) -> Self:
        """From a and b of each layer, rounded as a file rounds them."""
        return cls(tuple(LowRankTerm(n, a.half(), b.half()) for n, (a, b) in factors.items()))

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            f"{side}.{term.layer}": getattr(term, side).numpy()
            for term in self.terms
            for side in ("a", "b")
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        layers = sorted({int(name.split(".")[1]) for name in arrays})
        if not layers:
            raise KeyError("a term")
        sides = {n: [torch.from_numpy(arrays[f"{side}.{n}"]) for side in "ab"] for n in layers}
        return cls(tuple(LowRankTerm(n, a, b) for n, (a, b) in sides.items()))


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

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        codes, tokens = (torch.from_numpy(arrays[name]) for name in ("codes", "tokens"))
        return cls(codes, tokens.long())


FORMS: dict[str, type[Delta]] = {delta.form: delta for delta in (LowRankDelta, LatentDelta)}
