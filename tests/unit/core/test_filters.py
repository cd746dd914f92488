"""Filters on records: fields, metadata, operators, and what is no filter."""

from __future__ import annotations

from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.core.filters import compiled
from memgraft.core.records import Record
from memgraft.core.scope import Scope

RECORD = Record.new(
    "Tea at five",
    Scope(user_id="me", run_id="r1"),
    metadata={
        "kind": "Food",
        "stars": 4,
        "tags": ["warm", "green"],
        "draft": False,
        "address": {"city": "Porto"},
    },
    categories=("drinks", "home"),
    event_time="2026-03-01T17:00:00+00:00",
)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"user_id": "me"},
        {"user_id": "*", "agent_id": None},
        {"run_id": {"in": ["r1", "r2"]}},
        {"run_id": {"nin": ["r2"]}},
        {"text": {"icontains": "TEA"}},
        {"categories": "drinks"},
        {"categories": {"contains": "home"}},
        {"event_time": {"gte": "2026-03-01", "lt": "2026-04-01"}},
        {"metadata": {"kind": "Food", "stars": {"gt": 3, "lte": 4}}},
        {"metadata.kind": {"icontains": "food"}},
        {"metadata.tags": {"contains": "warm"}},
        {"metadata.tags": {"icontains": "GREEN"}},
        {"metadata.draft": False},
        {"metadata.missing": None},
        {"metadata.stars": {"ne": 5}},
        {"metadata": {"address": {"city": "Porto"}}},
        {"metadata": {"address": {"ne": {"city": "Lisbon"}}}},
        {"event_time": {"gte": "20260301", "lt": "20260302"}},
        {"event_time": {"gte": "20260301T165959", "lt": "2026-03-01 18:00"}},
        {"AND": [{"user_id": "me"}, {"metadata.stars": 4}]},
        {"OR": [{"user_id": "you"}, {"metadata.stars": 4}]},
        {"NOT": [{"user_id": "you"}]},
        {"NOT": {"user_id": "you"}},
    ],
)
def test_accepted(filters: dict[str, Any]) -> None:
    assert compiled(filters)(RECORD)


@pytest.mark.parametrize(
    "filters",
    [
        {"user_id": "you"},
        {"agent_id": "*"},
        {"user_id": "me", "metadata.stars": 5},
        {"event_time": {"gt": "2026-04-01"}},
        {"metadata.kind": {"contains": "food"}},
        {"metadata.stars": {"gt": "three"}},
        {"metadata": {"address": {"city": "Lisbon"}}},
        {"metadata.missing": {"lt": 3}},
        {"metadata.stars": {"contains": 4}},
        {"OR": []},
        {"NOT": [{"user_id": "me"}, {"user_id": "you"}]},
        {"AND": [{"user_id": "me"}, {"OR": [{"run_id": "r2"}]}]},
    ],
)
def test_refused(filters: dict[str, Any]) -> None:
    assert not compiled(filters)(RECORD)


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"kind": "Food"}, r"no filter is called 'kind'.*write metadata\.kind"),
        ({"metadata.stars": {"above": 3, "lt": 9}}, "no operator is called 'above'"),
        ({"user_id": {"above": 3}}, "no operator is called 'above'"),
        ({"metadata.stars": {}}, "metadata.stars says nothing"),
        ({"metadata": {"stars": {}}}, "metadata.stars says nothing"),
        ({"created_at": {"gte": "0001-01-01T00:00:00+23:59"}}, "this is no time in UTC"),
        ({"created_at": {"lte": "9999-12-31T23:59:59-01:00"}}, "this is no time in UTC"),
        ({"run_id": {"in": "r1"}}, "in cannot be used"),
        ({"AND": "x"}, "AND cannot be used"),
        ({"metadata": "x"}, "a filter on metadata cannot be used"),
        ({"OR": ["x"]}, "filters cannot be used"),
        ({1: 2}, "the key of a filter must be text"),
    ],
)
def test_what_is_no_filter(filters: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        compiled(filters)


def test_times_are_compared_in_one_zone() -> None:
    hour = RECORD.created_at[:13]
    assert compiled({"created_at": {"gte": f"{hour}:00:00Z"}})(RECORD)
    assert compiled({"created_at": RECORD.created_at.replace("+00:00", "Z")})(RECORD)
    assert not compiled({"text": {"contains": 5}})(RECORD)
