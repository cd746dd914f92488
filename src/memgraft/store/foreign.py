"""What other programs write down, as entries: mem0's memories, and LangChain's messages."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.filters import SCOPE
from memgraft.core.records import MAX_CHARACTERS, Event, Record, searchable
from memgraft.core.scope import Scope
from memgraft.store.base import Entry
from memgraft.store.entries import checked
from memgraft.store.exchange import located, opened, parsed

log = logging.getLogger(__name__)

# The app that `memgraft.integrations.langchain` keeps its chat histories under.
LANGCHAIN_APP = "langchain-history"
LANGCHAIN_TYPES = ("human", "ai", "system", "chat", "function", "tool")

# Ids are made of what is imported, so that the same thing is known when it comes again.
_NAMESPACE = uuid.UUID("6d656d67-7261-4674-8000-696d706f7274")
_LISTS = ("results", "memories")
_IN_METADATA = ("actor_id", "role")


def read_mem0(path: Path, user: str | None = None) -> Iterator[Entry]:
    """The memories in JSON as mem0's `get_all`, its export and its pages give them.

    A list of memories, or an object with one under `results` or `memories`, or a list of such
    objects. Each memory needs a text under `memory`; its id, scope, metadata, categories, times
    and expiry are kept.

    Args:
        path: of the file.
        user: whose the memories are that name no user, agent, app or run.

    Raises:
        InvalidInput: the file cannot be read, is no JSON or has another shape; a memory cannot be
            kept, or two different ones have one id.
    """
    seen: dict[str, Entry] = {}
    for number, item in enumerate(_memories(_document(path), path), start=1):
        with located(f"memory {number} of {path.name}"):
            entry = checked(_mem0(item, user))
            known = seen.setdefault(entry.record.id, entry)
            if known != entry:
                raise InvalidInput("two different memories have one id", got=entry.record.id)
        if known is entry:
            yield entry


def read_langchain(path: Path, session: str, user: str | None = None) -> Iterator[Entry]:
    """The messages in JSON as LangChain's `messages_to_dict` gives them, in their order.

    Each becomes a record as `memgraft.integrations.langchain.MemgraftChatMessageHistory` makes
    it, which reads them back.

    Args:
        path: of the file: a list of messages, or an object with one under `messages`.
        session: the id of the conversation.
        user: whose it is.

    Raises:
        InvalidInput: the file cannot be read, is no JSON, or something in it is no message.
    """
    document = _document(path)
    messages = document.get("messages") if isinstance(document, dict) else document
    if not isinstance(messages, list):
        raise InvalidInput(
            f"{path.name} is no list of messages",
            expected='[{"type": "human", "data": {"content": "..."}}]',
            got=repr(document)[:80],
        )
    for number, message in enumerate(messages, start=1):
        with located(f"message {number} of {path.name}"):
            entry = checked(_langchain(message, number, session, user))
        yield entry


def _document(path: Path) -> Any:
    with located(path.name):
        return parsed(opened(path))


def _memories(document: Any, path: Path) -> Iterator[Any]:
    """The memories in a document, and in the pages in it."""
    if isinstance(document, list):
        for item in document:
            page = isinstance(item, dict) and "memory" not in item and _listed(item) is not None
            yield from _memories(item, path) if page else [item]
        return
    items = _listed(document) if isinstance(document, dict) else None
    if items is None:
        raise InvalidInput(
            f"{path.name} holds no memories of mem0",
            expected='{"results": [{"id": "...", "memory": "..."}]}, or such a list',
            got=repr(document)[:80],
        )
    if document.get("next"):
        log.warning("%s holds a page that others follow: import them, too", path.name)
    yield from items


def _listed(document: dict[str, Any]) -> list[Any] | None:
    return next((document[n] for n in _LISTS if isinstance(document.get(n), list)), None)


def _mem0(item: Any, user: str | None) -> Entry:
    if not isinstance(item, dict) or not isinstance(item.get("memory"), str):
        raise InvalidInput(
            "this is no memory of mem0",
            expected='{"id": "...", "memory": "..."}',
            got=repr(item)[:80],
        )
    ids = {name: item[name] for name in SCOPE if item.get(name) is not None}
    scope = Scope(**(ids or {"user_id": user}))
    metadata = item.get("metadata") or {}
    if isinstance(metadata, dict):
        extra = {name: item[name] for name in _IN_METADATA if item.get(name) is not None}
        metadata = {**extra, **metadata}
    made_of = f"mem0\0{scope}\0{item['memory']}"
    created = item.get("created_at") or ""
    record = Record(
        id=item.get("id") or str(uuid.uuid5(_NAMESPACE, made_of)),
        text=item["memory"],
        scope=scope,
        metadata=metadata,
        categories=item.get("categories") or (),
        created_at=created,
        updated_at=item.get("updated_at") or created,
        expires_at=_expiry(item.get("expiration_date")),
        source="mem0",
    )
    added = Event(0, record.id, "ADD", None, record.text, created, scope, "imported from mem0")
    return Entry(record, (added,) if created else ())


def _expiry(day: Any) -> Any:
    """The end of the last day on which a memory is known; other values are checked elsewhere."""
    try:
        return f"{date.fromisoformat(day)}T23:59:59.999999+00:00"
    except (TypeError, ValueError):
        return day


def _langchain(message: Any, number: int, session: str, user: str | None) -> Entry:
    fits = isinstance(message, dict) and isinstance(message.get("data"), dict)
    if not fits or message.get("type") not in LANGCHAIN_TYPES:
        raise InvalidInput(
            "this is no message of LangChain",
            expected=f'{{"type": "{" | ".join(LANGCHAIN_TYPES)}", "data": {{"content": "..."}}}}',
            got=repr(message)[:80],
        )
    text = searchable(f"{message['type']}: {_said(message['data'])}", MAX_CHARACTERS)
    made_of = f"langchain\0{user}\0{session}\0{number}\0{text}"
    record_id = str(uuid.uuid5(_NAMESPACE, made_of))
    # A scope of its own, since a store keeps what is said twice only once.
    scope = Scope(user, record_id, LANGCHAIN_APP, session)
    kept = {"message": message}
    return Entry(Record(record_id, text, scope, metadata=kept, source="langchain"))


def _said(data: dict[str, Any]) -> str:
    """The text of a message, whose content may be a list of blocks."""
    content = data.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidInput(
            "a message has no content", expected="text, or a list of blocks", got=repr(content)[:80]
        )
    blocks = ({"text": block} if isinstance(block, str) else block for block in content)
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "".join(text for text in texts if isinstance(text, str))
