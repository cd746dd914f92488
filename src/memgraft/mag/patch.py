"""Graft memory branches onto a pretrained model."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.initialization import no_init_weights

from memgraft.core.errors import ModelError
from memgraft.host.load import load_host
from memgraft.host.precision import to_half
from memgraft.mag.branch import branch_of
from memgraft.mag.cache import reset_all_memory
from memgraft.mag.config import MagConfig
from memgraft.mag.initial import copy_projections
from memgraft.mag.models import FAMILIES, PREFIX, count_trainable_parameters
from memgraft.mag.patch_config import PatchConfig, Qwen3MAGConfig

__all__ = [
    "PatchConfig",
    "Qwen3MAGConfig",
    "count_trainable_parameters",
    "patch_qwen3_with_mag",
    "patch_with_mag",
    "reset_all_memory",
]


def patch_with_mag(model: Any, config: MagConfig | None = None, seed: int = 0) -> Any:
    """A model with memory branches and the weights of this one; only the branches can be trained.

    In each chosen layer it computes x' = x + a + g ⊙ W_o m instead of x' = x + a (a attention,
    m memory, g the gate, see `MemoryGate`). As W_o is zero at first, it answers exactly as the
    base does, unless the config says `mix` or narrows the attention's window.

    Memories live in the cache (`past_key_values`): `mag.cache.memories` and `remember` take them
    out and put them in.

    Args:
        model: a Llama, Mistral, Qwen2 or Qwen3 `...ForCausalLM`, or what `load_host` loads. It
            stays as it is and can be used on, but it shares the memory of its weights with the
            patched model: who trains more than the branches changes both.
        config: `PatchConfig()`, if left out.
        seed: of the branches' initial weights.

    Raises:
        ModelError: another architecture, or nothing to load.
        InvalidInput: the config does not fit the model.
    """
    base = load_host(str(model)).model if isinstance(model, str | Path) else model
    patch = config if isinstance(config, PatchConfig) else _promoted(config)
    family = FAMILIES[_kind(base)]
    settings = {**base.config.to_dict(), "mag": patch.to_dict()}
    for name in ("model_type", "architectures"):
        settings.pop(name, None)
    if patch.window is not None:
        settings |= family.window(patch.window, base.config.num_hidden_layers)
    settings = family.config(**settings)
    branches = _branches(settings, base, seed)
    with no_init_weights():
        patched = family.causal_lm._from_config(
            settings, dtype=base.dtype, attn_implementation=base.config._attn_implementation
        )
    patched.load_state_dict({**base.state_dict(), **branches}, assign=True)
    patched.tie_weights()
    for name, buffer in base.named_buffers():  # the frequencies of positions, no weights
        place, _, leaf = name.rpartition(".")
        patched.get_submodule(place).register_buffer(leaf, buffer.clone(), persistent=False)
    patched.generation_config = deepcopy(base.generation_config)
    patched.freeze_base()
    return patched.train(base.training)


def patch_qwen3_with_mag(
    model_name_or_path: str | Path,
    config: MagConfig | None = None,
    device: str | torch.device = "auto",
    dtype: torch.dtype | None = None,
) -> Any:
    """`patch_with_mag` for a Qwen3 that is to be loaded.

    Args:
        model_name_or_path: what `load_host` loads; in float32 on the CPU, before it is converted.
        config: `Qwen3MAGConfig()`, if left out.
        device: "auto" is a GPU, if there is one.
        dtype: of the weights, float32 if left out. Memory states are float32 in any case.

    Raises:
        ModelError: it is no Qwen3, or cannot be loaded.
        InvalidInput: the config does not fit the model.
    """
    base = load_host(str(model_name_or_path)).model
    if base.config.model_type != "qwen3":
        raise ModelError(
            f"{model_name_or_path} is not a Qwen3",
            expected="qwen3",
            got=base.config.model_type,
            next_step="use patch_with_mag",
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype is not None:
        to_half(base, dtype)
    base.to(device)
    return patch_with_mag(base, Qwen3MAGConfig() if config is None else config)


def _promoted(config: MagConfig | None) -> PatchConfig:
    return PatchConfig() if config is None else PatchConfig.from_dict(config.to_dict())


def _kind(base: Any) -> str:
    kind = getattr(getattr(base, "config", None), "model_type", type(base).__name__)
    if kind not in FAMILIES or not isinstance(base, FAMILIES[kind].base):
        patched = str(kind).startswith(PREFIX)
        raise ModelError(
            f"{type(base).__name__} cannot be given memory branches",
            expected=f"a model for language modelling of type {', '.join(FAMILIES)}",
            got=str(kind),
            next_step="it has them already" if patched else "",
        )
    return str(kind)


def _branches(config: Any, base: nn.Module, seed: int) -> dict[str, Tensor]:
    """The weights of all branches by their names in the patched model."""
    weights: dict[str, Tensor] = {}
    like = next(base.parameters())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for index, layer in enumerate(base.get_submodule("model.layers").children()):
            branch = branch_of(config, index)
            if branch is None:
                continue
            if config.patch.from_attention:
                copy_projections(branch.memory, layer.self_attn)
            dtype = getattr(torch, config.patch.branch_dtype or "", like.dtype)
            branch.to(device=like.device, dtype=dtype)
            place = f"model.layers.{index}.self_attn.memory_branch."
            weights |= {place + name: tensor for name, tensor in branch.state_dict().items()}
    return weights
