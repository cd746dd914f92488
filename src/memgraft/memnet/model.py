"""MemNet: a controller, a bank of slots, a graph between them, and dreams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from memgraft.core.errors import InvalidInput
from memgraft.memnet.bank import MultiHeadMemoryBank, Requests
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.controller import TransformerController
from memgraft.memnet.embedding import Embedding
from memgraft.memnet.graph import HebbianGraph
from memgraft.memnet.losses import hallucination_loss, sparsity_loss, utilization_loss
from memgraft.memnet.state import MemNetState
from memgraft.memnet.synthesizer import MemorySynthesizer


@dataclass(frozen=True)
class Switches:
    """Which parts are on; an experiment takes them away one by one.

    Without the memory reads are zero and nothing is written; without writes the memory can be
    read and stays as it was.
    """

    memory: bool = True
    graph: bool = True
    dreaming: bool = True
    writes: bool = True


WHOLE = Switches()


@dataclass(frozen=True, eq=False)
class Moment:
    """What happened in one segment, for those who look: see `Requests` and `MemNetState`.

    read and written (batch, heads, tokens, slots); state is the one after it.
    """

    asked: Requests
    read: Tensor
    written: Tensor
    state: MemNetState


@dataclass(frozen=True, eq=False)
class MemNetOutput:
    """logits (batch, tokens, vocabulary), the state afterwards, and the auxiliary losses by name,
    none unless they were asked for.

    figures: of the same call, for a log: `freed`, the slots of all memory heads that a dream frees,
    a mean over dreams; absent where nothing was dreamt or the losses were not asked for.
    """

    logits: Tensor
    state: MemNetState
    losses: dict[str, Tensor]
    figures: dict[str, float]


class MemNet(nn.Module):
    """The Hebbian graph memory that dreams (Memory Is All You Need).

    A segment reads the memory as it was when the segment began, and its own earlier tokens by
    attention; then its tokens write. So what token t says depends on tokens up to t, of its own
    sequence only. How the text is cut into calls makes no difference where cuts are at multiples
    of the window. Gradients run through the writes of a call; `MemNetState.detach` cuts them.
    """

    def __init__(self, config: MemNetConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = Embedding(config.vocabulary, config.features, config.width)
            self.controller = TransformerController(config)
            self.bank = MultiHeadMemoryBank(config)
            self.graph = HebbianGraph(config)
            self.synthesizer = MemorySynthesizer(config)
            read = config.memory_heads * config.value_width
            self.hallucinate = nn.Sequential(
                nn.Linear(read, config.width), nn.GELU(), nn.Linear(config.width, config.width)
            )
            self.norm = nn.LayerNorm(config.width)
            self.head = nn.Linear(config.width, config.vocabulary)
            if config.echo:
                self.echo = nn.Parameter(torch.tensor(float(config.echo)))

    def initial_state(self, batch: int) -> MemNetState:
        """A memory that has read nothing."""
        return MemNetState.empty(self.config, batch, self.head.weight.device)

    def forward(
        self,
        ids: Tensor,
        state: MemNetState | None = None,
        features: Tensor | None = None,
        switches: Switches = WHOLE,
        generator: torch.Generator | None = None,
        auxiliary: bool = False,
        watch: Callable[[Moment], None] | None = None,
    ) -> MemNetOutput:
        """Read and write (batch, tokens) ids.

        Args:
            state: what the call before returned; a new memory, if left out.
            features: (batch, tokens, config.features), if the model has any.
            generator: of the random policy in training; without one, and in evaluation, it reads
                what it would on average.
            auxiliary: whether to compute the losses besides the task's.
            watch: told of every segment.

        Raises:
            InvalidInput: something has another shape.
        """
        embedded = self.embedding(ids, features)
        state = self.initial_state(len(ids)) if state is None else self._checked(state, len(ids))
        stream, seen = self.controller.perceive(embedded)
        if not switches.memory:
            width = self.config.memory_heads * self.config.value_width
            read = stream.new_zeros(*ids.shape, width)
            return MemNetOutput(self._said(stream, read), state, {}, {})
        asked, tail = self.bank.requests(seen, state.tail)
        course = _Course(self, switches, generator if self.training else None, auxiliary, watch)
        state = course.run(state, asked)
        if switches.writes:
            state = replace(state, tail=tail)
        losses = course.losses(asked, embedded) if auxiliary else {}
        logits = self._said(stream, torch.cat(course.reads, dim=1))
        return MemNetOutput(logits, state, losses, course.figures if auxiliary else {})

    def _said(self, stream: Tensor, read: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.controller.conclude(stream, read)))
        return logits + self._echoed(read) if self.config.echo else logits

    def _echoed(self, read: Tensor) -> Tensor:
        """The part of the read that is what each id, shown alone, would have written: a pointer.

        It needs no training, so the weights need not change where the memory knows the answer.
        """
        _, seen = self.controller.perceive(self.embedding.table.weight[:, None])
        values = self.bank.value(self.bank.bottleneck(seen))[:, 0]
        return self.echo * (read @ (values / values.square().sum(dim=-1, keepdim=True)).T)

    def _checked(self, state: MemNetState, batch: int) -> MemNetState:
        wanted = MemNetState.empty(self.config, 1, "meta").tensors()
        expected = {name: (batch, *part.shape[1:]) for name, part in wanted.items()}
        got = {name: tuple(part.shape) for name, part in state.tensors().items()}
        if got != expected:
            raise InvalidInput(
                "this state does not fit this network",
                expected=str(expected),
                got=str(got),
                next_step="give the state that the call before returned, for the same sequences",
            )
        return state


class _Course:
    """One call's way through its segments, the only part that goes one after the other."""

    def __init__(
        self,
        net: MemNet,
        switches: Switches,
        generator: torch.Generator | None,
        auxiliary: bool,
        watch: Callable[[Moment], None] | None,
    ) -> None:
        self.net, self.switches, self.generator = net, switches, generator
        self.auxiliary, self.watch = auxiliary, watch
        self.reads: list[Tensor] = []
        self.recalled: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.use: Tensor | float = 0.0
        self.dreams, self.freed = 0, 0

    def run(self, state: MemNetState, asked: Requests) -> MemNetState:
        for segment in asked.segments(self.net.config.window):
            state = self._segment(state, segment)
        return state

    def _segment(self, state: MemNetState, asked: Requests) -> MemNetState:
        bank, graph, on = self.net.bank, self.net.graph, self.switches
        direct = bank.read_weights(state, asked, self.generator)
        read = graph.spread(direct, state.edges) if on.graph else direct
        self.reads.append(bank.read(state, read))
        written = torch.zeros_like(read)
        if on.writes:
            written = bank.write_weights(state, asked)
            state = bank.write(state, asked, written, read)
            if on.graph:
                activity = (direct + written).clamp_max(1.0)
                edges, trace = graph.learn(state.edges, state.trace, activity)
                state = replace(state, edges=edges, trace=trace)
            state = replace(state, clock=state.clock + 1)
        if self.auxiliary:
            self.recalled.append(bank.recalled(state, asked))
            self.weights.append(read)
            self.use = self.use + (written + read).sum(dim=-2)
        if on.writes and on.dreaming:
            state = self._dreamt(state)
        if self.watch:
            self.watch(Moment(asked, read, written, state))
        return state

    def _dreamt(self, state: MemNetState) -> MemNetState:
        """The memory after the dreams of those sequences whose clock says so."""
        due = state.clock % self.net.config.synthesis_interval == 0
        if not bool(due.any()):
            return state
        after: MemNetState = self.net.synthesizer(state)
        if not bool(due.all()):
            after = after.where(due, state)
        if self.auxiliary:
            self.dreams += int(due.sum())
            self.freed += int((state.usage > 0).sum()) - int((after.usage > 0).sum())
        return after

    def losses(self, asked: Requests, embedded: Tensor) -> dict[str, Tensor]:
        rebuilt = self.net.hallucinate(torch.cat(self.recalled, dim=1))
        assert isinstance(self.use, Tensor)
        return {
            "hallucination": hallucination_loss(rebuilt, embedded, asked.gate),
            "utilization": utilization_loss(self.use),
            "sparsity": sparsity_loss(torch.cat(self.weights, dim=-2), asked.gate),
        }

    @property
    def figures(self) -> dict[str, float]:
        return {"freed": self.freed / self.dreams} if self.dreams else {}
