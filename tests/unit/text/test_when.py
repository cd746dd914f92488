"""Temporal expressions, seen from Wednesday 13 March 2024, three in the afternoon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from memgraft.text.when import Span, spans, temporal_fit

NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)


def dates(text: str, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(s.start.date().isoformat(), s.end.date().isoformat()) for s in spans(text, now)]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("What did we do last spring?", "2023-03-01", "2023-06-01"),
        ("on 7 May 2023", "2023-05-07", "2023-05-08"),
        ("May 7th, 2023", "2023-05-07", "2023-05-08"),
        ("the 7th of May", "2023-05-07", "2023-05-08"),
        ("on 2 March", "2024-03-02", "2024-03-03"),
        ("2023-05-07", "2023-05-07", "2023-05-08"),
        ("in May", "2023-05-01", "2023-06-01"),
        ("in Feb. 2023", "2023-02-01", "2023-03-01"),
        ("in 2022", "2022-01-01", "2023-01-01"),
        ("summer of 2021", "2021-06-01", "2021-09-01"),
        ("winter 2022", "2022-12-01", "2023-03-01"),
        ("in the 1980s", "1980-01-01", "1990-01-01"),
        ("in the 90s", "1990-01-01", "2000-01-01"),
        ("yesterday", "2024-03-12", "2024-03-13"),
        ("the day before yesterday", "2024-03-11", "2024-03-12"),
        ("tomorrow", "2024-03-14", "2024-03-15"),
        ("two weeks ago", "2024-02-25", "2024-03-03"),
        ("a couple of days ago", "2024-03-11", "2024-03-12"),
        ("10 years ago", "2014-01-01", "2015-01-01"),
        ("in three months", "2024-06-01", "2024-07-01"),
        ("last month", "2024-02-01", "2024-03-01"),
        ("last week", "2024-03-04", "2024-03-11"),
        ("this weekend", "2024-03-16", "2024-03-18"),
        ("last winter", "2023-12-01", "2024-03-01"),
        ("last Friday", "2024-03-08", "2024-03-09"),
        ("on Wednesday", "2024-03-06", "2024-03-07"),
        ("next Wednesday", "2024-03-20", "2024-03-21"),
        ("this Sunday", "2024-03-17", "2024-03-18"),
        ("the Friday before 15 July 2023", "2023-07-14", "2023-07-15"),
        ("the week before 9 June 2023", "2023-06-02", "2023-06-09"),
        ("the Sunday after May 3, 2023", "2023-05-07", "2023-05-08"),
        ("the weekend before 17 July 2023", "2023-07-15", "2023-07-17"),
        ("since 2022", "2022-01-01", "9999-12-31"),
        ("before March 2023", "0001-01-01", "2023-03-01"),
        ("until 7 May 2023", "0001-01-01", "2023-05-08"),
        ("after last summer", "2023-09-01", "9999-12-31"),
    ],
)
def test_what_a_text_speaks_of(text: str, start: str, end: str) -> None:
    assert dates(text) == [(start, end)]


@pytest.mark.parametrize(
    "text",
    ["", "I may go", "march on", "31 February 2023", "two cats", "What is my name?", "昨日"],
)
def test_what_is_no_time(text: str) -> None:
    assert dates(text) == []


def test_several_are_told_apart() -> None:
    assert dates("between 3 May 2023 and 7 May 2023, and on 3 May 2023") == [
        ("2023-05-03", "2023-05-04"),
        ("2023-05-07", "2023-05-08"),
    ]


def test_the_moment_may_have_any_zone_or_none() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert dates("today", datetime(2024, 3, 14, 1, tzinfo=tokyo)) == [("2024-03-13", "2024-03-14")]
    assert dates("today", datetime(2024, 3, 14, 1)) == [("2024-03-14", "2024-03-15")]


def test_fit_falls_by_half_per_length_of_the_span() -> None:
    week = Span(datetime(2024, 3, 4, tzinfo=UTC), datetime(2024, 3, 11, tzinfo=UTC))
    assert temporal_fit([week], datetime(2024, 3, 10, 23, tzinfo=UTC)) == 1.0
    assert temporal_fit([week], week.end + timedelta(days=7)) == pytest.approx(0.5)
    assert temporal_fit([week], week.start - timedelta(days=14)) == pytest.approx(0.25)
    assert temporal_fit([], NOW) == 0.0
