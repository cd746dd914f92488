"""The MLP memory: a two-layer network per head, written by descent with momentum and decay.

The network is k ↦ φ(k W1) W2. Token t contributes the gradient of ½‖φ(k W1) W2 - v‖² *at the
weights with which its chunk of C tokens began* (Titans, arXiv 2501.00663, section 3.2), which is
what lets a chunk be computed at once:

    g_t = ∇ℓ_t(start of the chunk),    S_t = η_t S_{t-1} - θ_t / C / max(1, λ_t) · g_t,
    M_t = (1-α_t) M_{t-1} + α_t M_0 + S_t,       y_t = φ(q_t W1_t) W2_t

What is forgotten leaves the weights M_0 that every new memory begins with, and not 0 as in the
paper: there both layers' gradients vanish, and a memory whose decay is .001 was dead after 16,000
tokens, with answers of 10⁻¹⁶.

What is read at t includes t's own write and nothing later. Chunks are counted from the first token
that a memory ever saw, pads left out, and the state says how far the last one has come: how the
stream is cut into calls, or padded, makes no difference. C itself does, unlike in `linear_memory`.

Three things keep it from blowing up. What each is worth was seen with one unit key repeated 4,096
times, C = 64, and the other two in place:
* 1 / C, as C tokens of one key act as one step of C times the size. Without it the error never
  falls; with it, to 10⁻⁷ of the value's length.
* θ ≤ 1-η, which is the caller's part, as S grows to 1 / (1-η) times a write while the gradients
  stand still. At η = .99, θ = 1 never learns the value, θ = 1-η does, to 10⁻⁴.
* 1 / λ, as the curvature grows with the weights, and so with the values: λ_t = ‖z_t‖² + ‖k_t‖²
  ‖diag(φ') W2‖² bounds the largest eigenvalue of the token's own Gauss-Newton matrix, z = φ(k W1).
  Without it values of length 60 end at weights of 10⁵, and different keys at NaN (C = 4); with it
  both stay bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput
from memgraft.nn.fast_weights import Carry, Gates, checked, checked_size, inside
from memgraft.nn.slots import Slots


@dataclass(frozen=True, eq=False)
class MlpState:
    """The memory as a value.

    first W1 (batch, heads, d_k, hidden) and second W2 (batch, heads, hidden, d_v), each also as
    its momentum and as it was at the start of the chunk; filled (batch,): how many tokens the
    chunk has, always fewer than C.
    """

    first: Tensor
    second: Tensor
    first_momentum: Tensor
    second_momentum: Tensor
    first_start: Tensor
    second_start: Tensor
    filled: Tensor

    @classmethod
    def empty(cls, first: Tensor, second: Tensor) -> MlpState:
        """A memory with these weights and no momentum, at the start of a chunk."""
        filled = torch.zeros(len(first), dtype=torch.long, device=first.device)
        still = (torch.zeros_like(first), torch.zeros_like(second))
        return cls(first, second, *still, first, second, filled)


class MlpRead(NamedTuple):
    """What was read (batch, heads, tokens, d_v), the state afterwards, and how large the error of
    each token was at the start of its chunk (batch, heads, tokens), without gradients."""

    output: Tensor
    state: MlpState
    surprise: Tensor


class _Layers(NamedTuple):
    """One thing of each layer: weights, momenta, or changes."""

    first: Tensor
    second: Tensor

    def where(self, rows: Tensor, other: _Layers) -> _Layers:
        """These in the rows (batch,) that are true, the other ones elsewhere."""
        rows = rows[:, None, None, None]
        return _Layers(*(torch.where(rows, a, b) for a, b in zip(self, other, strict=True)))

    def plus(self, other: _Layers) -> _Layers:
        return _Layers(self.first + other.first, self.second + other.second)

    def minus(self, other: _Layers) -> _Layers:
        return _Layers(self.first - other.first, self.second - other.second)


def activation(x: Tensor) -> Tensor:
    """φ, a SiLU over √width: the longer the hidden layer, the more would a step change."""
    return torch.nn.functional.silu(x) / math.sqrt(x.shape[-1])


def activation_slope(x: Tensor) -> Tensor:
    """φ'."""
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate)) / math.sqrt(x.shape[-1])


