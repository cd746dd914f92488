"""memgraft: long-term memory for language models.

Importing the package loads no torch; each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "Memory": "memgraft.memory",
    "MemgraftError": "memgraft.core.errors",
    "Query": "memgraft.core.recall",
    "Record": "memgraft.core.records",
    "Scope": "memgraft.core.scope",
    "LowRankDelta": "memgraft.injection.delta",
    "InjectionConfig": "memgraft.injection.config",
    "InjectionHome": "memgraft.injection.home",
    "PassagesHome": "memgraft.retrieval.home",
    "Session": "memgraft.host.session",
    "attach": "memgraft.host.attach",
    "load_host": "memgraft.host.load",
    "open_memory": "memgraft.open",
    "open_store": "memgraft.store.open",
}

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'memgraft' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return __all__
