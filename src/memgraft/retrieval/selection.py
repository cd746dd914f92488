"""Which of the ranked candidates are given back: so many, so sure, so long, from where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memgraft.retrieval.episodes import NONE


def diverse(
    scores: NDArray[np.float64], episodes: NDArray[np.int64], limit: int, price: float
) -> list[int]:
    """Rows chosen one by one, best first, each episode getting dearer with each of its rows.

    Args:
        scores: (n,).
        episodes: (n,), NONE for rows that belong to none and cost nothing.
        limit: how many rows.
        price: what a chosen row takes from the others of its episode, in deviations of the scores.
    """
    order = np.argsort(-scores, kind="stable")
    if not price or limit >= len(scores):
        return order[:limit].tolist()
    # A row cannot rise by more than its episode's rows that come before it: far more are enough.
    order = order[: 6 * limit + 50]
    left, where = scores[order].astype(float), episodes[order]
    cost = price * float(scores.std())
    chosen: list[int] = []
    for _ in range(min(limit, len(order))):
        best = int(np.argmax(left))
        chosen.append(int(order[best]))
        left[best] = -np.inf
        if where[best] != NONE:
            left[where == where[best]] -= cost
    return chosen


def adaptive_count(scores: Sequence[float], least: int = 1) -> int:
    """How many of the scores, best first, stand before their widest gap, `least` at least.

    The cut is made only where the gap is wider than twice the mean of all gaps: a flat list has no
    edge, and is kept whole.
    """
    if len(scores) <= least:
        return len(scores)
    gaps = -np.diff(np.asarray(scores, float))
    late = gaps[max(0, least - 1) :]
    widest = int(np.argmax(late))
    if late[widest] <= 2 * gaps.mean():
        return len(scores)
    return max(0, least - 1) + widest + 1


def within_budget(texts: Sequence[str], tokens: int) -> int:
    """How many texts, in order, hold no more tokens than that together; the first always counts.

    A token is taken as four characters, or one where a character is a word or a syllable.
    """
    used = 0
    for count, text in enumerate(texts):
        used += estimated_tokens(text)
        if used > tokens and count:
            return count
    return len(texts)


def estimated_tokens(text: str) -> int:
    wide = sum(ord(character) > 0x2E7F for character in text)
    return wide + -(-(len(text) - wide) // 4)
