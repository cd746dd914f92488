"""Texts as hurried people write them: slips of the pen, and words left out."""

from __future__ import annotations

import numpy as np

# Share of the words that get a slip, and that are left out.
SLIPS, DROPS = 0.3, 0.3


def slipped(text: str, rng: np.random.Generator, share: float = SLIPS) -> str:
    """With a slip in some words of at least four characters: two swapped, one doubled or lost."""
    return " ".join(
        _slip(word, rng) if len(word) >= 4 and rng.random() < share else word
        for word in text.split()
    )


def dropped(text: str, rng: np.random.Generator, share: float = DROPS) -> str:
    """Without some of its words; one stays at least."""
    words = text.split()
    kept = [word for word in words if rng.random() >= share]
    return " ".join(kept or words[:1])


def _slip(word: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(0, len(word) - 1))
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at] * (2 if kind == 1 else 0) + word[at + 1 :]
