"""What the tests of the fast-weight memories share: problems, and both kinds behind one face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearState, linear_memory, linear_memory_oracle
from memgraft.nn.mlp_memory import MlpState, mlp_memory, mlp_memory_oracle

HIDDEN = 5


@dataclass(frozen=True)
class Kind:
    """A memory: its fast path, its oracle, and what states it has."""

    fast: Callable[..., Any]
    oracle: Callable[..., Any]
    state: type
    names: tuple[str, ...]

    def shapes(self, d_k: int, d_v: int) -> list[tuple[int, int]]:
        if self.state is LinearState:
            return [(d_k, d_v)] * 2
        return [(d_k, HIDDEN), (HIDDEN, d_v)] * 3


KINDS = {
    "linear": Kind(linear_memory, linear_memory_oracle, LinearState, ("weight", "momentum")),
    "mlp": Kind(
        mlp_memory,
        mlp_memory_oracle,
        MlpState,
        (
            "first",
            "second",
            "first_momentum",
            "second_momentum",
            "first_start",
            "second_start",
        ),
    ),
}


@dataclass(frozen=True)
class Problem:
    """Everything a memory takes, as leaves: queries, keys, values, three gates, the state."""

    kind: Kind
    leaves: tuple[Tensor, ...]
    filled: Tensor
    mask: Tensor | None = None

    def run(self, how: Callable[..., Any], chunk_size: int = 16, **more: Any) -> Any:
        queries, keys, values, theta, eta, alpha = self.leaves[:6]
        state = self.state(self.leaves[6:], self.filled)
        gates = Gates(theta, eta, alpha)
        return how(queries, keys, values, gates, state, self.mask, chunk_size, **more)

    def state(self, parts: tuple[Tensor, ...], filled: Tensor) -> Any:
        return self.kind.state(*parts, *([filled] if self.kind.state is MlpState else []))

    def part(self, tokens: slice) -> Problem:
        """The problem of these tokens alone, with the same state."""
        cut = tuple(leaf[:, :, tokens] for leaf in self.leaves[:6])
        mask = None if self.mask is None else self.mask[:, tokens]
        return replace(self, leaves=cut + self.leaves[6:], mask=mask)

    def after(self, read: Any) -> Problem:
        """The problem with the state in which a read left the memory."""
        parts = tuple(getattr(read.state, name) for name in self.kind.names)
        filled = getattr(read.state, "filled", self.filled)
        return replace(self, leaves=self.leaves[:6] + parts, filled=filled)

    def results(self, read: Any) -> list[Tensor]:
        return [read.output, *(getattr(read.state, name) for name in self.kind.names)]


def problem(
    kind: str,
    batch: int = 2,
    heads: int = 2,
    tokens: int = 37,
    d_k: int = 4,
    d_v: int = 3,
    seed: int = 0,
    edges: bool = True,
) -> Problem:
    """A random problem in float64 with a state that is not empty. With edges, some gates are at
    their limits: nothing written, no momentum, everything forgotten, twice in a row."""
    noise = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=noise, dtype=torch.float64)

    keys = torch.nn.functional.normalize(random(batch, heads, tokens, d_k), dim=-1)
    gates = [random(batch, heads, tokens).sigmoid() for _ in range(3)]
    gates[2] = gates[2] * 0.3
    if edges:
        for gate, value, at in (
            (gates[0], 0.0, slice(3, 4)),
            (gates[0], 1.0, slice(8, 9)),
            (gates[1], 0.0, slice(5, 8)),
            (gates[1], 1.0, slice(20, 22)),
            (gates[2], 1.0, slice(11, 13)),
            (gates[2], 0.0, slice(17, 19)),
        ):
            gate[..., at] = value
    leaves = [
        random(batch, heads, tokens, d_k),
        keys,
        random(batch, heads, tokens, d_v),
        *gates,
        *(random(batch, heads, *shape) for shape in KINDS[kind].shapes(d_k, d_v)),
    ]
    filled = torch.zeros(batch, dtype=torch.long)
    return Problem(KINDS[kind], tuple(leaf.requires_grad_() for leaf in leaves), filled)


def gradients(made: Problem, read: Any) -> list[Tensor]:
    """Those of a fixed random function of output and state, to every leaf."""
    noise = torch.Generator().manual_seed(1)
    results = made.results(read)
    upstream = [torch.randn(r.shape, generator=noise, dtype=torch.float64).to(r) for r in results]
    found = torch.autograd.grad(results, made.leaves, upstream, allow_unused=True)
    return [
        torch.zeros_like(leaf) if grad is None else grad
        for leaf, grad in zip(made.leaves, found, strict=True)
    ]


def same(ones: list[Tensor], others: list[Tensor], within: float = 1e-10) -> None:
    for one, other in zip(ones, others, strict=True):
        torch.testing.assert_close(one, other, rtol=within, atol=within)
