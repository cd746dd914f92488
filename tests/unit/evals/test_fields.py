"""Reading foreign JSON: what is wrong is named by its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.fields import Field, read_json, read_lines

NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)


def test_values_are_reached_by_their_path() -> None:
    root = Field({"turns": [{"id": "a"}, {"id": 7, "note": None}]}, "f.json: $")
    first, second = root["turns"].items()
    assert (first["id"].name(), second["id"].name()) == ("a", "7")
    assert second["id"].place == "f.json: $.turns[1].id"
    assert second.maybe("note") is None
    assert second.maybe("other") is None


@pytest.mark.parametrize(
    "text", ["2024-03-10T12:00:00+00:00", "2024-03-10T12:00:00", "2024-03-10T14:00:00+02:00"]
)
def test_times_are_utc(text: str) -> None:
    assert Field(text, "$").time() == NOON


@pytest.mark.parametrize(
    ("value", "method", "expected"),
    [
        ([], "object", "an object"),
        ({}, "items", "a list"),
        (5, "text", "text"),
        ("  ", "name", "a name or a number"),
        (True, "name", "a name or a number"),
        (1.5, "name", "a name or a number"),
        ("yesterday", "time", "an ISO 8601 time"),
    ],
)
def test_a_wrong_value_is_named(value: Any, method: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.here cannot be used") as caught:
        getattr(Field(value, "$.here"), method)()
    assert expected in caught.value.expected


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"\$\.id is missing") as caught:
        Field({"name": 1}, "$")["id"]
    assert caught.value.got == "name"


def test_lines_know_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\nbroken\n', encoding="utf-8")
    lines = read_lines(path)
    assert [next(lines).value, next(lines).place] == [{"a": 1}, f"{path}, line 3: $"]
    with pytest.raises(InvalidInput, match=r"f\.jsonl, line 4 is no JSON"):
        next(lines)


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    with pytest.raises(InvalidInput, match="cannot read"):
        read_json(path)
    path.write_bytes(b"\xff\xff")
    with pytest.raises(InvalidInput, match="cannot read"):
        read_json(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"f\.json is no JSON"):
        read_json(path)
    path.write_text('\ufeff{"a": 1}', encoding="utf-8")
    assert read_json(path)["a"].value == 1
