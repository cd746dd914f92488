"""Scoring a generated answer against the one that is due."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = {"a", "an", "the"}


def normalise(text: str) -> str:
    """Case, punctuation, articles and spacing taken off, as in SQuAD (arXiv 1606.05250)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w]+", " ", folded).split()
    telling = [word for word in words if word not in _ARTICLES]
    # "A" can be a blood type, and an emoji a signature: what nothing is left of stays as it is.
    return " ".join(telling or words) or folded.strip()


def contains(reply: str, answer: str) -> bool:
    """The normalised answer stands in the normalised reply, as whole words."""
    return f" {normalise(answer)} " in f" {normalise(reply)} "


def exact(reply: str, answer: str) -> bool:
    """The normalised reply is the answer and nothing else."""
    return normalise(reply) == normalise(answer)