def mlp_memory(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    gates: Gates,
    state: MlpState,
    mask: Tensor | None = None,
    chunk_size: int = 64,
    threshold: float = 0.0,
    origin: tuple[Tensor, Tensor] | None = None,
) -> MlpRead:
    """Write and read tokens, a chunk at a time.

    Args:
        queries, keys: (batch, heads, tokens, d_k).
        values: (batch, heads, tokens, d_v).
        gates: each (batch, heads, tokens).
        state: where the memory stands; `MlpState.empty` for a new one.
        mask: (batch, tokens), false for pads: they write nothing, change nothing and read 0.
        chunk_size: C; the same in all calls on one state.
        threshold: tokens whose error at the start of their chunk is below it write nothing.
        origin: M_0, (heads, d_k, hidden) and (heads, hidden, d_v); zeros, if left out.

    Raises:
        InvalidInput: shapes that do not fit, or a state that was written in larger chunks.
    """
    mask = _checked(queries, keys, values, gates, state, mask, chunk_size)
    dtype = inside(queries, keys, values, state.first)
    slots = Slots.of(mask, state.filled)
    weights, moving, start = _layers(state, dtype)
    base = _origin(origin, weights)
    # What decays is the way that the weights have come from there.
    weights = weights.minus(base)
    total = state.filled + mask.sum(dim=1)
    queries, keys, values = (slots.fill(part.to(dtype)) for part in (queries, keys, values))
    gates = Gates(*(slots.fill(gate[..., None])[..., 0] for gate in gates.to(dtype)))
    gates = gates.paused(slots.used[:, None])
    parts = list(_parts(state.filled, slots.used.shape[1], chunk_size))
    # Split and not sliced one by one: the gradient of each slice is as large as the whole.
    sizes = [parts[0].start if parts else slots.used.shape[1]]
    sizes += [part.stop - part.start for part in parts]
    (_, *qs), (_, *ks), (earlier, *vs) = (
        tensor.split(sizes, dim=2) for tensor in (queries, keys, values)
    )
    (before, *thetas), (_, *etas), (_, *alphas) = (gate.split(sizes, dim=2) for gate in gates)
    outputs, surprises = [torch.zeros_like(earlier)], [torch.zeros_like(before)]
    for part, q, k, v, *local_gates in zip(parts, qs, ks, vs, thetas, etas, alphas, strict=True):
        local = Gates(*local_gates)
        carry = Carry.of(local, slots.used[:, None, part])
        inner = k @ start.first
        hidden = activation(inner)
        error = hidden @ start.second - v
        surprise = error.detach().norm(dim=-1)
        slope = activation_slope(inner)
        back = (error @ start.second.mT) * slope
        strength = start.second.square().sum(dim=-1, keepdim=True)
        curvature = hidden.square().sum(dim=-1) + k.square().sum(dim=-1) * (
            slope.square() @ strength
        ).squeeze(-1)
        step = _step(local, curvature, surprise, chunk_size, threshold)

        reach = carry.memory[..., 1:, 1:] * step[..., None, :]
        kept, moved = carry.start[..., 1:, None], carry.memory[..., 1:, :1]
        inner = q @ base.first + kept * (q @ weights.first) + moved * (q @ moving.first)
        read = activation(inner - (reach * (q @ k.mT)) @ back)
        outer = read @ base.second + kept * (read @ weights.second)
        outer = outer + moved * (read @ moving.second)
        outputs.append(outer - (reach * (read @ hidden.mT)) @ error)
        surprises.append(surprise)
        weights, moving = _written(weights, moving, carry, step, [(k, back), (hidden, error)])
        if part.stop % chunk_size == 0:
            start = weights.plus(base).where(total >= part.stop, start)
    after = MlpState(*weights.plus(base), *moving, *start, total % chunk_size)
    output, surprise = torch.cat(outputs, dim=2), torch.cat(surprises, dim=2)
    return MlpRead(slots.read(output), after, slots.read(surprise[..., None])[..., 0])


