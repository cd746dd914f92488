"""How varied a text is: edits that break a model make it repeat itself."""

from __future__ import annotations

import math
import re
from collections import Counter

# What a model is asked to go on about, and for how long at most.
REQUEST = "Tell me about {subject}."
TOKENS = 100


def fluency(text: str) -> float:
    """Weighted entropy of the text's word bigrams and trigrams, (h₂ + 2 h₃) / 3, in bits.

    The "generation entropy" of ROME (Meng et al., arXiv 2202.05262), which weighs them ⅔ and 4⁄3
    and takes the mean. It grows with the length of a text, up to the logarithm of its number of
    n-grams: compare it with the bare model's, and mind the number of words.
    """
    words = words_of(text)
    return (_entropy(words, 2) + 2 * _entropy(words, 3)) / 3


def words_of(text: str) -> list[str]:
    """Words and punctuation marks."""
    return re.findall(r"\w+|[^\w\s]", text.casefold())


def _entropy(words: list[str], n: int) -> float:
    """Of the distribution of n-grams, in bits; 0 where there are none."""
    counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
    total = counts.total()
    return -sum(c / total * math.log2(c / total) for c in counts.values())
