"""A memory beside the attention of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from memgraft.mag.gate import MemoryGate
from memgraft.mag.lora import LowRankUpdates
from memgraft.mag.memory import NeuralMemory
from memgraft.mag.patch_config import PatchConfig
from memgraft.mag.state import MemoryState

# Branches read and write; only read; or leave attention alone.
MODES = ("on", "read", "off")


@dataclass(eq=False)
class Stream:
    """What the branches of a model share during one forward pass, by the index of their layers.

    Layers hand on hidden states and nothing else, so this goes beside them. Nothing in it is both
    read and replaced by one layer: gradient checkpointing may run a layer twice.

    mask: (batch, tokens) booleans, false for pads; None if there are none. mode: one of `MODES`.
    before, after: states. reads: what the memories found, (batch, tokens, memory_size).
    """

    mask: Tensor | None = None
    mode: str = "on"
    before: dict[int, MemoryState] = field(default_factory=dict)
    after: dict[int, MemoryState] = field(default_factory=dict)
    reads: dict[int, Tensor] = field(default_factory=dict)


class MemoryBranch(nn.Module):
    """The memory of a layer, and the gate through which it joins the attention.

    Its weights may be wider than those of the layer, which bfloat16 is too coarse to train.

    Args:
        hidden_size: width of the residual stream.
        index: of the layer.
        previous: index of the next lower layer with a memory, which refines this one's queries.
        projections: (input, output) widths of the attention's projections by name, for `lora`.
    """

    def __init__(
        self,
        hidden_size: int,
        config: PatchConfig,
        index: int,
        previous: int | None,
        projections: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        super().__init__()
        self.index, self.previous = index, previous
        self.memory = NeuralMemory(hidden_size, config, refined=previous is not None)
        self.gate = MemoryGate(hidden_size, config)
        self.lora = None
        if config.lora_rank:
            self.lora = LowRankUpdates(projections or {}, config.lora_rank)

    def forward(self, attended: Tensor, hidden: Tensor, stream: Stream) -> Tensor:
        """What joins the residual stream in place of the attention's output `attended`.

        Args:
            attended, hidden: the attention's output and its input, (batch, tokens, hidden_size).
            stream: read and added to.
        """
        if stream.mode == "off":
            return attended
        previous = None if self.previous is None else stream.reads[self.previous]
        if previous is not None:
            previous = previous.to(hidden.device)
        mask = None if stream.mask is None else stream.mask.to(hidden.device)
        joined, own = attended.dtype, self.gate.weight.dtype
        attended, hidden = attended.to(own), hidden.to(own)
        before, writes = stream.before.get(self.index), stream.mode == "on"
        read, state = self.memory(hidden, before, mask, previous, writes)
        stream.reads[self.index], stream.after[self.index] = read, state
        return self.gate(attended, read, hidden).to(joined)


def branch_of(config: Any, index: int) -> MemoryBranch | None:
    """The branch of one layer, untrained, or None if the `BranchedConfig` gives it none.

    Raises:
        InvalidInput: the config names layers that are not there.
    """
    layers = config.patch.placed(config.num_hidden_layers)
    if index not in layers:
        return None
    place = layers.index(index)
    previous = layers[place - 1] if place else None
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    asked, shared = width * config.num_attention_heads, width * config.num_key_value_heads
    projections = {
        "q_proj": (config.hidden_size, asked),
        "k_proj": (config.hidden_size, shared),
        "v_proj": (config.hidden_size, shared),
        "o_proj": (asked, config.hidden_size),
    }
    return MemoryBranch(config.hidden_size, config.patch, index, previous, projections)


# What it is put before comes later.
_Base: Any = object


class BranchedAttention(_Base):
    """To put before an attention class of transformers: a memory branch joins its output."""

    # Passed on to the kernel, for attention classes that know no window themselves.
    passes_window = False

    def __init__(self, config: Any, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.window = config.sliding_window if self.passes_window else None
        self.memory_branch = branch_of(config, layer_idx)
        if self.memory_branch is not None and self.memory_branch.lora is not None:
            self.memory_branch.lora.join(self)

    def forward(
        self, hidden_states: Tensor, *args: Any, stream: Stream, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None]:
        """The attention's own arguments and results; `stream` comes from the model."""
        if self.window is not None:
            kwargs["sliding_window"] = self.window
        if self.memory_branch is not None and self.memory_branch.lora is not None:
            self.memory_branch.lora.awake = stream.mode != "off"
        attended, weights = super().forward(hidden_states, *args, **kwargs)
        if self.memory_branch is not None:
            attended = self.memory_branch(attended, hidden_states, stream)
        return attended, weights
