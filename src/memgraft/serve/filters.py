"""mem0's filters as ours: which memories are meant, and whose."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.filters import SCOPE, Test, compiled
from memgraft.core.scope import Scope
from memgraft.store.rows import utc

_DATES = ("created_at", "updated_at", "expiration_date", "event_time")
_RENAMED = {"memory_ids": "id", "keywords": "text", "expiration_date": "expires_at"}
KEYS = (*SCOPE, *_DATES, "categories", "metadata", "keywords", "memory_ids", "AND", "OR", "NOT")
_WITHIN = ("contains", "icontains")
_DEEPEST = 20
# Times compare as text, in which a day comes before its first moment: what happened on a day, at no
# known time, is of it.
_BEGIN, _END = "", "T23:59:59.999999"


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
    """Filters of a delete, out of its query string: JSON, or the Python that mem0's client makes of
    a dictionary.

    A server that ignored what it cannot read would delete everything; so would one that took a
    variable that a client never set, None or "", for a condition.
    """
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict) and value:
            _check_full(value)
            return value
    raise InvalidInput(
        "the filters in the query string cannot be read",
        expected='a dictionary, such as {"user_id": "alex"}',
        got=repr(text)[:80],
    )


def _check_full(filters: dict[str, Any]) -> None:
    """`InvalidInput` where any value, however deep, is empty."""
    level: list[Any] = [filters]
    while level:
        inner = [one for outer in level for one in _inside(outer)]
        if any(one is None or one in ("", [], (), {}, set()) for one in inner):
            raise InvalidInput(
                "a condition of this delete is empty, so nothing was deleted",
                expected="a value for each",
                got=repr(filters)[:80],
                next_step='to mean what has no value: {"NOT": [{"agent_id": "*"}]}',
            )
        level = inner


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple | set) else ()


def _translated(filters: Any, depth: int) -> dict[str, Any]:
    if not isinstance(filters, Mapping):
        raise _wrong("filters cannot be used", "a dictionary", filters)
    if depth > _DEEPEST:
        raise InvalidInput("these filters are nested too deeply", expected=f"{_DEEPEST} levels")
    found: dict[str, Any] = {}
    also: list[dict[str, Any]] = []
    for key, value in filters.items():
        if key not in KEYS:
            raise InvalidInput(
                f"no filter is called {str(key)[:40]!r}",
                expected=", ".join(KEYS),
                got=repr(key)[:80],
                next_step=f"write it below metadata: {{'metadata': {{{str(key)[:40]!r}: ...}}}}",
            )
        if value in ({}, []) or (key in ("AND", "OR", "NOT") and {} in _listed(value)):
            raise _wrong(f"{key} says nothing", "a condition", value)
        if key not in ("AND", "OR", "NOT"):
            _check_condition(key, value)
        name = _RENAMED.get(key) or key
        if key in _DATES:
            also += _dated(name, value)
        else:
            found[name] = _value(key, value, depth)
    if also:
        found["AND"] = [*found.get("AND", []), *also]
    return found


def _check_condition(key: str, value: Any) -> None:
    """`InvalidInput` for what every record fulfils."""
    if key == "keywords" and value == "":
        raise _wrong(f"{key} says nothing", "a word", value)
    if not isinstance(value, Mapping):
        return
    if key == "metadata":
        for name, wanted in value.items():
            _check_condition(f"metadata.{name}", wanted)
    elif not value or value.get("nin") == [] or "" in (value.get(name) for name in _WITHIN):
        raise _wrong(f"{key} says nothing", "a condition", value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _value(key: str, value: Any, depth: int) -> Any:
    if key in ("AND", "OR", "NOT"):
        return [_translated(part, depth + 1) for part in _listed(value)]
    if key in SCOPE and isinstance(value, Mapping) and set(value) == {"eq"}:
        return value["eq"]
    if key == "memory_ids" and isinstance(value, list):
        return {"in": value}
    if key == "categories" and isinstance(value, list):
        return {"in": value}
    if key == "keywords" and isinstance(value, str) and value != "*":
        return {"icontains": value}
    if key == "metadata" and not isinstance(value, Mapping):
        raise _wrong("a filter on metadata cannot be used", "a dictionary", value)
    return value


def _dated(name: str, value: Any) -> list[dict[str, Any]]:
    """Conditions that all hold. A date without a time is the whole day: from its beginning to its
    end, up to its end, or after it."""
    given = value if isinstance(value, Mapping) else {"eq": value}
    return [_compared(name, operator, moment) for operator, moment in given.items()]


def _compared(name: str, operator: str, moment: Any) -> dict[str, Any]:
    if operator in ("in", "nin") and isinstance(moment, list):
        days = [_compared(name, "eq", one) for one in moment]
        return {"OR" if operator == "in" else "NOT": days}
    if operator == "ne":
        return {"NOT": [_compared(name, "eq", moment)]}
    day = _day(moment)
    if day is None:
        return {name: {operator: moment if moment in ("*", None) else utc(moment)}}
    if operator == "eq":
        return {name: {"gte": day + _BEGIN, "lte": day + _END}}
    return {name: {operator: day + (_END if operator in ("lte", "gt") else _BEGIN)}}


def _day(moment: Any) -> str | None:
    """A date without a time, in any form of ISO 8601, as those of times begin; else None."""
    try:
        return date.fromisoformat(moment).isoformat()
    except (ValueError, TypeError):
        return None


def _wrong(what: str, expected: str, got: Any) -> InvalidInput:
    return InvalidInput(what, expected=expected, got=repr(got)[:80])


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
