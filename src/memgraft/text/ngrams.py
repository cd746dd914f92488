"""Words of any script, and each word as hashed n-grams of its characters.

There is no vocabulary: a word is the sum of its parts, so that a typo or an unseen word still
lands near what it resembles (Bojanowski et al., arXiv 1607.04606).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby
from zlib import crc32

LONGEST = 4096  # characters of a text that are looked at
MOST = 256  # words of a text that are looked at
PIECE = 16  # characters: longer runs, as in scripts without spaces, are cut
SIZES = range(2, 6)


def words(text: str) -> list[str]:
    """Lower-case words and single symbols, at most `MOST`; never empty, blank text is `[""]`.

    >>> words("Anna's café: 24°!")
    ['anna', "'", 's', 'café', ':', '24', '°', '!']
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()[:LONGEST]
    found: list[str] = []
    for sort, group in groupby(plain, _sort):
        run = "".join(group)
        if sort == "word":
            found += [run[i : i + PIECE] for i in range(0, len(run), PIECE)]
        elif sort == "symbol":
            found += run
    return found[:MOST] or [""]


@lru_cache(maxsize=1 << 16)
def grams(word: str, buckets: int) -> tuple[int, ...]:
    """Buckets of the whole word and of its n-grams, its ends marked."""
    marked = f"<{word}>"
    parts = [marked[i : i + n] for n in SIZES for i in range(len(marked) - n + 1)]
    return tuple(crc32(part.encode("utf-8")) % buckets for part in ("=" + word, *parts))


@lru_cache(maxsize=1 << 14)
def _sort(character: str) -> str:
    """Letters, digits and the marks upon them make words; punctuation, emoji and what Unicode
    does not know are symbols; spaces, controls and joiners only separate."""
    category = unicodedata.category(character)
    if category[0] in "LMN":
        return "word"
    return "symbol" if category[0] in "PS" or category in ("Co", "Cn") else "space"
