"""BM25 by an inverted index equals BM25 by its definition."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraft.core.errors import NotFound
from memgraft.retrieval.lexical import K1, B, LexicalIndex, best_rows
from memgraft.text.stems import stems

WORDS = ["boat", "river", "lamp", "green", "violin", "oslo", "bread", "seven"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=8)


def naive(documents: list[str], question: str) -> list[float]:
    """Robertson & Zaragoza's formula with Lucene's idf, document by document, word by word."""
    bags = [Counter(stems(document)) for document in documents]
    mean = sum(bag.total() for bag in bags) / max(1, len(bags))
    found = []
    for bag in bags:
        score = 0.0
        for term in stems(question):
            holding = sum(term in other for other in bags)
            if bag[term]:
                idf = math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
                length = 1 - B + B * bag.total() / mean
                score += idf * bag[term] * (K1 + 1) / (bag[term] + K1 * length)
        found.append(score)
    return found


def filled(documents: list[str]) -> LexicalIndex:
    index = LexicalIndex()
    for number, document in enumerate(documents):
        index.add(str(number), document)
    return index


@given(texts, st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_scores_are_those_of_the_definition(documents: list[str], question: str) -> None:
    found = filled(documents).scores(question)
    np.testing.assert_allclose(found, naive(documents, question), rtol=1e-4, atol=1e-5)


@given(texts, st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_removed_counts_nowhere(documents: list[str], data: st.DataObject) -> None:
    index = filled(documents)
    gone = data.draw(st.sets(st.sampled_from(range(len(documents))))) if documents else set()
    for number in gone:
        index.remove(str(number))
    kept = [number for number in range(len(documents)) if number not in gone]
    fresh = filled([documents[number] for number in kept])
    question = " ".join(WORDS)
    found = index.scores(question)
    np.testing.assert_allclose(found[kept], fresh.scores(question), rtol=1e-5)
    assert not found[list(gone)].any()
    assert set(index.vocabulary) == set(fresh.vocabulary)
    assert all(index.idf(term) == fresh.idf(term) for term in map(str, stems(question)))


@given(texts, st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=8, max_size=8))
@settings(max_examples=150, deadline=None)
def test_groups_score_as_one_long_text_each(documents: list[str], groups: list[int]) -> None:
    of = np.array(groups[: len(documents)], np.int64)
    joined = [
        " ".join(d for d, g in zip(documents, of, strict=True) if g == group) for group in range(3)
    ]
    filled_ones = [group for group in range(3) if stems(joined[group])]
    question = " ".join(WORDS[:4])
    found = filled(documents).group_scores(question, of, 3)
    expected = np.zeros(3)
    expected[filled_ones] = naive([joined[group] for group in filled_ones], question)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_known_key_gets_a_new_row() -> None:
    index = filled(["green boat", "red lamp"])
    assert index.add("0", "violin") == 2
    assert index.scores("boat").tolist() == [0.0, 0.0, 0.0]
    assert index.search("violin", 5) == [("0", pytest.approx(float(index.scores("violin")[2])))]
    assert len(index) == 2
    assert "0" in index


def test_search_is_sorted_and_gives_only_what_shares_a_word() -> None:
    index = filled(["boat", "boat boat river", "lamp", "boat"])
    found = index.search("boat", 10)
    assert [key for key, _ in found][-2:] in (["0", "3"], ["1", "3"], ["3", "1"])
    assert "2" not in dict(found)
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    assert index.search("boat", 1) == found[:1]
    assert (
        index.search("nothing", 3) == index.search("", 3) == LexicalIndex().search("boat", 3) == []
    )


def test_removing_what_is_not_there() -> None:
    with pytest.raises(NotFound, match="none"):
        filled(["boat"]).remove("none")


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]), max_size=30),
    st.integers(min_value=-1, max_value=40),
)
def test_the_best_rows_are_those_of_a_stable_sort(scores: list[float], limit: int) -> None:
    column = np.array(scores, np.float32)
    expected = np.argsort(-column, kind="stable")[: max(0, limit)].tolist()
    assert best_rows(column, limit) == expected
