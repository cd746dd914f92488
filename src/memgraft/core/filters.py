"""Filters: which records a search may find, beyond their scope.

{"created_at": {"gte": "2026-01-01"}, "metadata.food": {"in": ["tea", "cake"]}}
{"OR": [{"categories": {"contains": "work"}}, {"NOT": [{"metadata": {"draft": true}}]}]}
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.records import Record

Test = Callable[[Record], bool]

SCOPE = ("user_id", "agent_id", "app_id", "run_id")
FIELDS = (
    *SCOPE, "id", "text", "categories", "created_at", "updated_at", "expires_at", "event_time",
    "source", "version",
)  # fmt: skip
_TIMES = ("created_at", "updated_at", "expires_at", "event_time")
_METADATA = "metadata"


def compiled(filters: Mapping[str, Any]) -> Test:
    """A test of records from nested dictionaries; all keys of one must hold.

    A key is a field of a record, `metadata.<name>`, or AND, OR, NOT over a list. A value is
    compared as it is, or with operators: eq, ne, gt, gte, lt, lte, in, nin, contains, icontains;
    "*" is any value but none. Of metadata, a dictionary without any operator is a value. Times are
    compared as ISO 8601 text in UTC, as records keep them.

    Raises:
        InvalidInput: an unknown key or operator, or a value that the operator cannot use.
    """
    if not isinstance(filters, Mapping):
        raise _wrong("filters cannot be used", "a dictionary", filters)
    tests = [_test(key, value) for key, value in filters.items()]
    return lambda record: all(test(record) for test in tests)


def _test(key: str, value: Any) -> Test:
    if not isinstance(key, str):
        raise _wrong("the key of a filter must be text", "str", key)
    if key in ("AND", "OR", "NOT"):
        return _combined(key, value)
    if key == _METADATA:
        if not isinstance(value, Mapping):
            raise _wrong("a filter on metadata cannot be used", "a dictionary", value)
        inner = [_field(f"{_METADATA}.{name}", wanted) for name, wanted in value.items()]
        return lambda record: all(test(record) for test in inner)
    if key in FIELDS or key.startswith(f"{_METADATA}."):
        return _field(key, value)
    raise InvalidInput(
        f"no filter is called {key!r}",
        expected=", ".join(FIELDS) + ", metadata.<name>, AND, OR, NOT",
        got=repr(key),
        next_step=f"write metadata.{key} for a key of the metadata",
    )


def _combined(word: str, parts: Any) -> Test:
    if isinstance(parts, Mapping) and word == "NOT":
        parts = [parts]
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise _wrong(f"{word} cannot be used", "a list of filters", parts)
    tests = [compiled(part) for part in parts]
    if word == "AND":
        return lambda record: all(test(record) for test in tests)
    if word == "OR":
        return lambda record: any(test(record) for test in tests)
    return lambda record: not any(test(record) for test in tests)


def _field(key: str, wanted: Any) -> Test:
    if wanted == {}:
        raise _wrong(f"{key} says nothing", "a value, or operators", wanted)
    if not isinstance(wanted, Mapping) or _is_value(key, wanted):
        wanted = {"eq": wanted}
    if key in _TIMES:
        wanted = {name: _utc(value) for name, value in wanted.items()}
    checks = [(_OPERATORS[_known(name)], _usable(name, value)) for name, value in wanted.items()]

    def test(record: Record) -> bool:
        found = _value(record, key)
        return all(check(found, value) for check, value in checks)

    return test


def _is_value(key: str, wanted: Mapping[Any, Any]) -> bool:
    """True for a dictionary as metadata may hold one; with operators among its keys it is none."""
    return key.startswith(f"{_METADATA}.") and not set(wanted) & set(_OPERATORS)


def _value(record: Record, key: str) -> Any:
    if key.startswith(f"{_METADATA}."):
        return record.metadata.get(key.split(".", 1)[1])
    return getattr(record.scope if key in SCOPE else record, key)


def _utc(value: Any) -> Any:
    """A time or a day as records keep it; what is neither stays as it is: it compares as text."""
    if not isinstance(value, str):
        return value
    with contextlib.suppress(ValueError):
        return date.fromisoformat(value).isoformat()
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="microseconds")
    except ValueError:
        return value
    except OverflowError as error:
        raise _wrong("this is no time in UTC", "one of the years 1 to 9999", value) from error


def _known(name: str) -> str:
    if name not in _OPERATORS:
        raise _wrong(f"no operator is called {name!r}", ", ".join(_OPERATORS), name)
    return name


def _usable(name: str, value: Any) -> Any:
    if name in ("in", "nin") and (isinstance(value, str) or not isinstance(value, Sequence)):
        raise _wrong(f"{name} cannot be used", "a list of values", value)
    return value


def _wrong(what: str, expected: str, got: Any) -> InvalidInput:
    return InvalidInput(what, expected=expected, got=repr(got)[:80])


def _equal(found: Any, value: Any) -> bool:
    if value == "*":
        return found is not None and found != ()
    return bool(found == value) or (isinstance(found, tuple) and value in found)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(found: Any, value: Any) -> bool:
        try:
            return found is not None and bool(compare(found, value))
        except TypeError:  # a number and a text have no order
            return False

    return test


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    return value in found if isinstance(found, list | tuple) else False


def _contains_folded(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return str(value).casefold() in found.casefold()
    texts = found if isinstance(found, list | tuple) else ()
    return str(value).casefold() in {str(text).casefold() for text in texts}


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _equal,
    "ne": lambda found, value: not _equal(found, value),
    "gt": _ordered(lambda found, value: found > value),
    "gte": _ordered(lambda found, value: found >= value),
    "lt": _ordered(lambda found, value: found < value),
    "lte": _ordered(lambda found, value: found <= value),
    "in": lambda found, value: any(_equal(found, item) for item in value),
    "nin": lambda found, value: not any(_equal(found, item) for item in value),
    "contains": _contains,
    "icontains": _contains_folded,
}
