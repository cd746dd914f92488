"""Runs that can be stopped and go on: each has a folder, and a result when it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from memgraft.core.errors import FolderError
from memgraft.core.folder import replaced
from memgraft.train.loop import Progress

RESULT, SETTINGS = "result.json", "settings.json"


def once(
    folder: Path, settings: Mapping[str, Any], run: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The run's result, from its folder where it is done, else by running it (on).

    Raises:
        FolderError: the folder holds a run with other settings.
    """
    wanted = json.loads(json.dumps(settings))
    kept = read_json(folder / SETTINGS)
    if kept is not None and kept != wanted:
        changed = sorted(k for k in kept.keys() | wanted.keys() if kept.get(k) != wanted.get(k))
        raise FolderError(
            f"{folder} holds a run with other settings",
            expected=", ".join(f"{name} {wanted.get(name)}" for name in changed),
            got=", ".join(f"{name} {kept.get(name)}" for name in changed),
            next_step="choose another folder, or delete this one",
        )
    if kept is None:
        write_json(folder / SETTINGS, wanted)
    done = read_json(folder / RESULT)
    if done is None:
        done = run()
        write_json(folder / RESULT, done)
    return done


def titled(progress: Progress, title: str) -> Progress:
    """A progress that goes by this title, whatever the work calls itself."""

    def told(name: str, done: int, total: int, note: str) -> None:
        progress(title, done, total, note)

    return told


def read_json(path: Path) -> Any:
    """What a file holds; None where there is none."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FolderError(
            f"cannot read {path}", expected="JSON", got=str(error), next_step="delete the file"
        ) from error


def write_json(path: Path, content: Any) -> None:
    """Write it whole or not at all."""
    with replaced(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
