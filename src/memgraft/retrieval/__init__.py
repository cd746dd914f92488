"""HOME 1: memories that are looked up and go into the prompt.

Each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "ContextualMemory": "memgraft.retrieval.contextual",
    "ContextualRetriever": "memgraft.retrieval.contextual_retriever",
    "HierarchicalMemoryModel": "memgraft.retrieval.memory_transformer",
    "MemoryEncoder": "memgraft.retrieval.contextual_encoder",
    "MemoryItem": "memgraft.retrieval.memory_transformer",
    "MemoryTransformer": "memgraft.retrieval.memory_transformer",
    "Retrieved": "memgraft.retrieval.contextual",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'memgraft.retrieval' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return __all__
