"""MemNet: the Hebbian graph memory that dreams (Memory Is All You Need).

Each name below is imported when it is first used.
"""

from __future__ import annotations

from memgraft.core.lazy import lazily

_EXPORTS = {
    "MemNet": "memgraft.memnet.model",
    "MemNetConfig": "memgraft.memnet.config",
    "MemNetState": "memgraft.memnet.state",
    "MemorySynthesizer": "memgraft.memnet.synthesizer",
    "MultiHeadMemoryBank": "memgraft.memnet.bank",
    "Switches": "memgraft.memnet.model",
    "TransformerController": "memgraft.memnet.controller",
}

__all__ = sorted(_EXPORTS)


__getattr__ = lazily(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
