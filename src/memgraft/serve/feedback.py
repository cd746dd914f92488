"""What people think of memories. It quotes them, so it goes when they do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memgraft.store.base import Store

KIND = "feedback"


def keep(store: Store, memory_id: str, body: dict[str, Any]) -> None:
    """In place of what was said of this memory before."""
    store.put_document(KIND, memory_id, body)


def forget(store: Store, ids: Iterable[str]) -> None:
    """Of these memories; where the store allows, in the transaction that deletes them."""
    store.delete_documents(KIND, list(ids))
