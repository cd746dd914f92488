"""Memories for the libraries that people run language models with.

Each name below is imported when it is first used; the libraries are extras.
"""

from __future__ import annotations

from memgraft.core.lazy import lazily

_EXPORTS = {
    "HuggingFaceAdapter": "memgraft.integrations.huggingface",
    "MemgraftChatMessageHistory": "memgraft.integrations.langchain",
    "MemgraftRetriever": "memgraft.integrations.langchain",
    "MemgraftStore": "memgraft.integrations.langgraph",
    "OpenAIAdapter": "memgraft.integrations.openai",
}

__all__ = sorted(_EXPORTS)


__getattr__ = lazily(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
