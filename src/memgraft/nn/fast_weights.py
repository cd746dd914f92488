"""What fast-weight memories with momentum and decay have in common.

A memory M with a momentum S takes one write w_t per token (Titans, arXiv 2501.00663, eq. 13-14):

    S_t = η_t S_{t-1} + w_t,    M_t = (1-α_t) M_{t-1} + S_t.

Both are linear in the writes, so that over a chunk of tokens they unroll to

    M_t = β_t M_0 + f_t S_0 + Σ_{i≤t} G[t,i] w_i,    S_t = m_t S_0 + Σ_{i≤t} Dη[t,i] w_i

with coefficients that come from the gates alone. This is what makes a whole chunk one matrix
product instead of a loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput

# Added to factors before their logarithm. A factor of 0 becomes 1e-20, and as its gradient is that
# of the logarithm times the product, 1e20 · 1e-20, it stays right too.
TINY = 1e-20


class Gates(NamedTuple):
    """How tokens write; each (batch, heads, tokens), all in [0, 1].

    strength θ: the step of a write. momentum η: the share of the earlier step that goes on.
    decay α: the share of the memory that is forgotten.
    """

    strength: Tensor
    momentum: Tensor
    decay: Tensor

    def to(self, dtype: torch.dtype) -> Gates:
        return Gates(*(gate.to(dtype) for gate in self))

    def paused(self, mask: Tensor) -> Gates:
        """The gates (…, tokens) with which pads (mask false) leave the momentum as it is.

        That the momentum does not move the memory either is the business of `Carry`.
        """
        strength, momentum, decay = self
        return Gates(
            strength.masked_fill(~mask, 0.0),
            momentum.masked_fill(~mask, 1.0),
            decay.masked_fill(~mask, 0.0),
        )


class Carry(NamedTuple):
    """What the start and each write of a chunk of C tokens are worth later in it.

    Row t is after token t, row 0 at the start, so that rows 0..C-1 are what tokens 1..C find and
    rows 1..C what they leave. Columns 1..C are the writes, column 0 is the start.
    """

    # (…, C+1): β_t.
    start: Tensor
    # (…, C+1, C+1): G[t,i], and f_t in column 0.
    memory: Tensor
    # (…, C+1, C+1): Dη[t,i], and m_t in column 0.
    momentum: Tensor

    @classmethod
    def of(cls, gates: Gates, mask: Tensor) -> Carry:
        """Gates (…, C), `paused` where mask (…, C) is false: there the memory does not move."""
        remain = _products(1 - gates.decay)
        momentum = _products(gates.momentum)
        moves = torch.nn.functional.pad(mask.to(remain.dtype), (1, 0))
        return cls(remain[..., 0], (remain * moves[..., None, :]) @ momentum, momentum)

    @property
    def ends(self) -> tuple[Tensor, Tensor, Tensor]:
        """β_C, f_C and m_C, (…, 1, 1): what the chunk leaves of the memory and momentum that it
        found, and how far that momentum moves the memory."""
        found = (self.start[..., -1], self.memory[..., -1, 0], self.momentum[..., -1, 0])
        kept, moved, going = (factor[..., None, None] for factor in found)
        return kept, moved, going


def _products(factors: Tensor) -> Tensor:
    """(…, C) → (…, C+1, C+1): at [t,i] the product of the factors i+1..t, 0 above the diagonal.

    The logarithms are summed for each column apart (Mamba-2's segment sum, arXiv 2405.21060):
    differences of one running sum would lose what comes after a factor near 0, and multiply its
    rounding errors by 1 / factor in the gradient.

    Products that could leave the range of normal numbers, 10⁻³⁰ in float32, are 0: processors take
    twenty times as long over a matrix with numbers below it, as powers of a momentum soon are.
    """
    logs = torch.nn.functional.pad((factors + TINY).log(), (1, 0))
    size = logs.shape[-1]
    below = torch.ones(size, size, dtype=torch.bool, device=logs.device).tril()
    sums = logs[..., :, None].expand(*logs.shape, size).tril(-1).cumsum(dim=-2)
    least = 0.8 * math.log(torch.finfo(logs.dtype).tiny)
    counted = below & (sums > least)
    # Not exp(-∞), which takes long, too.
    return sums.where(counted, 0.0).exp().where(counted, 0.0)


def inside(*tensors: Tensor) -> torch.dtype:
    """The type to reckon in: float32, or float64 where one of the tensors has it."""
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def checked(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    gates: Gates,
    mask: Tensor | None,
    state: Mapping[str, tuple[Tensor, tuple[int, int]]],
) -> Tensor:
    """The mask (batch, tokens) as booleans, all true if there is none.

    Args:
        state: the parts of the state, and what their last two dimensions have to be.

    Raises:
        InvalidInput: something does not fit keys (batch, heads, tokens, d_k).
    """
    batch, heads, tokens, width = keys.shape
    shapes = {
        "queries": (queries, (batch, heads, tokens, width)),
        "values": (values, (batch, heads, tokens, values.shape[-1])),
        **{name: (gate, (batch, heads, tokens)) for name, gate in gates._asdict().items()},
        **{f"state.{name}": (part, (batch, heads, *last)) for name, (part, last) in state.items()},
    }
    if mask is not None:
        shapes["the mask"] = (mask, (batch, tokens))
    for name, (tensor, shape) in shapes.items():
        if tuple(tensor.shape) != shape:
            raise InvalidInput(
                f"{name} cannot be used with keys of shape {tuple(keys.shape)}",
                expected=str(shape),
                got=str(tuple(tensor.shape)),
                next_step="keys are (batch, heads, tokens, d_k), masks are of this call's tokens",
            )
    if mask is None:
        return torch.ones(batch, tokens, dtype=torch.bool, device=keys.device)
    return mask.bool()


def checked_size(name: str, size: int) -> int:
    """A size of at least 1, or an `InvalidInput` that names it."""
    if size < 1:
        raise InvalidInput(f"{name} cannot be used", expected="at least 1", got=repr(size))
    return size
