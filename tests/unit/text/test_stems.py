"""Index terms: what should be found by each other is one term."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.stems import stems


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hiking trips", "Hike trip"),
        ("café", "CAFES"),
        ("Soňa", "sona"),
        ("Ｗｉｆｉ", "wifi"),
        ("the boat", "a boat"),
        ("Straße", "STRASSE"),
    ],
)
def test_the_same_terms(one: str, other: str) -> None:
    assert stems(one) == stems(other) != []


def test_order_and_repetition_stay() -> None:
    assert stems("boats, lamp & boat: Lamp_boat") == ["boat", "lamp", "boat", "lamp", "boat"]


def test_stop_words_count_where_there_is_nothing_else() -> None:
    assert stems("who are you") == ["who", "are", "you"]
    assert "who" not in stems("who sings")


def test_scripts_without_spaces_give_overlapping_pairs() -> None:
    assert stems("東京都") == ["東京", "京都"]
    assert stems("猫") == ["猫"]
    assert stems("wifi密码") == ["wifi", "密码"]


def test_marks_that_carry_meaning_alone_are_kept() -> None:
    assert stems("") == stems("?!…") == []
    assert stems("7 42") == ["7", "42"]


@given(st.text(max_size=60))
def test_no_text_breaks_it_and_no_term_is_empty(text: str) -> None:
    assert all(stems(text))
