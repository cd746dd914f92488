"""A column is an array that grows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memgraft.retrieval.columns import Column


@given(st.lists(st.integers(-9, 9), max_size=5), st.lists(st.integers(-9, 9), max_size=300))
def test_it_holds_what_was_appended(first: list[int], later: list[int]) -> None:
    column = Column(np.int64, first)
    for value in later:
        column.append(value)
    assert column.values.tolist() == first + later
    assert len(column) == len(first + later)
    assert column.values.dtype == np.int64


def test_writing_to_the_values_changes_it() -> None:
    column = Column(np.float64, [1, 2])
    column.values[1] = 5
    column.append(7)
    assert column.values.tolist() == [1.0, 5.0, 7.0]
