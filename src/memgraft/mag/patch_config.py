"""How memory branches join a pretrained model."""

from __future__ import annotations

from dataclasses import dataclass

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig

DTYPES = (None, "float32")


@dataclass(frozen=True)
class PatchConfig(MagConfig):
    """The dials of a branch, and where branches go."""

    # The layers that get one, from 0; all of them, if left out.
    layers: tuple[int, ...] | None = None
    # How many tokens the base's attention sees, the current one included; as before, if left out.
    window: int | None = None
    # Start queries, keys and values as copies of the layer's own attention projections.
    from_attention: bool = False
    # Rank of the low-rank updates of the attention's projections; 0 is none.
    lora_rank: int = 0
    # "float32": what the branch's own weights are even over a base in half precision, in which
    # small steps of training would be lost; as the base's, if left out.
    branch_dtype: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers is not None:
            # JSON has lists, and the order says which layer refines which.
            object.__setattr__(self, "layers", tuple(sorted(set(self.layers))))
        self._check("layers", self.layers is None or len(self.layers) > 0, "at least one")
        self._check("lora_rank", self.lora_rank >= 0, "at least 0")
        self._check("branch_dtype", self.branch_dtype in DTYPES, "none or float32")
        self._check("window", self.window is None or self.window >= 2, "at least 2")

    def placed(self, depth: int) -> tuple[int, ...]:
        """The layers with a branch, lowest first, in a model of this many layers.

        Raises:
            InvalidInput: a layer that is not there.
        """
        layers = tuple(range(depth)) if self.layers is None else self.layers
        beyond = [layer for layer in layers if not 0 <= layer < depth]
        if beyond:
            raise InvalidInput(
                "there are no such layers to put a memory into",
                expected=f"0 to {depth - 1}",
                got=", ".join(map(str, beyond)),
            )
        return layers


@dataclass(frozen=True)
class Qwen3MAGConfig(PatchConfig):
    """`PatchConfig` with an MLP memory and persistent tokens by default."""

    memory_layers: int = 2
    n_persistent_tokens: int = 16
    chunk_size: int = 64
