"""Conversation histories as users hand them over, as messages of chat models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from memgraft.core.errors import InvalidInput

Message = dict[str, str]

_MACHINES = frozenset({"assistant", "ai", "bot", "model"})
_ROLES = frozenset({"system", "user", "assistant"})


def messages(history: Iterable[Mapping[str, Any]] | None) -> list[Message]:
    """`{"role", "content"}`, oldest first.

    Entries may be that already, or `{"speaker", "message", "response"}`, where either text may be
    missing.

    Raises:
        InvalidInput: an entry is neither.
    """
    found: list[Message] = []
    for entry in history or ():
        if not isinstance(entry, Mapping):
            raise _unknown(entry)
        if "role" in entry or "content" in entry:
            role, content = entry.get("role", "user"), entry.get("content")
            if role not in _ROLES or not isinstance(content, str):
                raise _unknown(entry)
            found.append({"role": role, "content": content})
            continue
        said, answered = entry.get("message"), entry.get("response")
        if not any(isinstance(text, str) for text in (said, answered)):
            raise _unknown(entry)
        machine = str(entry.get("speaker", "user")).casefold() in _MACHINES
        if said:
            found.append({"role": "assistant" if machine else "user", "content": str(said)})
        if answered:
            found.append({"role": "assistant", "content": str(answered)})
    return found


def _unknown(entry: Any) -> InvalidInput:
    return InvalidInput(
        "this is no turn of a conversation",
        expected='{"speaker": "user", "message": ..., "response": ...} or {"role", "content"}',
        got=repr(entry)[:80],
    )
