"""Questions with a word of theirs swapped for a related one: "my dog's name" for "my cat's name".

The generator knows the neighbours of its own relations. These come from the whole vocabulary of
the sentence encoder, so that what is learned is not its relations by heart.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np

from memgraft.text.encoder import Encoder

# Cosines of two words that are of one kind but do not mean the same.
RELATED = (0.35, 0.65)
# Words of this many letters or fewer are mostly grammar.
SHORT = 3
# Letters by which a word of the question is found in the fact, whatever its ending.
STEM = 4
_WORD = re.compile(r"(?<![\w'])[a-z]+(?![\w])")


class Swaps:
    """Related words among `words`, by an encoder's vectors, which are computed once."""

    def __init__(self, encoder: Encoder, words: Sequence[str]) -> None:
        chosen = sorted({w for w in words if re.fullmatch("[a-z]+", w) and len(w) > SHORT})
        self._places = {word: place for place, word in enumerate(chosen)}
        self._words = chosen
        self._vectors = encoder.encode(chosen)

    def swapped(self, question: str, fact: str, rng: random.Random) -> str | None:
        """The question about something else; None if it shares no word that could be swapped."""
        stems = {word[:STEM] for word in re.findall(r"\w+", fact.lower())}
        shared = [
            found
            for found in _WORD.finditer(question)
            if found.group() in self._places and found.group()[:STEM] in stems
        ]
        if not shared:
            return None
        found = rng.choice(shared)
        other = self._related(found.group(), rng)
        return other and question[: found.start()] + other + question[found.end() :]

    def _related(self, word: str, rng: random.Random) -> str | None:
        cosines = self._vectors @ self._vectors[self._places[word]]
        low, high = RELATED
        near = np.flatnonzero((cosines > low) & (cosines < high))
        # The nearer, the likelier: far words make questions that nobody would ask.
        return self._words[rng.choices(near, (cosines[near] - low) ** 2)[0]] if len(near) else None
