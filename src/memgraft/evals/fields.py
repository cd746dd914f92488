"""Reading foreign JSON: each value knows its place, so that whatever is wrong is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput

_KINDS: dict[Any, str] = {dict: "an object", list: "a list", str: "text"}


@dataclass(frozen=True)
class Field:
    """A value of a file, and the way to it as a JSON path: `chats.jsonl, line 3: $.turns[0].id`."""

    value: Any
    place: str

    def __getitem__(self, name: str) -> Field:
        """The field of an object; `InvalidInput` if it is missing, or this is no object."""
        if name not in self.object():
            there = ", ".join(map(str, self.value)) or "nothing"
            raise InvalidInput(f"{self.place}.{name} is missing", expected=name, got=there)
        return Field(self.value[name], f"{self.place}.{name}")

    def maybe(self, name: str) -> Field | None:
        """The field of an object, None where it is missing or null."""
        return self[name] if self.object().get(name) is not None else None

    def object(self) -> dict[str, Any]:
        return self._of(dict)

    def items(self) -> list[Field]:
        """The elements of a list."""
        values = self._of(list)
        return [Field(value, f"{self.place}[{n}]") for n, value in enumerate(values)]

    def text(self) -> str:
        """Text, which may be blank."""
        return self._of(str)

    def name(self) -> str:
        """Text that is not blank, or a whole number as text: what identifies something."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("a name or a number")
        return self.value.strip()

    def time(self) -> datetime:
        """An ISO 8601 time as UTC; one without a zone counts as UTC."""
        try:
            moment = datetime.fromisoformat(self.text())
        except ValueError as error:
            raise self.wrong("an ISO 8601 time, such as 2024-03-10T12:00:00+00:00") from error
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def wrong(self, expected: str) -> InvalidInput:
        """What to raise where the value is not what is needed."""
        shown = json.dumps(self.value, ensure_ascii=False, default=str)[:80]
        return InvalidInput(f"{self.place} cannot be used", expected=expected, got=shown)

    def _of(self, kind: type) -> Any:
        if not isinstance(self.value, kind):
            raise self.wrong(_KINDS[kind])
        return self.value


def read_json(path: Path) -> Field:
    """The one JSON value of a file; `InvalidInput` names the line that is none."""
    return Field(_parsed(_read(path), str(path)), f"{path}: $")


def read_lines(path: Path) -> Iterator[Field]:
    """The JSON value of each line that is not blank."""
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if line.strip():
            place = f"{path}, line {number}"
            yield Field(_parsed(line, place), f"{place}: $")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}", expected="JSON", got=str(error)) from error


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{place} is no JSON", got=str(error)) from error
