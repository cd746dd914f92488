"""Contexts with what is asked of them, as token ids, for training a memory branch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.code_retrieval import CodeRetrievalConfig, code_retrieval
from memgraft.data.dependency import DependencyConfig, dependency
from memgraft.data.hash_hop import HashHopConfig, hash_hop
from memgraft.data.needle import NeedleConfig, needle
from memgraft.data.samples import Sample, read_samples
from memgraft.data.told import ToldConfig, told

# Of a file's rows, one in so many is held out.
HELD_OUT = 10
# Generators by their name on the command line, each with its config.
TASKS: dict[str, tuple[Any, type[Config]]] = {
    "needle": (needle, NeedleConfig),
    "hash-hop": (hash_hop, HashHopConfig),
    "dependency": (dependency, DependencyConfig),
    "code": (code_retrieval, CodeRetrievalConfig),
    "told": (told, ToldConfig),
}


@dataclass(frozen=True)
class Asked:
    """A context, and questions about it with what is due, each pair for itself.

    A question that is not told apart from its context is empty. `apart` are texts that have nothing
    to do with the context.
    """

    context: list[int]
    questions: list[tuple[list[int], list[int]]]
    apart: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Endless samples of one kind.

    task: of `TASKS`. options: of its config, but for the size. tokens: sizes, one of which is
    drawn per sample.
    """

    task: str
    tokens: tuple[int, ...]
    options: dict[str, Any]

    def sample(self, tokenizer: Any, seed: str, index: int) -> Sample:
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
    """Numbered samples of several sources, one of which is drawn for each, or given rows, over and
    over in an order that differs from round to round.

    Args:
        sources: sources or rows, one or more.
        questions: asked of one context, at most.
        longest: tokens of a context; a longer one is an error and is never cut, since what is
            asked for could be in what is lost.
        seed: streams of different seeds have no sample in common.
    """

    def __init__(
        self,
        tokenizer: Any,
        sources: Sequence[Source | Sample],
        questions: int = 8,
        longest: int | None = None,
        seed: str = "0",
    ) -> None:
        if not sources:
            raise InvalidInput("there is nothing to train on")
        self.tokenizer, self.seed = tokenizer, seed
        self.questions, self.longest = questions, longest
        self._sources = list(sources)

    def __call__(self, index: int) -> Asked:
        """Sample number `index` in tokens."""
        return self._asked(self._sample(index), index)

    def take(self, count: int, start: int = 0) -> list[Asked]:
        return [self(index) for index in range(start, start + count)]

    def _sample(self, index: int) -> Sample:
        if isinstance(self._sources[0], Sample):
            turn, place = divmod(index, len(self._sources))
            rng = random.Random(f"order-{self.seed}-{turn}")
            chosen = rng.sample(self._sources, len(self._sources))[place]
        else:
            chosen = random.Random(f"source-{self.seed}-{index}").choice(self._sources)
        if isinstance(chosen, Sample):
            return chosen
        return chosen.sample(self.tokenizer, self.seed, index)

    def _asked(self, sample: Sample, index: int) -> Asked:
        text, pairs = _parts(sample)
        ids = self._ids(text)
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
        apart = [self._ids(text) for text in sample.metadata.get("apart", [])]
        return Asked(ids, [(self._ids(asked), self._ids(due)) for asked, due in chosen], apart)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def own_rows(path: Path) -> tuple[list[Sample], list[Sample]]:
    """The rows of a JSONL file of samples: those to train on, and a tenth, by what they say, that
    is held out.

    Raises:
        InvalidInput: the file cannot be read, a row cannot be trained on, or there are too few.
    """
    rows = list(read_samples(path))
    for number, row in enumerate(rows, 1):
        try:
            _parts(row)
        except InvalidInput as error:
            raise InvalidInput(
                f"{path}, sample {number}: {error.what}", expected=error.expected, got=error.got
            ) from error
    held = [row for row in rows if crc32(row.to_json().encode()) % HELD_OUT == 0]
    trained = [row for row in rows if row not in held]
    if not trained or not held:
        raise InvalidInput(
            f"{path} has too few samples to hold some out",
            expected="some dozens, no two of them alike",
            got=str(len(rows)),
        )
    return trained, held


def _parts(sample: Sample) -> tuple[str, list[tuple[str, str]]]:
    """The context, and all pairs of a question with what is due."""
    if not isinstance(sample.input, str) or not isinstance(sample.target, str):
        raise InvalidInput(
            "a language model is trained on texts",
            expected="input and target as text",
            got=type(sample.input).__name__,
        )
    question = sample.metadata.get("question", "")
    pairs = [(question, sample.target), *map(tuple, sample.metadata.get("also", []))]
    if not all(len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in pairs):
        raise InvalidInput("questions cannot be read", expected="pairs of texts", got=str(pairs))
    apart = sample.metadata.get("apart", [])
    if not isinstance(apart, list) or not all(isinstance(one, str) and one for one in apart):
        raise InvalidInput("texts apart cannot be read", expected="texts", got=str(apart))
    if not all(due for _, due in pairs):
        raise InvalidInput("a target is empty", expected="what is to be answered", got="''")
    # A model that is not told where an answer ends says its last words again and again.
    ending = sample.metadata.get("ending", "")
    return sample.input.removesuffix(question), [(asked, due + ending) for asked, due in pairs]
