"""Words and sentences of a text, with contractions spelled out."""

from __future__ import annotations

from memgraft.text import lexicon as lx

_SENTENCE_MARKS = ".!?…"


def tokens(text: str) -> list[str]:
    """Split into words, with punctuation apart and contractions spelled out.

    >>> tokens("I'm here, Mr. Bo!")
    ['I', 'am', 'here', ',', 'Mr.', 'Bo', '!']
    """
    found: list[str] = []
    for chunk in text.replace("’", "'").split():
        found += _chunk_tokens(chunk)
    return found


def _chunk_tokens(chunk: str) -> list[str]:
    tail: list[str] = []
    while len(chunk) > 1 and chunk[-1] in ",;:.!?…)" and not _keeps_dot(chunk):
        tail.append(chunk[-1])
        chunk = chunk[:-1]
    opening = ["("] if chunk.startswith("(") and len(chunk) > 1 else []
    return opening + _uncontract(chunk[len(opening) :]) + tail[::-1]


def _keeps_dot(chunk: str) -> bool:
    low = chunk.lower()
    single = len(chunk) == 2 and chunk[0].isupper() and chunk[0] != "I"
    return chunk[-1] == "." and (low in lx.TITLES or low in lx.CLOCK or single)


def _uncontract(word: str) -> list[str]:
    low = word.lower()
    if low in lx.NEGATED:
        return [lx.NEGATED[low], "not"]
    if low.endswith("n't") and low[:-3] in lx.FINITE_AUXILIARIES:
        return [word[:-3], "not"]
    stem, mark, ending = word.rpartition("'")
    full = lx.CONTRACTIONS.get(mark + ending.lower())
    pronoun = stem.lower() in lx.PRONOUNS or stem.lower() in {"there", "here", "name"}
    if full and stem and (pronoun or ending.lower() not in {"s", "d"}):
        return [stem, full]
    return [word]


def text_of(parts: list[str]) -> str:
    """Join tokens back into text, with commas and brackets where they belong."""
    return " ".join(parts).replace(" ,", ",").replace("( ", "(").replace(" )", ")").strip(" ,;:-–—")


def sentences(parts: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for token in parts:
        if token in _SENTENCE_MARKS or token == ";":
            found.append([])
        else:
            found[-1].append(token)
    return [sentence for sentence in found if sentence]
