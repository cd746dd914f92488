"""What other libraries keep, as records: where they lie."""

from __future__ import annotations

from memgraft.memory import Memory
from memgraft.store.base import Store


def store_of(memory: Memory | Store) -> Store:
    return memory.store if isinstance(memory, Memory) else memory
