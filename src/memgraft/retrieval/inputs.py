"""What the presets take from their users, checked before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.folder import load_config
from memgraft.core.scope import Scope
from memgraft.retrieval.at_rest import KIND, VERSION
from memgraft.retrieval.memory import SURE, Hit, SlotMemory


def checked_text(text: Any) -> str:
    """The text itself, of any script and length; `InvalidInput` if it is blank or no text."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(
            "there is no text",
            expected="a str that is not blank",
            got=repr(text)[:80],
            next_step="give a fact, such as: Alice enjoys coffee",
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "the text holds half of a character",
            expected="text that UTF-8 can hold",
            got=f"U+{ord(text[error.start]):04X} at {error.start}",
            next_step="decode it again where it came from",
        ) from error
    return text


def checked_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy as it will be read back from a folder; `InvalidInput` if JSON cannot hold it."""
    try:
        copied = json.loads(json.dumps(dict(metadata or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "metadata must be plain JSON values",
            expected="a dictionary of text, numbers, booleans, None, lists and dictionaries",
            got=str(error),
        ) from error
    assert isinstance(copied, dict)
    return copied


def checked_scope(*ids: str | None) -> Scope:
    """The scope of these ids, in its order; `InvalidInput` unless each is text or None."""
    for name, value in zip(("user_id", "agent_id", "app_id", "run_id"), ids, strict=True):
        if value is not None and (not isinstance(value, str) or not value):
            raise InvalidInput(f"{name} cannot be used", expected="text, or None", got=repr(value))
    return Scope(*ids)


def falling(hits: Sequence[Hit]) -> list[float]:
    """How sure each hit is, in [0, 1], and no surer than those that are ranked before it."""
    return list(accumulate((hit.confidence for hit in hits), min))


def used(memory: SlotMemory, hits: Iterable[Hit]) -> None:
    """Let the hits that are surely meant count as used."""
    memory.observe([hit.trace.id for hit in hits if hit.confidence >= SURE])


def preset_folder(path: str | Path) -> Path:
    """A folder that a memory may be saved to: a new one, an empty one, or one of a memory.

    Raises:
        FolderError: it has a config.json of something else, which would be lost.
    """
    folder = Path(path).expanduser()
    if (folder / "config.json").exists():
        load_config(folder, KIND, VERSION)
    return folder
