"""Figures as they come, in a file, so that an interrupted evaluation goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memgraft.core.errors import InvalidInput

if TYPE_CHECKING:
    from memgraft.evals.rows import FactRow
    from memgraft.evals.systems import Opener

FILE = "results.jsonl"


class Journal:
    """Figures by what they were measured of: in memory, and a line of JSON each in a file where a
    folder is given.

    Args:
        folder: created if missing. A last line that was torn by an interruption is ignored.
        settings: what the figures depend on besides; those of other settings are not found again.
    """

    def __init__(self, folder: Path | None, settings: dict[str, Any]) -> None:
        # As they come back from the file: tuples are lists there.
        self.settings = json.loads(json.dumps(settings))
        self.path = None if folder is None else folder / FILE
        self._lines: list[dict[str, Any]] = []
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
            if text and not text.endswith("\n"):
                self._append("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"cannot use {folder} for a report", expected="a folder", got=str(error)
            ) from error
        self._lines = [line for line in map(_parsed, text.split("\n")) if line is not None]

    def _find(self, of: dict[str, Any]) -> dict[str, Any] | None:
        return next((line["figures"] for line in self._lines if of.items() <= line.items()), None)

    def _add(self, of: dict[str, Any], figures: dict[str, Any]) -> None:
        """They are in the file when this returns."""
        line = {**of, "figures": figures}
        self._lines.append(line)
        self._append(json.dumps(line, ensure_ascii=False) + "\n")

    def _append(self, text: str) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)


class Results(Journal):
    """Figures of systems with so many facts."""

    def find(self, opener: Opener, held: int) -> dict[str, Any] | None:
        """The figures of a system with so many facts, if they were measured before."""
        return self._find(self._of(opener, held))

    def add(self, opener: Opener, held: int, figures: dict[str, Any]) -> None:
        """Append figures; they are on disk when this returns."""
        self._add(self._of(opener, held), figures)

    def _of(self, opener: Opener, held: int) -> dict[str, Any]:
        system = {"home": opener.home, "writer": opener.writer, "trained": opener.trained}
        return {"key": {**self.settings, **system, "held": held}}


def digest(rows: Sequence[FactRow]) -> str:
    """A hash of rows, to tell evaluations of different facts apart."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:12]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
