"""Decoders of transformers with memory branches, one family per architecture.

A family is a config with a `model_type` of its own, an attention, a model and a model for language
modelling, each a small mixin before the class of transformers. They are registered with the Auto
classes: after `import memgraft.mag.models`, `AutoModelForCausalLM.from_pretrained` loads what
`save_pretrained` wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.masking_utils import create_sliding_window_causal_mask

from memgraft.core.errors import InvalidInput
from memgraft.mag.branch import MODES, BranchedAttention, Stream
from memgraft.mag.cache import memories, remember, reset_all_memory
from memgraft.mag.convolution import ShortConvolution
from memgraft.mag.gate import MemoryGate, ZeroProjection
from memgraft.mag.memory import NeuralMemory
from memgraft.mag.patch_config import PatchConfig
from memgraft.mag.projector import QueryProjector
from memgraft.mag.write_gates import WriteGates

PREFIX = "mag-"
# Of mixins: what they are put before comes later.
_Base: Any = object
# Modules that initialise themselves. ZeroProjection is an nn.Linear, and must not be drawn as one.
OWN = (ZeroProjection, NeuralMemory, WriteGates, ShortConvolution, QueryProjector, MemoryGate)


class BranchedConfig(_Base):
    """To put before a config class: `mag` holds a `PatchConfig` as plain values."""

    mag: dict[str, Any] | None

    @property
    def patch(self) -> PatchConfig:
        return PatchConfig.from_dict(self.mag or {})


class BranchedModel(_Base):
    """To put before a model class: branches in its attention, their states in its cache."""

    attention: type
    # Whether the window has to be laid over the mask, as the model itself knows none.
    masks_window = False
    memory_mode = "on"

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.layers):
            layer.self_attn = self.attention(config, index)
        if config.patch.branch_dtype == "float32":
            self._keep_in_fp32_modules_strict = {"memory_branch"}
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """As the base's. A memory goes on from the state in `past_key_values`, which then holds
        the new one; without a cache, each call begins with a new memory.

        Args:
            attention_mask: (batch, tokens so far), 0 for pads.

        Raises:
            InvalidInput: a mask of another shape, which says too little about pads; or positions
                that begin anew, as where several texts are packed into one row.
        """
        config = self.config
        if inputs_embeds is None and input_ids is not None:
            inputs_embeds, input_ids = self.embed_tokens(input_ids), None
        use_cache = config.use_cache if use_cache is None else use_cache
        if self.training and self.gradient_checkpointing:
            use_cache = False
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=config)
        pads = None
        if inputs_embeds is not None:
            pads = _mask_of(attention_mask, inputs_embeds.shape[1])
            if attention_mask is None and position_ids is not None:
                _check_unpacked(position_ids)
            if self.masks_window and config.sliding_window is not None:
                attention_mask = create_sliding_window_causal_mask(
                    config=config,
                    inputs_embeds=inputs_embeds,
                    attention_mask=attention_mask,
                    past_key_values=past_key_values,
                    position_ids=position_ids,
                )
        stream = Stream(pads, self.memory_mode, memories(past_key_values))
        outputs = super().forward(
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            stream=stream,
            **kwargs,
        )
        if past_key_values is not None:
            remember(past_key_values, stream.after)
        return outputs

    def _init_weights(self, module: nn.Module) -> None:
        if not isinstance(module, OWN):
            super()._init_weights(module)
        elif not all(getattr(p, "_is_hf_initialized", False) for p in module.parameters(False)):
            module.reset_parameters()


class BranchedCausalLM(_Base):
    """To put before a class for language modelling."""

    model_class: type

    def __init__(self, config: Any) -> None:
        # As in the class after this one, but for the kind of `model`.
        PreTrainedModel.__init__(self, config)
        self.model = self.model_class(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """As the base's.

        Raises:
            InvalidInput: `use_reentrant`, which drops gradients that pass from branch to branch.
        """
        options = {"use_reentrant": False, **(gradient_checkpointing_kwargs or {})}
        if options["use_reentrant"]:
            raise InvalidInput(
                "reentrant gradient checkpointing loses gradients between memory branches",
                expected="use_reentrant=False",
                got="use_reentrant=True",
            )
        self._activation_checkpointing_enable(options, **kwargs)

    @staticmethod
    def create_masks_for_generate(attention_mask: Tensor | None = None, **_: Any) -> Tensor | None:
        """`generate` would turn the mask into (batch, 1, tokens, keys) for static caches, which no
        longer says which of the tokens are pads."""
        return attention_mask

    def _valid_auto_compile_criteria(self, *_: Any, **__: Any) -> bool:
        """States are values and not buffers at fixed places, as compiled decoding needs them."""
        return False

    def branches(self) -> dict[int, Any]:
        """The `MemoryBranch` of each layer that has one."""
        found = {i: layer.self_attn.memory_branch for i, layer in enumerate(self.model.layers)}
        return {index: branch for index, branch in found.items() if branch is not None}

    @contextmanager
    def memories_set_to(self, mode: str) -> Iterator[None]:
        """For as long as the context lasts, memories are "on"; may "read" but not write, so that
        they know what they knew before; or are "off", which leaves the base with its window.

        Raises:
            InvalidInput: another mode.
        """
        if mode not in MODES:
            raise InvalidInput("no such mode of a memory", expected=", ".join(MODES), got=mode)
        before, self.model.memory_mode = self.model.memory_mode, mode
        try:
            yield
        finally:
            self.model.memory_mode = before

    def freeze_base(self) -> None:
        """Leave only the branches to be trained."""
        self.requires_grad_(False)
        for branch in self.branches().values():
            branch.requires_grad_(True)

    def count_trainable_parameters(self) -> int:
        """See `mag.models.count_trainable_parameters`."""
        return count_trainable_parameters(self)

    def reset_all_memory(self, past_key_values: Any) -> None:
        """Forget what the memories hold. The model itself holds nothing: it is all in the cache."""
        reset_all_memory(past_key_values)


def count_trainable_parameters(model: Any) -> int:
    """How many numbers training would change."""
    return sum(part.numel() for part in model.parameters() if part.requires_grad)


@dataclass(frozen=True)
class Family:
    """What belongs to one architecture.

    base: transformers' class for language modelling. window: its config's fields with which
    attention sees so many tokens in so many layers.
    """

    base: Any
    config: Any
    model: Any
    causal_lm: Any
    window: Callable[[int, int], dict[str, Any]]


def _listed(window: int, depth: int) -> dict[str, Any]:
    return {
        "use_sliding_window": True,
        "sliding_window": window,
        "max_window_layers": 0,
        "layer_types": ["sliding_attention"] * depth,
    }


def _plain(window: int, depth: int) -> dict[str, Any]:
    return {"sliding_window": window}


def _family(name: str, window: Callable[[int, int], dict[str, Any]], masked: bool) -> Family:
    """Build and register the classes for transformers' classes of this name.

    Args:
        masked: whether the base has no windows, so that they are masks.
    """
    kind = name.lower()
    modeling = import_module(f"transformers.models.{kind}.modeling_{kind}")

    def derive(mixin: type, base: str, **members: Any) -> Any:
        parent = getattr(modeling, f"{name}{base}")
        full = {"__module__": __name__, "__doc__": f"{name}{base} with memory branches.", **members}
        made = type(f"Mag{name}{base}", (mixin, parent), full)
        globals()[made.__name__] = made
        return made

    fields: dict[str, Any] = {"mag": dict[str, Any] | None}
    if masked:
        fields["sliding_window"] = int | None
    config = derive(
        BranchedConfig,
        "Config",
        __annotations__=fields,
        model_type=PREFIX + kind,
        **dict.fromkeys(fields),
    )
    attention = derive(BranchedAttention, "Attention", passes_window=masked)
    model = derive(
        BranchedModel, "Model", config_class=config, attention=attention, masks_window=masked
    )
    causal_lm = derive(BranchedCausalLM, "ForCausalLM", config_class=config, model_class=model)
    AutoConfig.register(config.model_type, config)
    AutoModel.register(config, model)
    AutoModelForCausalLM.register(config, causal_lm)
    return Family(modeling.__dict__[f"{name}ForCausalLM"], config, model, causal_lm, window)


FAMILIES = {
    "llama": _family("Llama", _plain, masked=True),
    "mistral": _family("Mistral", _plain, masked=False),
    "qwen2": _family("Qwen2", _listed, masked=False),
    "qwen3": _family("Qwen3", _listed, masked=False),
}


def _check_unpacked(position_ids: Tensor) -> None:
    """The base keeps packed texts apart by their positions, a memory would mix them."""
    if torch.any(position_ids.diff(dim=-1) != 1):
        raise InvalidInput(
            "a memory takes a row for one text",
            expected="positions that count up by one, or an attention mask",
            got="positions that jump",
            next_step="give texts a row each",
        )


def _mask_of(attention_mask: Any, tokens: int) -> Tensor | None:
    """The last `tokens` columns as booleans, None where there are no pads."""
    if attention_mask is None:
        return None
    if not isinstance(attention_mask, Tensor) or attention_mask.dim() != 2:
        raise InvalidInput(
            "a memory cannot tell pads from this attention mask",
            expected="(batch, tokens so far), 0 for pads",
            got=str(tuple(getattr(attention_mask, "shape", ()))) or type(attention_mask).__name__,
        )
    mask = attention_mask[:, -tokens:].bool()
    return None if torch.all(mask) else mask
