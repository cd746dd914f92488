"""Contexts with what is asked of them, as token ids, for training a memory branch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.code_retrieval import CodeRetrievalConfig, code_retrieval
from memgraft.data.dependency import DependencyConfig, dependency
from memgraft.data.hash_hop import HashHopConfig, hash_hop
from memgraft.data.needle import NeedleConfig, needle
from memgraft.data.samples import Sample, read_samples

# Generators by their name on the command line, each with its config.
TASKS: dict[str, tuple[Any, type[Config]]] = {
    "needle": (needle, NeedleConfig),
    "hash-hop": (hash_hop, HashHopConfig),
    "dependency": (dependency, DependencyConfig),
    "code": (code_retrieval, CodeRetrievalConfig),
}


@dataclass(frozen=True)
class Asked:
    """A context, and questions about it with what is due, each pair for itself.

    A question that is not told apart from its context is empty.
    """

    context: list[int]
    questions: list[tuple[list[int], list[int]]]


@dataclass(frozen=True)
class Source:
    """Endless samples of one kind.

    task: of `TASKS`. options: of its config, but for the size. tokens: sizes, one of which is
    drawn per sample.
    """

    task: str
    tokens: tuple[int, ...]
    options: dict[str, Any]

    def sample(self, tokenizer: Any, seed: int, index: int) -> Sample:
        """Sample number `index`.

        Raises:
            InvalidInput: there is no such task, or its config does not take the options.
        """
        if self.task not in TASKS:
            raise InvalidInput(f"no task is called {self.task!r}", expected=", ".join(TASKS))
        generate, kind = TASKS[self.task]
        size = random.Random(f"size-{seed}-{index}").choice(self.tokens)
        config = kind.from_dict({**self.options, "tokens": size})
        made: Sample = next(iter(generate(config, tokenizer, seed, index)))
        return made


class Samples:
    """Numbered samples of several sources, one of which is drawn for each, or of a file's rows,
    over and over in an order that differs from round to round.

    Args:
        questions: asked of one context, at most.
        longest: tokens of a context; a longer one is an error and is never cut, since what is
            asked for could be in what is lost.
    """

    def __init__(
        self,
        tokenizer: Any,
        sources: Sequence[Source] | Path,
        questions: int = 8,
        longest: int | None = None,
        seed: int = 0,
    ) -> None:
        self.tokenizer, self.seed = tokenizer, seed
        self.questions, self.longest = questions, longest
        self._rows = list(read_samples(sources)) if isinstance(sources, Path) else []
        self._sources = [] if isinstance(sources, Path) else list(sources)
        if not self._rows and not self._sources:
            raise InvalidInput("there is nothing to train on", got=str(sources))

    def __call__(self, index: int) -> Asked:
        """Sample number `index` in tokens."""
        return self._asked(self._sample(index), index)

    def take(self, count: int, start: int = 0) -> list[Asked]:
        return [self(index) for index in range(start, start + count)]

    def _sample(self, index: int) -> Sample:
        if self._rows:
            turn, place = divmod(index, len(self._rows))
            order = random.Random(f"order-{self.seed}-{turn}").sample(
                range(len(self._rows)), len(self._rows)
            )
            return self._rows[order[place]]
        rng = random.Random(f"source-{self.seed}-{index}")
        return rng.choice(self._sources).sample(self.tokenizer, self.seed, index)

    def _asked(self, sample: Sample, index: int) -> Asked:
        if not isinstance(sample.input, str) or not isinstance(sample.target, str):
            raise InvalidInput(
                "a language model is trained on texts",
                expected="input and target as text",
                got=f"{type(sample.input).__name__} in sample {index}",
            )
        question = sample.metadata.get("question", "")
        ids = self._ids(sample.input.removesuffix(question))
        pairs = [(question, sample.target), *sample.metadata.get("also", [])]
        if self.longest and len(ids) > self.longest:
            raise InvalidInput(
                f"sample {index} is too long, and to cut it could lose its needle",
                expected=f"at most {self.longest:,} tokens",
                got=f"{len(ids):,}",
                next_step="make shorter samples, or allow more tokens",
            )
        chosen = random.Random(f"asked-{self.seed}-{index}").sample(
            pairs, min(self.questions, len(pairs))
        )
        return Asked(ids, [(self._ids(asked), self._ids(due)) for asked, due in chosen])

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids
