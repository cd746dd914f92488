"""What happens in the memory branches of a model while it reads a text.

Forward hooks on the branches, there for as long as the reading lasts, run each memory again with
`NeuralMemory.trace`; the model computes what it would without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize, silu

from memgraft.mag.state import MemoryState
from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import linear_memory
from memgraft.nn.mlp_memory import MlpState, mlp_memory


@dataclass(eq=False)
class LayerTrace:
    """One branch over one text of n tokens.

    By token, each (n,): opening, mean of the gate over its channels; open, share of channels that
    are more than half open; weight, length of what the memory adds over that of the attention's
    output; strength, momentum, decay and surprise, means over heads. By token and head, (heads, n,
    width): queries, keys, values and reads. By segment: norm of the memory's weights and of its
    momentum, means over heads. state: at the end.
    """

    opening: Tensor
    open: Tensor
    weight: Tensor
    strength: Tensor
    momentum: Tensor
    decay: Tensor
    surprise: Tensor
    queries: Tensor
    keys: Tensor
    values: Tensor
    reads: Tensor
    norms: list[float]
    momentum_norms: list[float]
    chunk_size: int
    state: MemoryState

    def asked_again(self, keys: Tensor) -> Tensor:
        """What the memory at the end of the text answers to keys (heads, n, width) of it."""
        still = torch.zeros(1, *keys.shape[:2], dtype=keys.dtype, device=keys.device)
        given = (keys[None], keys[None], torch.zeros_like(keys)[None], Gates(still, still, still))
        state = self.state.memory
        if isinstance(state, MlpState):
            return mlp_memory(*given, state, None, self.chunk_size).output[0]
        return linear_memory(*given, state, None, self.chunk_size).output[0]


@dataclass(eq=False)
class TextTrace:
    """A text that was read: its ids, the log-probability of each token but the first (n - 1,),
    where segments end, and what happened in each layer with a branch."""

    ids: list[int]
    log_probabilities: Tensor
    ends: list[int]
    layers: dict[int, LayerTrace] = field(default_factory=dict)


@torch.inference_mode()
def watch(
    model: Any, ids: Sequence[int], segment: int = 256, told: Callable[[int], None] | None = None
) -> TextTrace:
    """Read a text with the memories as they are set, see `memories_set_to`, and watch them.

    Args:
        model: a patched model.
        ids: of the text, two tokens or more.
        segment: tokens that are read at once, and after which the state is looked at.
        told: called with the number of tokens of each segment.
    """
    with _watched(model) as seen:
        gains, ends = _read(model, ids, segment, told)
    traces = {index: _layer(model.branches()[index], parts) for index, parts in seen.items()}
    return TextTrace(list(ids), gains, ends, traces)


@torch.inference_mode()
def log_probabilities(
    model: Any, ids: Sequence[int], segment: int = 256, told: Callable[[int], None] | None = None
) -> Tensor:
    """Of each token but the first (n - 1,), without watching."""
    return _read(model, ids, segment, told)[0]


def _read(
    model: Any, ids: Sequence[int], segment: int, told: Callable[[int], None] | None
) -> tuple[Tensor, list[int]]:
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    row = torch.tensor([list(ids)], device=model.device)
    found, ends = [], []
    for at in range(0, len(ids), segment):
        end = min(at + segment, len(ids))
        outputs = model.model(input_ids=row[:, at:end], past_key_values=cache, use_cache=True)
        spread = torch.log_softmax(model.lm_head(outputs.last_hidden_state).float(), dim=-1)
        due = row[:, at + 1 : end + 1]
        found.append(spread[0, : due.shape[1]].gather(1, due[0, :, None])[:, 0].cpu())
        ends.append(end)
        if told:
            told(end - at)
    return torch.cat(found), ends


@dataclass(eq=False)
class _Part:
    """One segment in one branch."""

    opening: Tensor
    open: Tensor
    weight: Tensor
    gates: Gates
    surprise: Tensor
    mixed: Tensor  # queries, keys and values, (3, heads, tokens, width)
    reads: Tensor
    state: MemoryState


@contextmanager
def _watched(model: Any) -> Iterator[dict[int, list[_Part]]]:
    """The segments of every branch, as they are read while the context lasts."""
    seen: dict[int, list[_Part]] = {}
    with ExitStack() as stack:
        for index, branch in model.branches().items():
            parts = seen.setdefault(index, [])
            handle = branch.register_forward_hook(_noting(parts))
            stack.callback(handle.remove)
        yield seen


def _noting(parts: list[_Part]) -> Any:
    def note(branch: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        stream = inputs[2]
        # As the branch does: its weights may be wider than those of the layer.
        attended, hidden = (part.to(branch.gate.weight.dtype) for part in inputs[:2])
        previous = None if branch.previous is None else stream.reads[branch.previous]
        before, writes = stream.before.get(branch.index), stream.mode == "on"
        mixed: list[Tensor] = []
        noting = branch.memory.convolution.register_forward_hook(
            lambda _, __, made: mixed.append(made[0])
        )
        try:
            trace = branch.memory.trace(hidden, before, None, previous, writes)
        finally:
            noting.remove()
        opening = branch.gate.opening(hidden)[0].float()
        added = (output.to(attended.dtype) - attended)[0].float().norm(dim=-1)
        parts.append(
            _Part(
                opening.mean(dim=-1).cpu(),
                (opening > 0.5).float().mean(dim=-1).cpu(),
                (added / attended[0].float().norm(dim=-1).clamp(min=1e-9)).cpu(),
                Gates(*(gate[0].mean(dim=0).cpu() for gate in trace.gates)),
                trace.surprise[0].float().mean(dim=0).cpu(),
                # The last one: a new memory may have read its persistent tokens before.
                _heads(mixed[-1], branch.memory.config.memory_heads),
                trace.output[0].float().unflatten(-1, (branch.memory.config.memory_heads, -1))
                .transpose(0, 1).cpu(),
                trace.state,
            )
        )  # fmt: skip

    return note


def _heads(mixed: Tensor, heads: int) -> Tensor:
    """Queries and keys, of unit length, and values, as the memory uses them."""
    query, key, value = (
        part[0].unflatten(-1, (heads, -1)).transpose(0, 1)
        for part in silu(mixed.float()).chunk(3, dim=-1)
    )
    query, key = (normalize(part, dim=-1, eps=1e-6) for part in (query, key))
    return torch.stack([query, key, value]).cpu()


def _layer(branch: Any, parts: Sequence[_Part]) -> LayerTrace:
    def joined(take: Callable[[_Part], Tensor], dim: int = -1) -> Tensor:
        return torch.cat([take(part) for part in parts], dim=dim)

    mixed = joined(lambda part: part.mixed, dim=2)
    return LayerTrace(
        opening=joined(lambda part: part.opening),
        open=joined(lambda part: part.open),
        weight=joined(lambda part: part.weight),
        strength=joined(lambda part: part.gates.strength),
        momentum=joined(lambda part: part.gates.momentum),
        decay=joined(lambda part: part.gates.decay),
        surprise=joined(lambda part: part.surprise),
        queries=mixed[0],
        keys=mixed[1],
        values=mixed[2],
        reads=joined(lambda part: part.reads, dim=1),
        norms=[_norm(part.state, ("weight", "first", "second")) for part in parts],
        momentum_norms=[
            _norm(part.state, ("momentum", "first_momentum", "second_momentum")) for part in parts
        ],
        chunk_size=branch.memory.config.chunk_size,
        state=parts[-1].state.to("cpu"),
    )


def _norm(state: MemoryState, names: Sequence[str]) -> float:
    """Frobenius norm of these parts together, mean over heads."""
    tensors = state.tensors()
    squares = [tensors[name][0].float().pow(2).sum(dim=(1, 2)) for name in names if name in tensors]
    return float(torch.stack(squares).sum(dim=0).sqrt().mean())
