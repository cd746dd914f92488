"""The neural memory: it learns at test time what the text says, in weights of a fixed size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, silu

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig
from memgraft.mag.convolution import ShortConvolution
from memgraft.mag.projector import QueryProjector
from memgraft.mag.state import MemoryState
from memgraft.mag.write_gates import WriteGates
from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearRead, LinearState, linear_memory
from memgraft.nn.mlp_memory import MlpRead, MlpState, mlp_memory
from memgraft.nn.slots import Slots


@dataclass(frozen=True, eq=False)
class Trace:
    """One pass, with what happened in it.

    output (batch, tokens, memory_size); state, the one afterwards; gates and surprise, each
    (batch, heads, tokens), the latter without gradients: the length of each token's prediction
    error. At pads all are 0.
    """

    output: Tensor
    state: MemoryState
    gates: Gates
    surprise: Tensor


class NeuralMemory(nn.Module):
    """Long-term memory of Titans (arXiv 2501.00663), to stand beside a layer's attention.

    Queries, keys and values are projections of the residual stream, each followed by a short
    causal convolution and SiLU; queries and keys are of unit length. Every token writes its key
    and value and reads with its query, `linear_memory` or `mlp_memory`, whose equations say what
    sees what: what token t reads depends on tokens up to t, never on later ones, on other
    sequences or on pads. How the text is cut into calls makes no difference.

    The initial weights of the MLP memory are parameters; its second layer starts at zero, so that
    like the linear one it answers 0 until something is written.

    Args:
        hidden_size: width of the residual stream.
        refined: whether an earlier layer's memory output comes in, see `QueryProjector`.
    """

    def __init__(self, hidden_size: int, config: MagConfig, refined: bool = False) -> None:
        super().__init__()
        self.hidden_size, self.config = hidden_size, config
        size, heads, width = config.memory_size, config.memory_heads, config.memory_head_dim
        self.query = QueryProjector(hidden_size, config, refined)
        self.key = nn.Linear(hidden_size, size, bias=False)
        self.value = nn.Linear(hidden_size, size, bias=False)
        self.convolution = ShortConvolution(3 * size, config.conv_size)
        self.gates = WriteGates(hidden_size, config)
        if config.n_persistent_tokens:
            self.persistent = nn.Parameter(torch.empty(config.n_persistent_tokens, hidden_size))
        if config.memory_layers == 2:
            inner = config.memory_expansion * width
            self.first = nn.Parameter(torch.empty(heads, width, inner))
            self.second = nn.Parameter(torch.empty(heads, inner, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise what is this module's own; its parts have a `reset_parameters` each."""
        if self.config.n_persistent_tokens:
            nn.init.normal_(self.persistent)
        if self.config.memory_layers == 2:
            nn.init.normal_(self.first)
            nn.init.zeros_(self.second)

    def forward(
        self,
        hidden: Tensor,
        state: MemoryState | None = None,
        mask: Tensor | None = None,
        previous: Tensor | None = None,
        writes: bool = True,
    ) -> tuple[Tensor, MemoryState]:
        """What the tokens read (batch, tokens, memory_size), 0 at pads, and the state afterwards.

        Args:
            hidden: (batch, tokens, hidden_size).
            state: what the call before returned; a new memory, if left out.
            mask: (batch, tokens), 1 or true for tokens, 0 for pads, of this call only.
            previous: what the memory of an earlier layer read, (batch, tokens, memory_size).
            writes: without, the memory is as it was, and its state too but for the convolutions.

        Raises:
            InvalidInput: something has another shape.
        """
        trace = self.trace(hidden, state, mask, previous, writes)
        return trace.output, trace.state

    def trace(
        self,
        hidden: Tensor,
        state: MemoryState | None = None,
        mask: Tensor | None = None,
        previous: Tensor | None = None,
        writes: bool = True,
    ) -> Trace:
        """`forward`, with the gates and the surprise of every token."""
        self._check(hidden, mask, previous)
        batch = len(hidden)
        state = self.initial_state(batch) if state is None else self._checked(state, batch)
        if mask is None:
            return self._read(hidden, state, previous, writes=writes)
        slots = Slots.of(mask.bool())
        refinement = None if previous is None else slots.fill(previous)
        inner = self._read(slots.fill(hidden), state, refinement, slots.used, writes)
        spread = [slots.read(part[..., None])[..., 0] for part in (*inner.gates, inner.surprise)]
        return Trace(slots.read(inner.output), inner.state, Gates(*spread[:3]), spread[3])

    def initial_state(self, batch: int) -> MemoryState:
        """A memory that has read the persistent tokens, if there are any, and nothing else."""
        state = self._empty()
        if self.config.n_persistent_tokens:
            state = self._read(self.persistent[None], state).state
        return state.rows(torch.zeros(batch, dtype=torch.long))

    def addresses(self, hidden: Tensor, previous: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Under what the tokens of a new text ask, and under what they write: queries and keys of
        unit length, each (batch, heads, tokens, memory_head_dim).

        Args:
            hidden: (batch, tokens, hidden_size), pads only at the end of a row.
            previous: as in `forward`.
        """
        self._check(hidden, None, previous)
        tail = self._empty().tail.expand(len(hidden), -1, -1)
        query, key, _, _ = self._projected(hidden, tail, previous)
        return query, key

    def _empty(self) -> MemoryState:
        """A memory of one sequence that has read nothing."""
        config, like = self.config, self.key.weight
        dtype = torch.promote_types(like.dtype, torch.float32)
        memory: LinearState | MlpState
        if config.memory_layers == 2:
            memory = MlpState.empty(self.first[None].to(dtype), self.second[None].to(dtype))
        else:
            width = config.memory_head_dim
            shape = (1, config.memory_heads, width, width)
            memory = LinearState.empty(shape, dtype, like.device)
        tail = torch.zeros(
            1, config.conv_size - 1, 3 * config.memory_size, dtype=dtype, device=like.device
        )
        return MemoryState(memory, tail)

    def _read(
        self,
        hidden: Tensor,
        state: MemoryState,
        previous: Tensor | None = None,
        used: Tensor | None = None,
        writes: bool = True,
    ) -> Trace:
        """One pass over rows that have their pads at the end, where `used` is false."""
        query, key, value, tail = self._projected(hidden, state.tail, previous, used)
        # Fast weights are small sums of many steps: half precision, autocast or not, is too coarse.
        with torch.autocast(hidden.device.type, enabled=False):
            gates = self.gates(hidden)
            if not writes:
                gates = Gates(*(torch.zeros_like(gate) for gate in gates))
            read = self._recall(query, key, value, gates, state.memory, used)
        output = read.output.transpose(1, 2).flatten(2).to(hidden.dtype)
        after = MemoryState(read.state if writes else state.memory, tail)
        return Trace(output, after, gates, read.surprise)

    def _projected(
        self, hidden: Tensor, tail: Tensor, previous: Tensor | None, used: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys and values (batch, heads, tokens, width), and the next call's tail."""
        parts = [self.query(hidden, previous), self.key(hidden), self.value(hidden)]
        lengths = None if used is None else used.sum(dim=1)
        mixed, after = self.convolution(torch.cat(parts, dim=-1), tail, lengths)
        with torch.autocast(hidden.device.type, enabled=False):
            mixed = silu(mixed.to(tail.dtype))
            query, key, value = (
                part.unflatten(-1, (self.config.memory_heads, -1)).transpose(1, 2)
                for part in mixed.chunk(3, dim=-1)
            )
            query, key = (normalize(part, dim=-1, eps=1e-6) for part in (query, key))
        return query, key, value, after

    def _recall(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        gates: Gates,
        memory: LinearState | MlpState,
        used: Tensor | None,
    ) -> LinearRead | MlpRead:
        dials = (used, self.config.chunk_size, self.config.surprise_threshold)
        if isinstance(memory, MlpState):
            origin = (self.first, self.second)
            return mlp_memory(query, key, value, gates, memory, *dials, origin=origin)
        return linear_memory(query, key, value, gates, memory, *dials)

    def _check(self, hidden: Tensor, mask: Tensor | None, previous: Tensor | None) -> None:
        shape = tuple(hidden.shape[:2])
        wanted = {"hidden": (hidden, (*shape, self.hidden_size))}
        if mask is not None:
            wanted["the mask"] = (mask, shape)
        if previous is not None:
            wanted["the previous layer's output"] = (previous, (*shape, self.config.memory_size))
        for name, (tensor, expected) in wanted.items():
            if tuple(tensor.shape) != expected:
                raise InvalidInput(
                    f"{name} does not fit this memory",
                    expected=str(expected),
                    got=str(tuple(tensor.shape)),
                )

    def _checked(self, state: MemoryState, batch: int) -> MemoryState:
        """The state, if it is one of such a memory and batch."""
        expected = {n: (batch, *part.shape[1:]) for n, part in self._empty().tensors().items()}
        got = {name: tuple(part.shape) for name, part in state.tensors().items()}
        if got != expected:
            raise InvalidInput(
                "this state does not fit this memory",
                expected=str(expected),
                got=str(got),
                next_step="give the state that the call before returned, for the same sequences",
            )
        return state
