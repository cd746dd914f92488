"""The dials of MemNet, and the one that sets the sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

POLICIES = ("mixed", "topk", "uniform", "random")


@dataclass(frozen=True)
class MemNetConfig(Config):
    """Of one MemNet. `of_size` sets the sizes together."""

    # Ids that are read and said; label ids and markers are among them.
    vocabulary: int = 64
    # Numbers that come with a position besides its id, such as pixels; 0 is none.
    features: int = 0
    # Residual stream, blocks, attention heads, and feed-forward width in widths of the stream.
    width: int = 64
    layers: int = 2
    heads: int = 4
    expansion: int = 2
    # Tokens of a segment: what attention sees. What lies before it, only the memory knows.
    window: int = 16

    # Slots of each memory head, and the width of a slot's key and of its value.
    slots: int = 64
    memory_heads: int = 2
    key_width: int = 32
    value_width: int = 32
    # Width of the semantic bottleneck: what is written is made from so many numbers.
    bottleneck: int = 32
    # Where two learned dials start: how sharply the best slots stand out, as a factor of cosines;
    # and the cosine of keys from which on a write goes to the slot that has such a key already.
    sharpness: float = 10.0
    familiarity: float = 0.85
    # Slots that the top-k policy reads.
    top_k: int = 8
    # How slots are read: one of the policies alone, or the mixture that the meta-policy learns.
    policy: str = "mixed"

    # Segments between two dreams, the synthesizer's blocks, and the cosine of two slots, keys and
    # values, from which on they are one.
    synthesis_interval: int = 8
    synthesis_layers: int = 1
    merge_threshold: float = 0.98

    # Where the learned dials of the graph start: η of potentiation (depression is 1.05 of it),
    # the share of an edge that fades per segment, α of spreading; and the edges kept per slot.
    hebbian_rate: float = 0.2
    hebbian_decay: float = 0.02
    graph_influence: float = 0.1
    edges: int = 8

    # Where the weight starts of saying what the memory gives back word for word: logits by how
    # much a read is like what each id would have written. 0 is without.
    echo: float = 0.0

    # λ1, λ2, λ3.
    hallucination: float = 0.1
    utilization: float = 0.01
    sparsity: float = 0.01

    def __post_init__(self) -> None:
        sizes = ("vocabulary", "width", "layers", "heads", "expansion", "window", "slots")
        others = ("memory_heads", "key_width", "value_width", "bottleneck", "top_k", "edges")
        for name in (*sizes, *others, "synthesis_interval", "synthesis_layers"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("features", self.features >= 0, "at least 0")
        self._check("width", self.width % (2 * self.heads) == 0, "a multiple of 2 · heads")
        self._check("slots", self.slots >= self.window, "at least as many as the window has tokens")
        self._check("policy", self.policy in POLICIES, ", ".join(POLICIES))
        self._check("sharpness", self.sharpness > 0, "above 0")
        for name in (
            "familiarity",
            "merge_threshold",
            "hebbian_rate",
            "hebbian_decay",
            "graph_influence",
        ):
            self._check(name, 0 < getattr(self, name) < 1, "between 0 and 1")
        for name in ("echo", "hallucination", "utilization", "sparsity"):
            self._check(name, getattr(self, name) >= 0, "at least 0")

    @classmethod
    def of_size(cls, size: int, **changes: Any) -> Self:
        """The one dial: 1 is for tests, 2 the default, and each step more adds 32 to the width.

        Layers, slots and the bottleneck grow with it; `changes` set fields by hand.
        """
        if size < 1:
            raise InvalidInput("a size is at least 1", got=str(size))
        sizes = {"width": 32 * size, "heads": 2 * size, "layers": max(2, size)}
        sizes |= {"slots": 32 * size, "bottleneck": 16 * size}
        return cls(**(sizes | changes))

    @property
    def slot_width(self) -> int:
        """Numbers of one slot of one head: its key, then its value."""
        return self.key_width + self.value_width

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise InvalidInput(
                f"{name} cannot be used", expected=expected, got=repr(getattr(self, name))
            )
