"""Training what writes facts: told one, the patched model must answer questions about it."""

from __future__ import annotations

import random
from abc import abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.facts import Fact, Split, facts, stack
from memgraft.host.load import Host
from memgraft.injection.covariance import sample
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.forcing import ForcedReplies, Terms
from memgraft.injection.reading import prompt_ids, read_facts, reply_ids
from memgraft.train.loop import Task
from memgraft.train.processes import ALONE, Processes

# The generator never repeats itself, so an epoch is a convention: facts that are told.
EPOCH = 50_000
HELD_OUT: tuple[Split, ...] = ("values", "phrasing", "relations")


@dataclass(frozen=True)
class InjectionTraining(Config):
    """What a step is made of."""

    facts: int = 32  # per step
    questions: int = 2  # per fact
    # Facts that are awake together; one entry is drawn per step, and divides `facts`.
    stacks: tuple[int, ...] = (1, 1, 1, 2, 4, 8)
    neighbours: float = 0.3  # weight of leaving near questions alone
    # Share of the facts that are awake alone that are told to whatever else is asked, instead of
    # leaving that alone: the router has decided already, and people put things in any words.
    anything: float = 0.5
    measured: int = 96  # facts per held-out split
    seed: int = 0


@dataclass(frozen=True)
class Batch:
    """Groups of facts that are awake together, with the rows that are asked of each group."""

    groups: list[list[Fact]]
    # Per group the same number of rows: prompt, the reply to force, whether it is due.
    rows: list[tuple[str, str, bool]]

    def share(self, processes: Processes) -> Batch:
        """This process's groups, and their rows."""
        each = len(self.rows) // len(self.groups)
        mine = range(processes.rank, len(self.groups), processes.count)
        rows = [row for n in mine for row in self.rows[n * each : (n + 1) * each]]
        return Batch([self.groups[n] for n in mine], rows)


