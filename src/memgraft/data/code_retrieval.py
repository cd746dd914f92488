"""Code retrieval: find a function among others by its description, without its name.

Functions are whole, of a repository (by its syntax trees) or made up. The question quotes the
first paragraph of a docstring that no other function of the sample has, and from which the name
cannot be put together. It asks for the function's `name`, or for its whole `source`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.fitting import Fitter, Frame, Maker, TokenCount
from memgraft.data.functions import Function, Invention, Repository, read_repository
from memgraft.data.samples import Sample, endless, require_size

ASKED = ("name", "source")
SEPARATOR = "\n\n\n"
# Functions of a repository that were too long for what room is left, before statements fill it;
# made-up ones are all about as long.
PATIENCE = 24
# A needle takes at most this share of a sample, so that there is something to find it among.
SHARE = 3


@dataclass(frozen=True)
class CodeRetrievalConfig(Config):
    """What samples are like."""

    tokens: int = 4096  # of input and target together, at most
    ask: str = "name"
    repository: str | None = None  # a folder of Python files; made-up functions if None
    depths: tuple[float, ...] = ()  # where the function lies; one is drawn; anywhere if empty

    def __post_init__(self) -> None:
        require_size(self.tokens, self.depths)
        if self.ask not in ASKED:
            raise InvalidInput(f"nobody asks for {self.ask!r}", expected=", ".join(ASKED))


def code_retrieval(
    config: CodeRetrievalConfig, tokenizer: Any, seed: int | str = 0, start: int = 0
) -> Iterator[Sample]:
    """Endless samples, number `start` and on; the same seed, repository and tokenizer give the
    same ones.

    Raises:
        InvalidInput: the repository has no described functions, none that is short enough, or
            less code than a sample is long.
    """
    count = TokenCount(tokenizer)
    library = _Library(config, count) if config.repository else None

    def make(rng: random.Random) -> Sample:
        depth = rng.choice(config.depths) if config.depths else None
        source = library.draw(rng) if library else _Invented(rng)
        return _sample(source, config.ask, Fitter(config.tokens, count, rng, depth))

    return endless("code_retrieval", seed, start, make)


class _Invented:
    """Functions of one sample, made up."""

    style = "synthetic"
    patience = 1

    def __init__(self, rng: random.Random) -> None:
        invention = Invention(rng)
        self.needle = invention.function()
        self.function = invention.function
        self.statement = invention.statement


class _Drawn:
    """Functions of one sample, out of a repository: no name and no description of the needle's."""

    style = "repository"
    patience = PATIENCE

    def __init__(self, repository: Repository, needle: Function, rng: random.Random) -> None:
        self.needle = needle
        self._repository = repository
        self._rng = rng
        order = rng.sample(range(len(repository.functions)), len(repository.functions))
        self._rest = iter(order)
        self._names = {needle.name}

    def function(self) -> Function | None:
        for index in self._rest:
            function = self._repository.functions[index]
            if function.name not in self._names:
                if function.description == self.needle.description:
                    continue
                self._names.add(function.name)
                return function
        return None

    def statement(self) -> str:
        known = self._repository.statements
        return self._rng.choice(known) if known else "pass"


class _Library:
    """A repository, and those of its functions that a sample can ask for."""

    def __init__(self, config: CodeRetrievalConfig, count: TokenCount) -> None:
        self._repository = read_repository(Path(config.repository or "").expanduser())
        size = sum(count.each([function.source for function in self._repository.functions]))
        if size < config.tokens:
            raise InvalidInput(
                f"{config.repository} has less code than a sample is long",
                expected=f"at most {size} tokens",
                got=str(config.tokens),
                next_step="ask for fewer tokens, or take made-up functions",
            )
        asked = [f for f in self._repository.describable() if _askable(f, config.ask)]
        costs = count.each([f.source + f.description for f in asked])
        times = 2 if config.ask == "source" else 1
        self._askable = [
            function
            for function, cost in zip(asked, costs, strict=True)
            if cost * times * SHARE <= config.tokens
        ]
        if not self._askable:
            raise InvalidInput(
                f"no function of {config.repository} is short enough to be asked for",
                got=f"{config.tokens} tokens per sample",
                next_step="ask for more tokens",
            )

    def draw(self, rng: random.Random) -> _Drawn:
        return _Drawn(self._repository, rng.choice(self._askable), rng)


def _askable(function: Function, ask: str) -> bool:
    """A source is asked for from its `def` on, so that nothing may stand before it."""
    return ask == "name" or _definition(function).startswith("def ")


def _definition(function: Function) -> str:
    """The source without the comment that tells its file."""
    first, _, rest = function.source.partition("\n")
    return rest if first.startswith("#") else function.source


def _sample(source: _Invented | _Drawn, ask: str, fitter: Fitter) -> Sample:
    needle = source.needle
    if ask == "name":
        question = f'# Which function is described as "{needle.description}"?\n# Its name:'
        target = f" {needle.name}"
    else:
        question = f'# Again the function that is described as "{needle.description}":\ndef'
        target = _definition(needle).removeprefix("def")

    def function() -> list[str] | None:
        made = source.function()
        return [made.source] if made else None

    frame = Frame([needle.source], SEPARATOR + question, target, separator=SEPARATOR)
    fitted = fitter.fit(
        frame, [Maker(function, source.patience), Maker(lambda: [source.statement()])]
    )
    metadata = {
        "task": "code_retrieval",
        "style": source.style,
        "ask": ask,
        "hops": 1,
        "answer": needle.name,
        "question": frame.question,
        "ending": "\n",
    }
    return Sample(fitted.input, target, metadata | fitted.metadata())
