"""Training the verifier: questions of a fact against near neighbours and other facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.core.config import Config
from memgraft.data.facts import Fact, Split, facts
from memgraft.injection.covariance import sample
from memgraft.injection.verifier import Verifier
from memgraft.train.loop import Task
from memgraft.train.swaps import Swaps

HELD_OUT: tuple[Split, ...] = ("values", "phrasing", "relations")


@dataclass(frozen=True)
class Pair:
    """A question, a fact, and whether the fact answers it."""

    question: str
    fact: str
    answers: bool


@dataclass(frozen=True)
class VerifierTraining(Config):
    """What a step is made of."""

    facts: int = 16  # per step; about five pairs each
    measured: int = 200  # facts per held-out split
    seed: int = 0


class VerifierTask(Task):
    """Binary classification of (question, fact)."""

    def __init__(
        self,
        verifier: Verifier,
        swaps: Swaps | None = None,
        config: VerifierTraining = VerifierTraining(),
    ) -> None:
        self.model = verifier
        self.verifier = verifier
        self.swaps = swaps
        self.config = config

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        rng = random.Random(f"{self.config.seed}-{step}")
        found = pairs("train", rng, self.config.facts)
        if self.swaps:
            found += swapped_pairs(found, self.swaps, rng)
        odds = self._odds(found).float()
        due = torch.tensor([float(pair.answers) for pair in found])
        right = ((odds > 0) == (due > 0)).float().mean()
        return F.binary_cross_entropy_with_logits(odds, due), {"right": float(right)}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Share of questions that pass where nine in ten, or nineteen in twenty, others do not."""
        figures = {}
        for split in HELD_OUT:
            found = pairs(split, random.Random(f"measure-{split}"), self.config.measured)
            parts = [self._odds(found[i : i + 128]) for i in range(0, len(found), 128)]
            odds = torch.cat(parts).float()
            due = torch.tensor([pair.answers for pair in found])
            for share in (0.9, 0.95):
                threshold = torch.quantile(odds[~due], share)
                figures[f"{split}@{share}"] = float((odds[due] > threshold).float().mean())
        return figures

    def _odds(self, found: list[Pair]) -> Tensor:
        # bfloat16 is several times faster where the CPU has instructions for it.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.verifier([p.question for p in found], [p.fact for p in found])


def pairs(split: Split, rng: random.Random, count: int) -> list[Pair]:
    """Pairs from `count` facts: questions, neighbours, other facts of the relation, small talk."""
    drawn = list(islice(facts(split, rng.getrandbits(40)), count))
    found = []
    for fact in drawn:
        texts = [question.text for question in fact.questions]
        found += [Pair(text, fact.text, True) for text in rng.sample(texts, min(2, len(texts)))]
        found += [Pair(text, fact.text, False) for text in fact.neighbours]
        found.append(Pair(rng.choice(texts), _other(fact, drawn, rng).text, False))
        if rng.random() < 0.25:
            found.append(Pair(rng.choice(sample())[0], fact.text, False))
    return found


def swapped_pairs(found: Sequence[Pair], swaps: Swaps, rng: random.Random) -> list[Pair]:
    """For half of the pairs that answer, the same question about something else."""
    answering = [pair for pair in found if pair.answers]
    chosen = rng.sample(answering, len(answering) // 2)
    asked = [(swaps.swapped(pair.question, pair.fact, rng), pair.fact) for pair in chosen]
    return [Pair(question, fact, False) for question, fact in asked if question]


def _other(fact: Fact, drawn: list[Fact], rng: random.Random) -> Fact:
    """Another fact that does not answer this one's questions."""
    asked = {question.text for question in fact.questions}
    while True:
        other = rng.choice(drawn)
        if not (fact.keys & other.keys) and not asked & {q.text for q in other.questions}:
            return other
