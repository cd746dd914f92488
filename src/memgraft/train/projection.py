"""Training the router's projections: questions to their facts, away from other facts."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.core.config import Config
from memgraft.data.facts import Split, facts
from memgraft.injection.projection import Projection
from memgraft.injection.router import fact_key
from memgraft.text.encoder import Encoder
from memgraft.text.person import to_second_person
from memgraft.text.questions import questions
from memgraft.train.loop import Task

HELD_OUT: tuple[Split, ...] = ("values", "phrasing", "relations")
# Questions that are embedded per fact, and near neighbours, which are measured on.
ASKED = 2
NEAR = 1

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ProjectionTraining(Config):
    """What a step is made of. Facts are embedded once, before the first step."""

    pool: int = 8000
    facts: int = 256  # per step
    noise: float = 0.02  # added to each number of a vector, against learning facts by heart
    measured: int = 500  # facts per held-out split
    seed: int = 0


class ProjectionTask(Task):
    """InfoNCE over a batch, from questions to facts and from facts to questions."""

    def __init__(
        self,
        encoder: Encoder,
        config: ProjectionTraining = ProjectionTraining(),
        progress: Progress | None = None,
    ) -> None:
        self.config = config
        self.projection = Projection(encoder.dimension)
        self.temperature = torch.nn.Parameter(torch.tensor(3.0))  # e³; trained, then dropped
        self.model = torch.nn.Module()
        self.model.projection = self.projection
        self.model.temperature = self.temperature
        sizes = {"train": config.pool} | dict.fromkeys(HELD_OUT, config.measured)
        self._pools: dict[str, Tensor] = {}
        for split, size in sizes.items():
            if progress:
                progress("embedding facts", len(self._pools), len(sizes))
            self._pools[split] = _embedded(encoder, split, config.seed, size)

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        pool = self._pools["train"]
        rows = pool[torch.randint(len(pool), (self.config.facts,), generator=generator)]
        rows = rows + self.config.noise * torch.randn(rows.shape, generator=generator)
        rows = F.normalize(rows, dim=-1)
        keys = self.projection.told(rows[:, 0])
        asked = self.projection.asked(rows[:, 1 : 1 + ASKED].flatten(0, 1))
        scores = self.temperature.exp() * (asked @ keys.T)
        to_facts = F.cross_entropy(scores, torch.arange(len(keys)).repeat_interleave(ASKED))
        to_questions = F.cross_entropy(scores[::ASKED].T, torch.arange(len(keys)))
        return to_facts + to_questions, {}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Recall of the right one of all held-out facts, and where nine in ten neighbours wake
        nothing."""
        figures: dict[str, float] = {}
        for split in HELD_OUT:
            rows = self._pools[split]
            keys = self.projection.told(rows[:, 0])
            scores = self.projection.asked(rows[:, 1]) @ keys.T
            near = (self.projection.asked(rows[:, 1 + ASKED]) @ keys.T).max(dim=1).values
            best, found = scores.max(dim=1)
            right = found == torch.arange(len(rows))
            figures[str(split)] = float(right.float().mean())
            passed = best > torch.quantile(near, 0.9)
            figures[f"{split}@0.9"] = float((right & passed).float().mean())
        return figures


def _embedded(encoder: Encoder, split: str, seed: int, count: int) -> Tensor:
    """Key, questions and neighbours of `count` facts: (count, 1 + ASKED + NEAR, d)."""
    rng = random.Random(f"router-{split}-{seed}")
    told: list[list[str]] = []
    source = facts(split, rng.getrandbits(40))  # type: ignore[arg-type]
    for fact in islice((f for f in source if f.neighbours and questions(f.text)), count):
        texts = [question.text for question in fact.questions]
        told.append(
            [
                *_some(texts, ASKED, rng),
                *_some(fact.neighbours, NEAR, rng),
                fact.text,
                to_second_person(fact.text),
                *questions(fact.text),
            ]
        )
    flat = [text for texts in told for text in texts]
    distinct = {text: place for place, text in enumerate(dict.fromkeys(flat))}
    vectors = encoder.encode(list(distinct))
    rows = []
    for texts in told:
        each = vectors[[distinct[text] for text in texts]]
        fixed = ASKED + NEAR
        key = fact_key(each[fixed : fixed + 2], each[fixed + 2 :])
        rows.append(np.concatenate([key[None], each[:fixed]]))
    return torch.from_numpy(np.stack(rows))


def _some(texts: list[str] | tuple[str, ...], count: int, rng: random.Random) -> list[str]:
    """That many of the texts, repeated where there are fewer."""
    repeated = list(texts) * math.ceil(count / len(texts))
    return rng.sample(repeated, count)
