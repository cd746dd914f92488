"""Two ways to keep what was learned besides a memory: replay, and elastic weight consolidation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from memgraft.data.continual import Examples


class Reservoir:
    """A fair sample of all examples seen so far (Vitter 1985), for replay (arXiv 1902.10486)."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size, self.seen = size, 0
        self._rng = rng
        self._kept: list[Examples] = []

    def add(self, examples: Examples) -> None:
        for place in range(len(examples)):
            one = examples.at(np.array([place]))
            self.seen += 1
            if len(self._kept) < self.size:
                self._kept.append(one)
            elif (slot := int(self._rng.integers(self.seen))) < self.size:
                self._kept[slot] = one

    @property
    def examples(self) -> Examples | None:
        """What is kept; None if that is nothing."""
        if not self._kept:
            return None
        parts = [(e.ids, e.features, e.labels) for e in self._kept]
        return Examples(*(np.concatenate(each) for each in zip(*parts, strict=True)))


class Elastic:
    """Elastic weight consolidation (arXiv 1612.00796): weights that mattered are held by springs.

    One spring per task and weight, of the strength of the diagonal of the empirical Fisher
    information: squared gradients at the true labels, not at labels that the model draws.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self._springs: list[dict[str, tuple[Tensor, Tensor]]] = []

    def penalty(self, model: nn.Module) -> Tensor:
        """strength / 2 · Σ F (θ - θ*)²."""
        pulls = [
            (fisher * (parameter - anchor).square()).sum()
            for springs in self._springs
            for name, parameter in model.named_parameters()
            if name in springs
            for fisher, anchor in [springs[name]]
        ]
        return self.strength / 2 * torch.stack(pulls).sum() if pulls else torch.zeros(())

    @property
    def bytes(self) -> int:
        """What the springs take: strength and anchor of every weight, for every task."""
        pairs = [pair for springs in self._springs for pair in springs.values()]
        return sum(tensor.nbytes for pair in pairs for tensor in pair)

    def consolidate(self, model: nn.Module, losses: Iterable[Tensor]) -> None:
        """Hold the model where it is now.

        Args:
            losses: of single examples of what it learned, with their true labels.
        """
        named = {n: p for n, p in model.named_parameters() if p.requires_grad}
        fisher = {name: torch.zeros_like(p) for name, p in named.items()}
        count = 0
        for loss in losses:
            grads = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
            for name, grad in zip(named, grads, strict=True):
                if grad is not None:
                    fisher[name] += grad.square()
            count += 1
        self._springs.append(
            {n: (fisher[n] / max(1, count), p.detach().clone()) for n, p in named.items()}
        )