def mlp_memory_oracle(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    gates: Gates,
    state: MlpState,
    mask: Tensor | None = None,
    chunk_size: int = 64,
    threshold: float = 0.0,
    origin: tuple[Tensor, Tensor] | None = None,
) -> MlpRead:
    """`mlp_memory` by its definition: token by token, its gradients by autograd."""
    mask = _checked(queries, keys, values, gates, state, mask, chunk_size)
    weights, moving, start = _layers(state, inside(queries, keys, values, state.first))
    base = _origin(origin, weights)
    filled = state.filled
    outputs, surprises = [], []
    tokens = (part.split(1, dim=2) for part in (queries, keys, values))
    writing = (gate.unbind(dim=2) for gate in gates)
    for t, (query, key, value, *gate) in enumerate(zip(*tokens, *writing, strict=True)):
        local = Gates(*gate)
        with torch.enable_grad():
            at = _Layers(*(layer.view_as(layer).requires_grad_() for layer in start))
            inner = key @ at.first
            error = activation(inner) @ at.second - value
            slopes = torch.autograd.grad(error.square().sum() / 2, at, create_graph=True)
        surprise = error.detach().norm(dim=-1)[..., 0]
        jacobian = activation_slope(inner).mT * at.second
        curvature = activation(inner).square().sum(dim=(-2, -1)) + (
            key.square().sum(dim=(-2, -1)) * jacobian.square().sum(dim=(-2, -1))
        )
        step = _step(local, curvature, surprise, chunk_size, threshold)[..., None, None]
        eta, alpha = local.momentum[..., None, None], local.decay[..., None, None]
        moved = _Layers(*(eta * s - step * g for s, g in zip(moving, slopes, strict=True)))
        wrote = _Layers(
            *((1 - alpha) * w + alpha * b + s for w, b, s in zip(weights, base, moved, strict=True))
        )
        real = mask[:, t]
        weights, moving = wrote.where(real, weights), moved.where(real, moving)
        output = activation(query @ weights.first) @ weights.second
        outputs.append(output * real[:, None, None, None])
        surprises.append(surprise * real[:, None])
        filled = (filled + real) % chunk_size
        start = weights.where(real & (filled == 0), start)
    after = MlpState(*weights, *moving, *start, filled)
    return MlpRead(torch.cat(outputs, dim=2), after, torch.stack(surprises, dim=2))


def _layers(state: MlpState, dtype: torch.dtype) -> tuple[_Layers, _Layers, _Layers]:
    """Weights, momenta, and weights at the start of the chunk."""
    weights = _Layers(state.first.to(dtype), state.second.to(dtype))
    moving = _Layers(state.first_momentum.to(dtype), state.second_momentum.to(dtype))
    return weights, moving, _Layers(state.first_start.to(dtype), state.second_start.to(dtype))


def _origin(origin: tuple[Tensor, Tensor] | None, like: _Layers) -> _Layers:
    if origin is None:
        return _Layers(*(torch.zeros_like(layer) for layer in like))
    return _Layers(*(part.to(layer.dtype) for part, layer in zip(origin, like, strict=True)))


def _parts(filled: Tensor, end: int, size: int) -> Iterator[slice]:
    """The slots that are new to some row, up to `end`, cut where chunks begin."""
    at = int(filled.min()) if len(filled) else end
    while at < end:
        until = min(end, at - at % size + size)
        yield slice(at, until)
        at = until


def _step(
    gates: Gates, curvature: Tensor, surprise: Tensor, chunk_size: int, threshold: float
) -> Tensor:
    """θ / C / max(1, λ), 0 below the threshold."""
    step = gates.strength / (chunk_size * curvature.clamp_min(1.0))
    return step * (surprise >= threshold)


def _written(
    weights: _Layers,
    moving: _Layers,
    carry: Carry,
    step: Tensor,
    gradients: Iterable[tuple[Tensor, Tensor]],
) -> tuple[_Layers, _Layers]:
    """Weights and momenta after a chunk, from its tokens' gradients as (left, right) factors."""
    kept, moved, going = carry.ends
    wrote, going_on = [], []
    for weight, pace, (left, right) in zip(weights, moving, gradients, strict=True):
        change, push = (
            (left * (end[..., -1, 1:] * step)[..., None]).mT @ right
            for end in (carry.memory, carry.momentum)
        )
        wrote.append(kept * weight + moved * pace - change)
        going_on.append(going * pace - push)
    return _Layers(*wrote), _Layers(*going_on)


def _checked(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    gates: Gates,
    state: MlpState,
    mask: Tensor | None,
    chunk_size: int,
) -> Tensor:
    """The mask as booleans, or an `InvalidInput` that says what does not fit."""
    checked_size("chunk_size", chunk_size)
    hidden = state.second.shape[-2]
    first, second = (keys.shape[-1], hidden), (hidden, values.shape[-1])
    shapes = {
        name: (tensor, first if name.startswith("first") else second)
        for name, tensor in vars(state).items()
        if name != "filled"
    }
    if len(state.filled) and int(state.filled.max()) >= chunk_size:
        raise InvalidInput(
            "this state was written in larger chunks",
            expected=f"fewer than {chunk_size} tokens in the last one",
            got=str(int(state.filled.max())),
            next_step="use the chunk_size that it was written with",
        )
    return checked(queries, keys, values, gates, mask, shapes)
