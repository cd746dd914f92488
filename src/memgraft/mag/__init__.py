"""HOME 3: a neural memory beside the attention of a pretrained model (memory as a gate).

Each name below is imported when it is first used.
"""

from __future__ import annotations

from memgraft.core.lazy import lazily

_EXPORTS = {
    "MagConfig": "memgraft.mag.config",
    "MagHome": "memgraft.mag.home",
    "MemoryState": "memgraft.mag.state",
    "NeuralMemory": "memgraft.mag.memory",
    "PatchConfig": "memgraft.mag.patch_config",
    "Qwen3MAGConfig": "memgraft.mag.patch_config",
    "count_trainable_parameters": "memgraft.mag.patch",
    "load_branch": "memgraft.mag.checkpoint",
    "memories": "memgraft.mag.cache",
    "patch_qwen3_with_mag": "memgraft.mag.patch",
    "patch_with_mag": "memgraft.mag.patch",
    "remember": "memgraft.mag.cache",
    "reset_all_memory": "memgraft.mag.cache",
    "save_branch": "memgraft.mag.checkpoint",
    "stream": "memgraft.mag.streaming",
}

__all__ = sorted(_EXPORTS)


__getattr__ = lazily(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
