"""Training a small sentence encoder to stand in for a large one.

The student's vector is drawn to the teacher's of the same text; its similarities to thousands of
other texts to the teacher's similarities (SEED, Fang et al., arXiv 2101.04731); and texts that say
the same, or one and its copy with typos, to each other (InfoNCE).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.texts import Group, fact_groups
from memgraft.train.loop import Task

Student = Callable[[Sequence[str]], Tensor]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class TextTraining(Config):
    """What a step is made of, and what its losses weigh."""

    texts: int = 256  # per step, in pairs that say the same
    keys: int = 2048  # texts that similarities are matched against
    temperature: float = 0.05
    cosine: float = 4.0
    matching: float = 1.0
    pairs: float = 0.5
    typos: float = 0.3  # share of texts that get one or two
    same: float = 0.9  # teacher's similarity from which two texts are no negatives
    measured: int = 500  # held-out facts
    half: bool = True  # bfloat16 where it is safe
    seed: int = 0


class TextTask(Task):
    """Distillation of `vectors`, the teacher's of all texts of `groups` in their order.

    Args:
        model: a module that maps a list of texts to unit vectors (n, d).
    """

    def __init__(
        self,
        model: nn.Module,
        groups: Sequence[Group],
        vectors: NDArray[np.float16],
        config: TextTraining = TextTraining(),
    ) -> None:
        self.model = model
        self.config = config
        self._texts = [text for group in groups for text in group]
        self._group = [i for i, group in enumerate(groups) for _ in group]
        firsts = np.cumsum([0, *map(len, groups)])
        self._rows = [range(a, b) for a, b in pairwise(firsts.tolist())]
        if len(vectors) != len(self._texts):
            raise InvalidInput(
                "the teacher's vectors are of other texts",
                expected=f"{len(self._texts)} rows",
                got=str(len(vectors)),
            )
        self._vectors = torch.from_numpy(vectors)
        self._held_out = list(fact_groups("phrasing", config.seed + 1, config.measured))

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        config = self.config
        rng = random.Random(f"step-{config.seed}-{step}")
        rows = self._pairs(rng)
        texts = [self._texts[row] for row in rows]
        said = [noised(text, rng) if rng.random() < config.typos else text for text in texts]
        students = self._encoded(said)
        teachers = self._vectors[rows].float()
        others = rng.sample(range(len(self._texts)), min(config.keys, len(self._texts)))
        keys = torch.cat([self._vectors[others].float(), teachers])
        cosine = 1 - (students * teachers).sum(dim=-1).mean()
        matching = F.kl_div(
            F.log_softmax(students @ keys.T / config.temperature, dim=-1),
            F.log_softmax(teachers @ keys.T / config.temperature, dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        pairs = self._contrast(students, teachers)
        total = config.cosine * cosine + config.matching * matching + config.pairs * pairs
        figures = {"cosine": 1 - cosine, "matching": matching, "pairs": pairs}
        return total, {name: float(value.detach()) for name, value in figures.items()}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Recall of a held-out question by another wording of it, among facts and questions."""
        asked = [group[-1] for group in self._held_out]
        pool = [group[1] for group in self._held_out] + [group[0] for group in self._held_out]
        self.model.eval()
        queries, keys = (self._encoded(texts).float() for texts in (asked, pool))
        self.model.train()
        found = (queries @ keys.T).argmax(dim=1)
        right = found % len(asked) == torch.arange(len(asked))
        return {"recall": float(right.float().mean())}

    def _encoded(self, texts: Sequence[str]) -> Tensor:
        half = torch.autocast("cpu", torch.bfloat16) if self.config.half else nullcontext()
        with half:
            return self.model(texts).float()

    def _pairs(self, rng: random.Random) -> list[int]:
        """Rows of the first texts, then of their partners: another of the group, or the same."""
        firsts = rng.sample(range(len(self._texts)), self.config.texts // 2)
        partners = []
        for row in firsts:
            others = [other for other in self._rows[self._group[row]] if other != row]
            partners.append(rng.choice(others or [row]))
        return firsts + partners

    def _contrast(self, students: Tensor, teachers: Tensor) -> Tensor:
        """InfoNCE between partners; what the teacher holds for the same is left out."""
        count = len(students)
        scores = students @ students.T / self.config.temperature
        due = torch.arange(count).roll(count // 2)
        alike = teachers @ teachers.T > self.config.same
        alike[torch.arange(count), due] = False
        alike.fill_diagonal_(True)
        return F.cross_entropy(scores.masked_fill(alike, -1e4), due)


def noised(text: str, rng: random.Random) -> str:
    """The text with one or two slips of the fingers, at random places."""
    for _ in range(rng.choice((1, 1, 2))):
        if len(text) < 4:
            break
        at = rng.randrange(1, len(text) - 1)
        slip = rng.choice(("swap", "drop", "double", "other"))
        if slip == "swap":
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif slip == "drop":
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + (text[at] if slip == "double" else rng.choice(LETTERS)) + text[at:]
    return text
