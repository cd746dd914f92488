"""Traces of records."""

from __future__ import annotations

from typing import Any

import pytest

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.retrieval.trace import Trace, seconds

NEW_YEAR = 1_704_067_200.0


def record(metadata: dict[str, Any] | None = None, **fields: Any) -> Record:
    values = {"created_at": "2024-01-01T00:00:00+00:00", **fields}
    return Record("r", "I sing", metadata=metadata or {}, **values)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-01-01", NEW_YEAR),
        ("2024-01-01T00:00:00Z", NEW_YEAR),
        ("2024-01-01T01:00:00+01:00", NEW_YEAR),
        ("", 0.0),
        ("last spring", 0.0),
    ],
)
def test_moments_in_seconds(moment: str, expected: float) -> None:
    assert seconds(moment) == expected


def test_a_trace_happened_when_the_event_did_and_was_written_when_it_was() -> None:
    trace = Trace.of(record(event_time="2023-12-31T00:00:00+00:00"))
    assert (trace.time, trace.written) == (NEW_YEAR - 86400, NEW_YEAR)
    assert Trace.of(record()).time == NEW_YEAR


def test_session_or_run_is_the_episode_of_one_user() -> None:
    scope = Scope(user_id="u", run_id="run")
    run, session = Trace.of(record(scope=scope)), Trace.of(record({"session": 3}, scope=scope))
    assert None not in (run.episode, session.episode)
    assert run.episode == Trace.of(record({"importance": 1}, scope=scope)).episode
    assert session.episode == Trace.of(record({"session": 3, "x": 1}, scope=scope)).episode
    assert len({run.episode, session.episode, Trace.of(record({"session": 0})).episode}) == 3
    elsewhere = Scope(user_id="u", agent_id="other", run_id="run")
    assert Trace.of(record(scope=elsewhere)).episode != run.episode
    assert Trace.of(record()).episode is None
    assert Trace.of(record(scope=scope)).scope == scope


def test_the_speaker_is_said_with_the_text() -> None:
    assert Trace.of(record({"speaker": "Ann"})).said == "Ann: I sing"
    assert Trace.of(record({"speaker": ""})).said == "I sing"


@pytest.mark.parametrize(
    ("given", "importance"),
    [(0.9, 0.9), (0, 0.0), (1, 1.0), (2, 0.5), (-1, 0.5), ("high", 0.5), (None, 0.5)],
)
def test_what_is_no_importance_counts_as_unrated(given: Any, importance: float) -> None:
    assert Trace.of(record({"importance": given})).importance == importance
