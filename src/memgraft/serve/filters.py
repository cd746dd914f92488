"""mem0's filters as ours: which memories are meant, and whose."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.filters import SCOPE, Test, compiled
from memgraft.core.scope import Scope

_DATES = ("created_at", "updated_at", "expiration_date", "event_time")
_RENAMED = {"memory_ids": "id", "keywords": "text", "expiration_date": "expires_at"}
KEYS = (*SCOPE, *_DATES, "categories", "metadata", "keywords", "memory_ids", "AND", "OR", "NOT")
_DEEPEST = 20
# A date without a time means the whole day: up to a day is up to its end.
_DAY_ENDS = {"lte": "T23:59:59.999999", "gt": "T23:59:59.999999", "gte": "T00:00:00",
             "lt": "T00:00:00"}  # fmt: skip


def meant(filters: Mapping[str, Any]) -> tuple[Scope, Test | None]:
    """The scope that every accepted record is of, and a test for what the scope leaves open.

    Raises:
        InvalidInput: an unknown key or operator, or a value that it cannot use.
    """
    ours = _translated(filters, 0)
    scope = Scope(**_ids(ours))
    test = compiled(ours)
    return scope, None if _is_scope(ours, scope) else test


def parsed(text: str) -> dict[str, Any]:
    """Filters out of a query string: JSON, or the Python that mem0's client makes of a dictionary.

    A server that ignored what it cannot read would delete everything.
    """
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict) and value:
            return value
    raise InvalidInput(
        "the filters in the query string cannot be read",
        expected='a dictionary, such as {"user_id": "alex"}',
        got=repr(text)[:80],
    )


def _translated(filters: Any, depth: int) -> dict[str, Any]:
    if not isinstance(filters, Mapping):
        raise InvalidInput("filters must be a dictionary", got=repr(filters)[:80])
    if depth > _DEEPEST:
        raise InvalidInput("these filters are nested too deeply", expected=f"{_DEEPEST} levels")
    found: dict[str, Any] = {}
    for key, value in filters.items():
        if key not in KEYS:
            raise InvalidInput(
                f"no filter is called {str(key)[:40]!r}",
                expected=", ".join(KEYS),
                got=repr(key)[:80],
                next_step=f"write it below metadata: {{'metadata': {{{str(key)[:40]!r}: ...}}}}",
            )
        found[_RENAMED.get(key) or key] = _value(key, value, depth)
    return found


def _value(key: str, value: Any, depth: int) -> Any:
    if key in ("AND", "OR", "NOT"):
        parts = value if isinstance(value, list) else [value]
        return [_translated(part, depth + 1) for part in parts]
    if key in SCOPE and isinstance(value, Mapping) and set(value) == {"eq"}:
        return value["eq"]
    if key in _DATES:
        return _dated(value)
    if key == "memory_ids" and isinstance(value, list):
        return {"in": value}
    if key == "categories" and isinstance(value, list):
        return {"in": value}
    if key == "keywords" and isinstance(value, str) and value != "*":
        return {"icontains": value}
    if key == "metadata" and not isinstance(value, Mapping):
        raise InvalidInput("a filter on metadata must be a dictionary", got=repr(value)[:80])
    return value


def _dated(value: Any) -> Any:
    if not isinstance(value, Mapping):
        value = {"eq": value}
    return {name: _moment(name, moment) for name, moment in value.items()}


def _moment(name: str, moment: Any) -> Any:
    if name in ("in", "nin") and isinstance(moment, list):
        return [_moment("eq", one) for one in moment]
    if moment == "*" or moment is None:
        return moment
    try:
        if len(moment) == 10:
            date.fromisoformat(moment)
            return moment + _DAY_ENDS.get(name, "")
        datetime.fromisoformat(moment)
        return moment.replace(" ", "T", 1)
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "this is no date", expected="ISO 8601, such as 2026-01-31", got=repr(moment)[:80]
        ) from error


def _is_scope(filters: Mapping[str, Any], scope: Scope) -> bool:
    """True where the filters say no more than the scope does."""
    ids = {name: value for name, value in filters.items() if name in SCOPE}
    parts = filters.get("AND", [])
    return (
        set(filters) <= {*SCOPE, "AND"}
        and ids.items() <= scope.given().items()
        and all(_is_scope(part, scope) for part in parts)
    )


def _ids(filters: Mapping[str, Any]) -> dict[str, str]:
    """Ids that must be so wherever the whole is true."""
    found: dict[str, str] = {}
    for part in filters.get("AND", []):
        found |= _ids(part)
    for name in SCOPE:
        value = filters.get(name)
        if isinstance(value, str) and value and value != "*":
            found[name] = value
    return found
