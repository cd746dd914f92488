"""What of a ranking is given: from where, down to where, and how long."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memgraft.retrieval.episodes import NONE
from memgraft.retrieval.selection import (
    adaptive_count,
    diverse,
    estimated_tokens,
    within_budget,
)

rankings = st.lists(
    st.tuples(st.floats(-5, 5, allow_subnormal=False), st.integers(-1, 2)), min_size=1, max_size=40
)


def greedy(scores: list[float], episodes: list[int], limit: int, price: float) -> list[int]:
    """Row by row over the whole list."""
    cost = price * float(np.std(scores))
    taken: list[int] = []
    while len(taken) < min(limit, len(scores)):
        worth = {
            row: score - cost * sum(episodes[t] == episodes[row] != NONE for t in taken)
            for row, score in enumerate(scores)
            if row not in taken
        }
        best = max(worth.values())
        equal = [row for row, value in worth.items() if value >= best - 1e-12]
        taken.append(max(equal, key=lambda row: (scores[row], -row)))
    return taken


def test_a_price_spreads_the_choice_over_episodes() -> None:
    scores, episodes = np.array([5.0, 4.9, 4.8, 4.0, 0.0]), np.array([0, 0, 0, 1, NONE])
    assert diverse(scores, episodes, 3, 0.0) == [0, 1, 2]
    assert diverse(scores, episodes, 2, 1.0) == [0, 3]
    alone = np.full(5, NONE)
    assert diverse(scores, alone, 3, 1.0) == [0, 1, 2], "what belongs to no episode costs nothing"


@given(rankings, st.integers(1, 10), st.sampled_from([0.0, 0.3, 2.0]))
def test_it_is_greedy_and_gives_each_row_once(
    rows: list[tuple[float, int]], limit: int, price: float
) -> None:
    scores, episodes = [score for score, _ in rows], [episode for _, episode in rows]
    found = diverse(np.array(scores), np.array(episodes), limit, price)
    assert len(found) == len(set(found)) == min(limit, len(rows))
    expected = greedy(scores, episodes, limit, price)
    worth = sorted(np.array(scores)[found].round(9))
    if limit < len(rows):
        assert worth == sorted(np.array(scores)[expected].round(9))


def test_the_cut_is_at_the_widest_gap_if_there_is_one() -> None:
    assert adaptive_count([9.0, 8.8, 8.7, 2.0, 1.9, 1.8]) == 3
    assert adaptive_count([9.0, 1.0, 0.9, 0.8]) == 1
    assert adaptive_count([9.0, 1.0, 0.9, 0.1], least=2) in (2, 3, 4)
    assert adaptive_count([5.0, 4.0, 3.0, 2.0]) == 4, "an even slope has no edge"
    assert adaptive_count([5.0]) == 1
    assert adaptive_count([]) == 0
    assert adaptive_count([1.0, 1.0, 1.0]) == 3


@given(st.lists(st.floats(-9, 9), max_size=20), st.integers(1, 5))
def test_the_cut_leaves_the_least(scores: list[float], least: int) -> None:
    count = adaptive_count(sorted(scores, reverse=True), least)
    assert min(least, len(scores)) <= count <= len(scores)


def test_the_first_always_counts_and_the_budget_holds_for_the_rest() -> None:
    texts = ["a" * 40, "b" * 40, "c" * 40]
    assert [estimated_tokens(text) for text in texts] == [10, 10, 10]
    assert [within_budget(texts, tokens) for tokens in (1, 10, 19, 20, 30)] == [1, 1, 1, 2, 3]
    assert within_budget([], 5) == 0
    assert estimated_tokens("乳酪") == 2
