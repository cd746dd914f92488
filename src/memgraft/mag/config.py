"""The dials of the memory branch."""

from __future__ import annotations

from dataclasses import dataclass

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

COMBINATIONS = ("concat", "add", "gate")
MODES = ("add", "mix")


@dataclass(frozen=True)
class MagConfig(Config):
    """Of one memory branch; the width of the model that it joins is not part of it."""

    # Layers of the network that is the memory: 1 is the linear memory, 2 the MLP.
    memory_layers: int = 1
    memory_heads: int = 4
    # Width of a head's keys and of its values.
    memory_head_dim: int = 64
    # Hidden width of the MLP memory, in widths of its keys.
    memory_expansion: int = 2
    # Learned tokens that every new memory has read before the first real one.
    n_persistent_tokens: int = 0
    # Tokens that are computed at once; in the MLP memory also how long its gradients stand still.
    chunk_size: int = 64
    # Width of the short convolutions on queries, keys and values; 1 is none.
    conv_size: int = 4
    # Tokens whose prediction error is below this write nothing; a length in the space of values.
    surprise_threshold: float = 0.0
    # How tokens write before any training, each in (0, 1): step (of which 1 - momentum is taken),
    # momentum, share forgotten. The last two may be 0, which switches them off.
    initial_strength: float = 0.5
    initial_momentum: float = 0.1
    initial_decay: float = 1e-3
    # How the previous layer's memory output refines a query.
    query_combine: str = "gate"
    # What the gate does: `add` the memory to the attention, or `mix` the two.
    gate_mode: str = "add"
    # Bias of the gate: below 0 it leans towards attention.
    gate_bias: float = -2.0

    def __post_init__(self) -> None:
        sizes = ("memory_heads", "memory_head_dim", "memory_expansion", "chunk_size", "conv_size")
        for name in sizes:
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("memory_layers", self.memory_layers in (1, 2), "1 (linear) or 2 (MLP)")
        self._check("n_persistent_tokens", self.n_persistent_tokens >= 0, "at least 0")
        self._check("surprise_threshold", self.surprise_threshold >= 0, "at least 0")
        self._check("initial_strength", 0 < self.initial_strength < 1, "between 0 and 1")
        for name in ("initial_momentum", "initial_decay"):
            self._check(name, 0 <= getattr(self, name) < 1, "0, or between 0 and 1")
        self._check("query_combine", self.query_combine in COMBINATIONS, ", ".join(COMBINATIONS))
        self._check("gate_mode", self.gate_mode in MODES, ", ".join(MODES))

    @property
    def memory_size(self) -> int:
        """Width of queries, keys, values and reads, all heads together."""
        return self.memory_heads * self.memory_head_dim

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise InvalidInput(
                f"{name} cannot be used", expected=expected, got=repr(getattr(self, name))
            )
