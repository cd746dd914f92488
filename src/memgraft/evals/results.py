"""Figures as they come, in a file, so that an interrupted evaluation goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.evals.rows import FactRow
from memgraft.evals.systems import Opener

FILE = "results.jsonl"


class Results:
    """One line of JSON per system and size, each with the settings that it was measured under.

    Args:
        folder: created if missing. A last line that was torn by an interruption is ignored.
        settings: what the figures depend on besides the system and the size; only results of
            the same settings are found again.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.path = folder / FILE
        self.settings = settings
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
            if text and not text.endswith("\n"):
                self._append("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"cannot use {folder} for a report", expected="a folder", got=str(error)
            ) from error
        self._lines = [line for line in map(_parsed, text.split("\n")) if line is not None]

    def find(self, opener: Opener, held: int) -> dict[str, Any] | None:
        """The figures of a system with so many facts, if they were measured before."""
        key = self._key(opener, held)
        return next((line["figures"] for line in self._lines if line.get("key") == key), None)

    def add(self, opener: Opener, held: int, figures: dict[str, Any]) -> None:
        """Append figures; they are on disk when this returns."""
        line = {"key": self._key(opener, held), "figures": figures}
        self._lines.append(line)
        self._append(json.dumps(line, ensure_ascii=False) + "\n")

    def _append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def _key(self, opener: Opener, held: int) -> dict[str, Any]:
        system = {"home": opener.home, "writer": opener.writer, "trained": opener.trained}
        return {**self.settings, **system, "held": held}


def digest(rows: Sequence[FactRow]) -> str:
    """A hash of rows, to tell evaluations of different facts apart."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:12]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
