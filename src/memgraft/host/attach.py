"""Attach a recall to a model for the length of a `with` block; afterwards nothing is left."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import mlp_out
from memgraft.nn.low_rank import low_rank, side_by_side


@contextlib.contextmanager
def attach(model: nn.Module, patch: Patch) -> Iterator[None]:
    """While the block runs, the MLP projections named by the patch compute W x + Σ g A (Bᵀ x).

    Base weights are never touched, so leaving the block restores the model bit for bit; an
    empty patch does not touch it in the first place.
    """
    by_layer: dict[int, list[LowRankTerm]] = defaultdict(list)
    for term in patch.terms:
        by_layer[term.layer].append(term)
    with contextlib.ExitStack() as stack:
        for layer, terms in by_layer.items():
            handle = mlp_out(model, layer).register_forward_hook(_adder(model, terms))
            stack.callback(handle.remove)
        yield


def _adder(model: nn.Module, terms: list[LowRankTerm]) -> Any:
    """A forward hook that adds the terms, which are laid side by side once per attachment."""
    like = next(model.parameters())
    a, b = side_by_side([(term.a.to(like), term.b.to(like), term.gain) for term in terms])

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + low_rank(inputs[0], a, b)

    return add
