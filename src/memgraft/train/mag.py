"""Training memory branches: told a long text, the model must answer what its window has lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.mag.cache import remember
from memgraft.mag.gate import MemoryGate
from memgraft.mag.state import MemoryState
from memgraft.mag.streaming import stream
from memgraft.train.loop import Task
from memgraft.train.mag_samples import Asked
from memgraft.train.processes import ALONE, Processes

IGNORED = -100
# By the index of their layers.
States = Mapping[int, MemoryState]


@dataclass(frozen=True)
class MagTraining(Config):
    """What a step is made of."""

    contexts: int = 1  # per step, of all processes
    # The last tokens of a context, one number of which is drawn per step: they are read again
    # together with each question, so that attention has something to look back on.
    overlap: tuple[int, ...] = (8, 24)
    segment: int = 512  # tokens of a context that are read at once
    history: int = 0  # segments that gradients reach back through; 0 is all of them
    # Weight of how far gates stand open: a memory that is not needed should be out of the way.
    openness: float = 0.0
    # Weight of what the memory changes in texts apart from the context, where samples have any.
    leaving: float = 1.0
    measured: int = 16  # contexts held out
    seed: int = 0

    def check(self, processes: Processes) -> None:
        """`InvalidInput` unless so many processes can share a step evenly."""
        if self.contexts % processes.count:
            raise InvalidInput(
                "processes share the contexts of a step evenly",
                expected=f"a multiple of {processes.count}",
                got=str(self.contexts),
                next_step="change --batch-size",
            )


@dataclass(frozen=True, eq=False)
class Batch:
    """contexts (batch, tokens) padded on the left, rows (questions, tokens) padded on the right,
    each with its mask; owners (questions,), the context of each row; labels like the rows; and
    texts apart like the rows, with their mask and owners."""

    contexts: Tensor
    contexts_mask: Tensor
    rows: Tensor
    rows_mask: Tensor
    owners: Tensor
    labels: Tensor
    apart: Tensor
    apart_mask: Tensor
    apart_owners: Tensor

    @classmethod
    def of(cls, asked: Sequence[Asked], overlap: int, device: Any) -> Batch:
        """Every question with the last tokens of its context before it.

        Raises:
            InvalidInput: a context is not longer than the overlap.
        """
        if any(len(one.context) <= overlap for one in asked):
            raise InvalidInput(
                "a context leaves nothing to remember",
                expected=f"more than {overlap} tokens",
                got=f"{min(len(one.context) for one in asked)}",
                next_step="make longer samples, or let questions overlap less",
            )
        contexts = [one.context[: len(one.context) - overlap] for one in asked]
        rows, labels, owners = [], [], []
        for owner, one in enumerate(asked):
            for question, due in one.questions:
                before = one.context[len(one.context) - overlap :] + question
                rows.append(before + due)
                labels.append([IGNORED] * len(before) + due)
                owners.append(owner)
        ids, mask = _padded(contexts, left=True)
        asking, asking_mask = _padded(rows)
        due_ids, _ = _padded(labels, fill=IGNORED)
        apart = [(owner, text) for owner, one in enumerate(asked) for text in one.apart]
        apart_ids, apart_mask = _padded([text for _, text in apart])
        apart_owners = torch.tensor([owner for owner, _ in apart], dtype=torch.long)
        parts = (
            ids, mask, asking, asking_mask, torch.tensor(owners), due_ids,
            apart_ids, apart_mask, apart_owners,
        )  # fmt: skip
        return cls(*(part.to(device) for part in parts))


class MagTask(Task):
    """Contexts of a curriculum's samples through the memories, their questions through all layers.

    The memory of a context is computed once, however many questions are asked of it. Nothing
    above the highest memory is computed for the context, and below the lowest one there are no
    gradients, as the base is frozen: what a step costs is mostly one forward pass of the layers
    below.

    Args:
        model: what `patch_with_mag` made; what is to be trained asks for gradients.
        samples: `Asked` by its number.
        held_out: samples to measure on.
    """

    def __init__(
        self,
        model: Any,
        samples: Callable[[int], Asked],
        held_out: Sequence[Asked],
        config: MagTraining = MagTraining(),
        processes: Processes = ALONE,
    ) -> None:
        config.check(processes)
        self.model = model
        self.samples, self.held_out = samples, held_out
        self.config, self.processes = config, processes

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        config, processes = self.config, self.processes
        first = step * config.contexts
        mine = range(first + processes.rank, first + config.contexts, processes.count)
        overlap = random.Random(f"overlap-{config.seed}-{step}").randint(
            min(config.overlap), max(config.overlap)
        )
        batch = Batch.of([self.samples(index) for index in mine], overlap, self.model.device)
        with gated(self.model) as passes:
            states = self._told(batch)
            logits, target, last = self._answered(batch, states)
            changed = self._leaving(batch, states)
        counts = torch.tensor([len(target), int(batch.apart_mask.sum())], device=target.device)
        (mean,) = processes.mean([counts.float()])
        answering = F.cross_entropy(logits, target, reduction="sum") / mean[0]
        left = changed / mean[1].clamp(min=1)
        openness = torch.stack([gate.opening(given).mean() for gate, given in passes]).mean()
        right = logits.detach().argmax(dim=-1) == target
        figures = {
            "answering": float(answering.detach()),
            "tokens": float(right.float().mean()),
            "exact": _exact(right, last),
            "openness": float(openness.detach()),
            "changed": float(left.detach()),
        }
        return answering + config.openness * openness + config.leaving * left, figures

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """On held-out contexts: answers that are right in every token, with the memory and with
        the window alone, and the loss."""
        exact: dict[str, list[float]] = {"on": [], "off": []}
        losses = []
        window = getattr(self.model.config, "sliding_window", None)
        for one in self.held_out:
            for mode, found in exact.items():
                seen = window if mode == "off" else min(self.config.overlap)
                overlap = min(seen or len(one.context), len(one.context) - 1)
                batch = Batch.of([one], overlap, self.model.device)
                with self.model.memories_set_to(mode):
                    logits, target, last = self._answered(batch, self._told(batch))
                found.append(_exact(logits.argmax(dim=-1) == target, last))
                if mode == "on":
                    losses.append(float(F.cross_entropy(logits, target)))
        means = {f"memory {mode}": sum(found) / len(found) for mode, found in exact.items()}
        return {**means, "held-out loss": sum(losses) / len(losses)}

    def _told(self, batch: Batch) -> States:
        """What the memories hold after the contexts."""
        if self.model.model.memory_mode == "off":
            return {}
        whole = bool(batch.contexts_mask.all())
        return stream(
            self.model,
            batch.contexts,
            None if whole else batch.contexts_mask,
            segment=self.config.segment,
            history=self.config.history,
        )

    def _answered(self, batch: Batch, states: States) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (tokens due, vocabulary), those tokens, and the row that each is of."""
        hidden = self._read(batch.rows, batch.rows_mask, states, batch.owners)
        due = batch.labels[:, 1:] != IGNORED
        logits = self.model.lm_head(hidden[:, :-1][due]).float()
        return logits, batch.labels[:, 1:][due], due.nonzero()[:, 0]

    def _leaving(self, batch: Batch, states: States) -> Tensor:
        """How far the memories change what is said in texts apart: the sum of KL(without ‖ with)
        over their tokens, in nats; 0 where there are none."""
        if not self.config.leaving or not len(batch.apart):
            return torch.zeros((), device=batch.rows.device)
        own = batch.apart_mask.bool()
        given = (batch.apart, batch.apart_mask)
        with torch.no_grad(), self.model.memories_set_to("off"):
            without = self.model.lm_head(self._read(*given, {}, batch.apart_owners)[own])
        after = self.model.lm_head(self._read(*given, states, batch.apart_owners)[own])
        likely, due = (part.float().log_softmax(dim=-1) for part in (after, without))
        return F.kl_div(likely, due, reduction="sum", log_target=True)

    def _read(self, rows: Tensor, mask: Tensor, states: States, owners: Tensor) -> Tensor:
        """Last hidden states of rows, each read with the memories of its context."""
        cache: Any = DynamicCache(config=self.model.config)
        remember(cache, {layer: state.rows(owners) for layer, state in states.items()})
        read = self.model.model(input_ids=rows, attention_mask=mask, past_key_values=cache)
        hidden: Tensor = read.last_hidden_state
        return hidden


@contextmanager
def gated(model: Any) -> Iterator[list[tuple[MemoryGate, Tensor]]]:
    """Collects what each gate is opened by, (batch, tokens, width), in every pass of the context.

    Nothing is computed in the passes themselves, which gradient checkpointing runs again.
    """
    found: list[tuple[MemoryGate, Tensor]] = []

    def collect(gate: MemoryGate, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        found.append((gate, inputs[2].detach()))

    hooks = [branch.gate.register_forward_hook(collect) for branch in model.branches().values()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _exact(right: Tensor, row: Tensor) -> float:
    """The share of rows that are right in every token."""
    wrong = torch.zeros(int(row.max()) + 1, device=row.device).index_add(0, row, (~right).float())
    return float((wrong == 0).float().mean())


def _padded(
    rows: Sequence[Sequence[int]], fill: int = 0, left: bool = False
) -> tuple[Tensor, Tensor]:
    """Rows of one length, and a mask that is 1 at their own tokens."""
    width = max(map(len, rows), default=0)
    ids = torch.full((len(rows), width), fill)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(width - len(row), None) if left else slice(len(row))
        ids[number, place] = torch.tensor(list(row))
        mask[number, place] = 1
    return ids, mask
