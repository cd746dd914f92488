"""HOME 1: memories that are looked up and go into the prompt.

Each name below is imported when it is first used.
"""

from __future__ import annotations

from memgraft.core.lazy import lazily

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


__getattr__ = lazily(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
