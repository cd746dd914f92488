"""Sentences of prose that say nothing about anybody who is asked for; seeded, nothing downloaded.

Most are of the standard library's docstrings, some are made up. What is held out comes from
modules, and is made by patterns, that are met in no training text. Another version of Python has
other docstrings, and gives other sentences for the same seed.
"""

from __future__ import annotations

import random
import re
import zlib
from functools import cache

from memgraft.core.errors import InvalidInput
from memgraft.data.names import words
from memgraft.data.texts import docstring_sentences
from memgraft.data.values import listed

SPLITS = ("train", "test")
# One in so many modules, names and values is held out.
HELD_OUT = 5
# Share of the sentences that are made up.
MADE_UP = 0.25
# Draws of a sentence that was there already, before one is made up.
PATIENCE = 20

_PLAIN = re.compile(r"(?=(?:\S+ ){4})(?!.*\b[A-Z]{4,})[A-Z][A-Za-z ,;'-]+\.")
_PATTERNS = {
    "train": (
        "The {animal} slept under the {tree} until it was dark.",
        "Nobody had seen a {bird} in the garden since {weekday}.",
        "They carried the {furniture} up the stairs and put it beside the {instrument}.",
        "A {colour} {vehicle} stood in front of the house all morning.",
        "She cut the {fruit} into small pieces and added some {spice}.",
        "On {weekday} the market had {vegetable} and {flower}, and little else.",
        "He left the {hand_tool} on the table and went to look for the {animal}.",
        "The children drew a {flower}, a {bird} and a {vehicle}.",
        "Rain fell on the {tree} and on the old {vehicle} below it.",
        "It took them an hour to find the {gadget} behind the {furniture}.",
        "The {instrument} was out of tune, and the {weekday} concert was called off.",
        "Somebody had painted the {furniture} in {colour}.",
    ),
    "test": (
        "Before breakfast the {bird} sat on the {furniture} as if it lived there.",
        "We bought a {gadget}, and it was broken by {weekday}.",
        "All that grew there was {vegetable} and one crooked {tree}.",
        "Her brother played the {instrument} while the {animal} listened.",
        "In the end the {hand_tool} was found inside the {vehicle}.",
        "The soup was made of {vegetable}, with {spice} and a little {fruit}.",
    ),
}


class Filler:
    """Draws the sentences of one sample, each once.

    Args:
        split: `train`, or `test` for what is held out.
        without: texts that no sentence may hold.

    Raises:
        InvalidInput: there is no such split.
    """

    def __init__(self, rng: random.Random, split: str, without: tuple[str, ...] = ()) -> None:
        self._rng = rng
        self._sentences = sentences(split)
        self._patterns = _PATTERNS[split]
        self._seen: set[str] = set()
        barred = "|".join(map(re.escape, without))
        self._barred = re.compile(rf"\b(?:{barred})\b") if without else None

    def __call__(self) -> str:
        drawn = self._draw()
        self._seen.add(drawn)
        return drawn

    def _draw(self) -> str:
        if self._rng.random() >= MADE_UP:
            for _ in range(PATIENCE):
                sentence = self._rng.choice(self._sentences)
                if self._fits(sentence):
                    return sentence
        while True:
            sentence = self._made_up()
            if self._fits(sentence):
                return sentence

    def _fits(self, sentence: str) -> bool:
        return sentence not in self._seen and not (self._barred and self._barred.search(sentence))

    def _made_up(self) -> str:
        pattern = self._rng.choice(self._patterns)
        return re.sub(r"{(\w+)}", lambda kind: self._word(kind[1]), pattern)

    def _word(self, kind: str) -> str:
        if kind == "weekday":
            return self._rng.choice(("Monday", "Tuesday", "Thursday", "Friday", "Saturday"))
        return self._rng.choice(_single(kind))


def sentences(split: str) -> tuple[str, ...]:
    """Sentences of docstrings in plain prose, without digits or code, each once."""
    require_split(split)
    return _by_split()[split]


@cache
def _by_split() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {split: {} for split in SPLITS}
    for module, sentence in docstring_sentences():
        if _PLAIN.fullmatch(sentence):
            found[split_of(module)][sentence] = None
    # Modules copy from one another: what is in both is in neither.
    shared = found["train"].keys() & found["test"].keys()
    return {
        split: tuple(sentence for sentence in known if sentence not in shared)
        for split, known in found.items()
    }


def split_of(text: str) -> str:
    """Which split a module, a name or a value belongs to; the same on every machine."""
    return SPLITS[zlib.crc32(text.encode()) % HELD_OUT == 0]


def require_split(split: str) -> None:
    if split not in SPLITS:
        raise InvalidInput(f"no split is called {split!r}", expected=" or ".join(SPLITS), got=split)


@cache
def _single(kind: str) -> tuple[str, ...]:
    """The entries of a list that are plain single words."""
    plain = set(words())
    return tuple(entry.lower() for entry in listed(kind) if entry.lower() in plain)
