"""Scopes: what a query covers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.core.scope import Scope

IDS = st.one_of(st.none(), st.sampled_from(["", "a", "b"]))
SCOPES = st.builds(Scope, IDS, IDS, IDS, IDS)


def test_given_names_only_what_is_set() -> None:
    assert Scope().given() == {}
    assert Scope("yusuf", run_id="r").given() == {"user_id": "yusuf", "run_id": "r"}
    assert Scope(user_id="").given() == {"user_id": ""}


def test_none_in_a_query_means_any_but_not_the_other_way_round() -> None:
    assert Scope("yusuf").covers(Scope("yusuf", "agent"))
    assert not Scope("yusuf", "agent").covers(Scope("yusuf"))
    assert not Scope("yusuf").covers(Scope("ada"))


@given(SCOPES)
def test_a_scope_covers_itself_and_nothing_covers_more_than_the_empty_one(scope: Scope) -> None:
    assert scope.covers(scope)
    assert Scope().covers(scope)


@given(SCOPES, SCOPES, SCOPES)
def test_covering_is_an_order(one: Scope, two: Scope, three: Scope) -> None:
    if one.covers(two) and two.covers(three):
        assert one.covers(three)
    if one.covers(two) and two.covers(one):
        assert one == two


def test_a_scope_is_a_value() -> None:
    assert len({Scope("a"), Scope("a"), Scope("b")}) == 2
    with pytest.raises(FrozenInstanceError):
        Scope().user_id = "a"  # type: ignore[misc]
