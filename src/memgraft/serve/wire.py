"""Records, events and pages in the shapes that mem0's clients read."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import URL

from memgraft.core.filters import SCOPE
from memgraft.core.records import Record
from memgraft.store.base import Entity

# Ids of entities are made of their names: the same ones again after a restart.
_NAMESPACE = uuid.UUID("6d656d67-7261-4674-8000-656e74697479")
KEPT_FIELDS = ("id", "memory")
_SAME = (*KEPT_FIELDS, *SCOPE, "metadata", "created_at", "updated_at", "event_time", "version")


def memory(known: Mapping[str, Any]) -> dict[str, Any]:
    """What `Memory` tells of a record (see `memgraft.memory.as_dict`) as mem0 shows a memory."""
    return {
        **{name: known[name] for name in _SAME},
        "hash": hashlib.md5(known["memory"].encode(), usedforsecurity=False).hexdigest(),
        "categories": list(known["categories"]),
        "expiration_date": known["expires_at"][:10] if known["expires_at"] else None,
    }


def chosen(shown: Mapping[str, Any], fields: Sequence[str] | None) -> dict[str, Any]:
    """Only these fields, and those without which a memory is none."""
    if not fields:
        return dict(shown)
    return {name: value for name, value in shown.items() if name in (*fields, *KEPT_FIELDS)}


def history_line(event: Mapping[str, Any], record: Record | None) -> dict[str, Any]:
    """An event of `Memory.history`; `record` is the memory as it is now, if it still is."""
    said = event["new_memory"] or event["old_memory"]
    return {
        **event,
        "input": [{"role": "user", "content": said}],
        "metadata": record.metadata if record else None,
        "categories": list(record.categories) if record else [],
        "updated_at": event["created_at"],
    }


def entity(found: Entity, tenant: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{tenant}/{found.kind}/{found.name}")),
        "name": found.name,
        "type": found.kind,
        "owner": tenant or "default",
        "total_memories": found.total,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "metadata": None,
    }


def page(
    url: URL, results: list[dict[str, Any]], count: int, number: int, size: int
) -> dict[str, Any]:
    """One page of a listing that was asked for by `url`, with the addresses of its neighbours."""

    def address(other: int) -> str:
        return str(url.include_query_params(page=other, page_size=size))

    return {
        "count": count,
        "next": address(number + 1) if number * size < count else None,
        "previous": address(number - 1) if number > 1 else None,
        "results": results,
    }