class WritingTask(Task):
    """Stacks of facts from the generator, through a network, into the frozen base model."""

    def __init__(
        self,
        host: Host,
        model: nn.Module,
        config: InjectionTraining = InjectionTraining(),
        processes: Processes = ALONE,
    ) -> None:
        if config.facts < max(config.stacks) * processes.count:
            raise InvalidInput(
                "a step has too few facts",
                expected=f"{max(config.stacks)} awake together in each of {processes.count} "
                "processes",
                got=f"{config.facts} facts",
                next_step="raise --batch-size or lower --stack",
            )
        self.host = host
        self.model = model
        self.config = config
        self.processes = processes
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Batch]] | None = None

    @abstractmethod
    def terms(self, groups: list[list[Fact]]) -> Terms:
        """The change of the base that tells the facts of each group, all of them together."""

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        batch = self._batch(step).share(self.processes)
        answering, leaving, exact = self._losses(batch, step)
        figures = {
            "stack": len(batch.groups[0]),
            "answering": float(answering.detach()),
            "leaving": float(leaving.detach()),
            "exact": float(exact),
        }
        return answering + self.config.neighbours * leaving, figures

    def _losses(self, batch: Batch, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Loss of answering what is asked, of not leaving the rest alone, and the share of exact
        replies. Sums are divided by what processes hold on average: so the mean over processes is
        that of the whole batch, whichever part of it has more tokens."""
        replies, terms = self.patched(batch)
        due = torch.tensor([row[2] for row in batch.rows], device=replies.valid.device)
        hidden = replies.hidden(terms)
        asked = replies.valid & due[:, None]
        # Whole distributions are dear: every third token, and others in the next step.
        third = torch.arange(replies.valid.shape[1], device=asked.device) % 3 == step % 3
        near = replies.valid & ~due[:, None] & third
        counts = [mask.sum().float() for mask in (asked, near, due)]
        answers, nears, questions = self.processes.mean(counts)
        logits = replies.logits(hidden, asked)
        target = replies.target[asked]
        answering = F.cross_entropy(logits, target, reduction="sum") / answers
        right = torch.ones_like(asked)
        right[asked] = logits.detach().argmax(dim=-1) == target
        leaving = self._leaving(replies, hidden, near) / nears.clamp(min=1.0)
        return answering, leaving, right.all(dim=1)[due].sum() / questions

    def _leaving(self, replies: ForcedReplies, hidden: Tensor, near: Tensor) -> Tensor:
        """How far the changed model strays from the bare one there; summed over positions."""
        rows = near.any(dim=1)
        if not rows.any():
            return hidden.new_zeros(())
        bare = replies.only(rows)
        with torch.no_grad():
            before = F.log_softmax(bare.logits(bare.hidden(), near[rows]), dim=-1)
        after = F.log_softmax(replies.logits(hidden, near), dim=-1)
        return F.kl_div(after, before, log_target=True, reduction="sum")

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Share of held-out questions whose whole reply is the greedy one, per split and stack."""
        figures = {str(split): self.recall(split, 1) for split in HELD_OUT}
        for size in (4, 16):
            figures[f"values_{size}"] = self.recall("values", size)
        return figures

    @torch.no_grad()
    def recall(self, split: Split, size: int, seed: int = 1) -> float:
        source = facts(split, seed)
        right: list[Tensor] = []
        for start in range(0, self.config.measured, 32):
            rng = random.Random(f"measure-{split}-{seed}-{start}")
            groups = [stack(source, size) for _ in range(32 // size)]
            rows = [
                (rng.choice(fact.questions).text, fact.reply, True) for g in groups for fact in g
            ]
            replies, terms = self.patched(Batch(groups, rows))
            logits = replies.logits(replies.hidden(terms), replies.valid)
            hit = torch.ones_like(replies.valid)
            hit[replies.valid] = logits.argmax(dim=-1) == replies.target[replies.valid]
            right.append(hit.all(dim=1))
        return float(torch.cat(right).float().mean())

    def patched(self, batch: Batch) -> tuple[ForcedReplies, Terms]:
        """The rows, prefilled, and the terms of each group."""
        prompts = [prompt_ids(self.host, said) for said, _, _ in batch.rows]
        answers = [reply_ids(self.host, reply) for _, reply, _ in batch.rows]
        terms = self.terms(batch.groups)
        return ForcedReplies.run(self.host, prompts, answers), terms

    def _batch(self, step: int) -> Batch:
        """This step's batch; the next one is drawn meanwhile."""
        ready = self._next[1].result() if self._next and self._next[0] == step else self._draw(step)
        self._next = (step + 1, self._pool.submit(self._draw, step + 1))
        return ready

    def _draw(self, step: int) -> Batch:
        config = self.config
        rng = random.Random(f"{config.seed}-{step}")
        source = facts("train", rng.getrandbits(40))
        size = rng.choice(config.stacks)
        groups = [stack(source, size) for _ in range(config.facts // size)]
        rows = []
        for group in groups:
            for fact in group:
                asked = rng.choices(fact.questions, k=config.questions)
                rows += [(question.text, fact.reply, True) for question in asked]
                if size == 1 and rng.random() < config.anything:
                    rows.append((rng.choice(sample())[0], fact.reply, True))
                else:
                    rows.append((_elsewhere(fact, group, rng), fact.reply, False))
        return Batch(groups, rows)


class InjectionTask(WritingTask):
    """Training of the memory encoder."""

    def __init__(
        self,
        host: Host,
        encoder: MemoryEncoder,
        config: InjectionTraining = InjectionTraining(),
        processes: Processes = ALONE,
    ) -> None:
        super().__init__(host, encoder, config, processes)
        self.encoder = encoder

    def terms(self, groups: list[list[Fact]]) -> Terms:
        told = [(fact.text, fact.reply) for group in groups for fact in group]
        reading = read_facts(self.host, told, self.encoder.config.taps)
        codes = self.encoder.encode(reading.states, reading.mask, reading.places)
        decoded = self.encoder.decode(codes, reading.before, reading.after)
        joined = {
            layer: tuple(part.reshape(len(groups), -1, part.shape[-1]) for part in parts)
            for layer, parts in decoded.items()
        }
        return self.encoder.terms(joined, reading.valid.reshape(len(groups), -1))


def _elsewhere(fact: Fact, group: list[Fact], rng: random.Random) -> str:
    """A question that no fact of the group answers: near this one, or about anything."""
    answered = {question.text for other in group for question in other.questions}
    near = [text for text in fact.neighbours if text not in answered]
    return rng.choice(near) if near and rng.random() < 0.8 else rng.choice(sample())[0]
