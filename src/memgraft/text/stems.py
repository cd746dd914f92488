"""Texts as the words that an inverted index keeps: folded, stemmed, without stop words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from memgraft.core.stop_words import STOP_WORDS

# Scripts written without spaces are kept as overlapping pieces of this many characters.
_PIECE = 2
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af"
    "\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"[^\W_]+")


def stems(text: str) -> list[str]:
    """The index terms of a text, in order, repeated as often as they stand there.

    Accents and case are folded, English endings removed (Porter's second algorithm), stop words
    left out unless there is nothing else. Scripts without spaces give overlapping pairs.

    >>> stems("Alice's cafés were hiking trips")
    ['alic', 'cafe', 'hike', 'trip']
    """
    found = [_folded(word) for word in _WORD.findall(unicodedata.normalize("NFKC", text))]
    content = [word for word in found if word not in STOP_WORDS]
    return [term for word in content or found for term in _terms(word)]


def _terms(word: str) -> list[str]:
    if not _UNSPACED.search(word):
        return [_stem(word)]
    terms = [_stem(rest) for rest in _UNSPACED.split(word) if rest]
    for run in _UNSPACED.findall(word):
        starts = range(max(1, len(run) - _PIECE + 1))
        terms += [run[start : start + _PIECE] for start in starts]
    return terms


@lru_cache(maxsize=1 << 16)
def _folded(word: str) -> str:
    """Without case and accents; a letter is kept where nothing else would be left of it."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFD", word.casefold())
    bare = "".join(c for c in parts if unicodedata.category(c) != "Mn" or ord(c) > 0x36F)
    return unicodedata.normalize("NFC", bare) or word


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer():  # type: ignore[no-untyped-def]
    import snowballstemmer

    return snowballstemmer.stemmer("english")
