"""A needle in prose: one fact among sentences about other things, asked for at the end.

After "Needle in a haystack" (Kamradt 2023) and RULER's single and multi-key variants (Hsieh et
al. 2024, arXiv 2404.06654), with what they lack for training: several wordings and kinds of value,
and a split that shares no name, no value and no sentence with the training data.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.filler import Filler, require_split, split_of
from memgraft.data.fitting import Fitter, Frame, Maker, TokenCount
from memgraft.data.names import Fresh
from memgraft.data.samples import Sample, endless, require_size
from memgraft.data.values import invented, listed

FORMS = ("continue", "question")
# Sentences that were too long for what room is left, before the text is full.
PATIENCE = 8
_NAMES = ("island", "river", "lake", "mountain", "company", "pet_name")


@dataclass(frozen=True)
class Wording:
    """How a fact is told, of `{kind}`, `{name}` and `{value}`; and what asks for it."""

    fact: str
    cue: str
    question: str


WORDINGS = {
    "magic": Wording(
        "The special magic {kind} for {name} is {value}.",
        "The special magic {kind} for {name} is",
        "What is the special magic {kind} for {name}?",
    ),
    "secret": Wording(
        "Remember that the secret {kind} of {name} is {value}.",
        "The secret {kind} of {name} is",
        "What is the secret {kind} of {name}?",
    ),
    "register": Wording(
        "In the register, the {kind} of {name} is given as {value}.",
        "In the register, the {kind} of {name} is given as",
        "Which {kind} is given for {name} in the register?",
    ),
    "belongs": Wording(
        "The {kind} that belongs to {name} is {value}.",
        "The {kind} that belongs to {name} is",
        "Which {kind} belongs to {name}?",
    ),
}


def _number(rng: random.Random) -> str:
    return str(rng.randint(10000, 99999))


def _word(rng: random.Random) -> str:
    return invented(rng).lower()


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=2))
    return f"{letters}-{rng.randint(100, 999)}"


VALUES: dict[str, Callable[[random.Random], str]] = {
    "number": _number,
    "word": _word,
    "code": _code,
}


@dataclass(frozen=True)
class NeedleConfig(Config):
    """What samples are like."""

    tokens: int = 4096  # of input and target together, at most
    values: tuple[str, ...] = ("number",)  # kinds, of `VALUES`; one is drawn per sample
    wordings: tuple[str, ...] = ("magic",)  # of `WORDINGS`; one is drawn per sample
    form: str = "continue"  # the end begins the fact's sentence anew, or is a `question`
    distractors: int = 0  # facts of the same wording about other names
    split: str = "train"  # or `test`: names, values and filler that are in no training sample
    depths: tuple[float, ...] = ()  # where the fact lies; one is drawn; anywhere if empty

    def __post_init__(self) -> None:
        for name in ("values", "wordings", "depths"):  # JSON has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        require_size(self.tokens, self.depths)
        require_split(self.split)
        _require("form", (self.form,), FORMS)
        _require("kind of value", self.values, VALUES)
        _require("wording", self.wordings, WORDINGS)
        if self.distractors < 0:
            raise InvalidInput("no fewer distractors than none", got=str(self.distractors))


def needle(
    config: NeedleConfig, tokenizer: Any, seed: int | str = 0, start: int = 0
) -> Iterator[Sample]:
    """Endless samples, number `start` and on; the same seed, tokenizer and version of Python give
    the same ones.

    Raises:
        InvalidInput: the fact, the distractors and the question do not fit into `config.tokens`.
    """
    count = TokenCount(tokenizer)

    def make(rng: random.Random) -> Sample:
        depth = rng.choice(config.depths) if config.depths else None
        return _sample(config, Fitter(config.tokens, count, rng, depth))

    return endless(f"needle-{config.split}", seed, start, make)


def _sample(config: NeedleConfig, fitter: Fitter) -> Sample:
    rng = fitter.rng
    kind = rng.choice(config.values)
    style = rng.choice(config.wordings)
    wording = WORDINGS[style]
    names = Fresh(rng, lambda rng: _of_split(_name, rng, config.split))
    values = Fresh(rng, lambda rng: _of_split(VALUES[kind], rng, config.split))
    told = [(names(), values()) for _ in range(1 + config.distractors)]
    facts = [wording.fact.format(kind=kind, name=name, value=value) for name, value in told]
    name, answer = told[0]
    asked, *others = (_asked(config.form, wording, kind, name) for name, _ in told)
    filler = Filler(rng, config.split, tuple(text for pair in told for text in pair))
    frame = Frame(facts[:1], asked, f" {answer}", company=facts[1:])
    fitted = fitter.fit(frame, [Maker(lambda: [filler()], PATIENCE)])
    metadata = {
        "task": "needle",
        "style": style,
        "value": kind,
        "form": config.form,
        "split": config.split,
        "distractors": config.distractors,
        "hops": 1,
        "start": name,
        "answer": answer,
        "question": asked,
        "ending": ".",
        "also": [[other, f" {value}"] for other, (_, value) in zip(others, told[1:], strict=True)],
    }
    return Sample(fitted.input, frame.target, metadata | fitted.metadata())


def _asked(form: str, wording: Wording, kind: str, name: str) -> str:
    if form == "question":
        return f"\n\nQuestion: {wording.question.format(kind=kind, name=name)}\nAnswer:"
    return f"\n{wording.cue.format(kind=kind, name=name)}"


def _of_split(draw: Callable[[random.Random], str], rng: random.Random, split: str) -> str:
    while True:
        drawn = draw(rng)
        if split_of(drawn) == split:
            return drawn


def _name(rng: random.Random) -> str:
    """A name of somebody or something; every other one is made up, as lists come to an end."""
    return invented(rng) if rng.random() < 0.5 else rng.choice(_listed())


@cache
def _listed() -> tuple[str, ...]:
    entries = {entry for kind in _NAMES for entry in listed(kind)}
    return tuple(sorted(entry for entry in entries if re.fullmatch(r"[A-Z][A-Za-z ]{2,}", entry)))


def _require(what: str, given: tuple[str, ...], known: Any) -> None:
    wrong = [each for each in given if each not in known]
    if wrong or not given:
        raise InvalidInput(
            f"no {what} is called {wrong[0]!r}" if wrong else f"a {what} is needed",
            expected=", ".join(known),
        )
