"""Memories for the libraries that people run language models with.

Each name below is imported when it is first used; the libraries are extras.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "HuggingFaceAdapter": "memgraft.integrations.huggingface",
    "MemgraftChatMessageHistory": "memgraft.integrations.langchain",
    "MemgraftRetriever": "memgraft.integrations.langchain",
    "MemgraftStore": "memgraft.integrations.langgraph",
    "OpenAIAdapter": "memgraft.integrations.openai",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'memgraft.integrations' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return __all__
