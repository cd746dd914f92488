"""Names that no model can know and that no sample holds twice."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from functools import cache

from memgraft.data.values import listed

# A letter is added after so many draws of names that are taken.
PATIENCE = 20
_LISTS = (
    *("animal", "bird", "flower", "fruit", "furniture", "gadget", "gemstone", "hand_tool"),
    *("instrument", "material", "spice", "tree", "vegetable", "vehicle"),
)


class Fresh:
    """Draws names, each one once."""

    def __init__(self, rng: random.Random, draw: Callable[[random.Random], str]) -> None:
        self._rng = rng
        self._draw = draw
        self._taken: set[str] = set()

    def __call__(self) -> str:
        name = self._draw(self._rng)
        draws = 0
        while name in self._taken:
            draws += 1
            # A closed kind runs out of names: then they grow.
            longer = self._rng.choice(name) if draws > PATIENCE else ""
            name = (name if longer else self._draw(self._rng)) + longer
        self._taken.add(name)
        return name


@cache
def words() -> tuple[str, ...]:
    """Plain single words of the bundled lists."""
    entries = {entry.lower() for kind in _LISTS for entry in listed(kind)}
    return tuple(sorted(word for word in entries if re.fullmatch(r"[a-z]{3,9}", word)))


def letters(length: int, alphabet: str = string.ascii_letters) -> Callable[[random.Random], str]:
    """Draws strings of so many letters."""
    return lambda rng: "".join(rng.choices(alphabet, k=length))


def compound(rng: random.Random) -> str:
    """Two words, such as walnut_heron."""
    return "_".join(rng.sample(words(), 2))


def credential(rng: random.Random) -> str:
    """A made-up code, such as 7KQX-93MA."""
    drawn = rng.choices(string.ascii_uppercase + string.digits, k=8)
    return f"{''.join(drawn[:4])}-{''.join(drawn[4:])}"
