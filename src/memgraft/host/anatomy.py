"""Where the parts of a decoder are that a memory is grafted onto, per architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from memgraft.core.errors import ModelError


@dataclass(frozen=True)
class Anatomy:
    """Dotted paths: the decoder layers, a layer's MLP output projection, the final norm."""

    layers: str
    mlp_out: str
    final_norm: str


_LLAMA = Anatomy("model.layers", "mlp.down_proj", "model.norm")

ANATOMIES = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    # With a memory branch (`memgraft.mag`), which changes none of these places.
    **{f"mag-{kind}": _LLAMA for kind in ("llama", "mistral", "qwen2", "qwen3")},
    "gpt2": Anatomy("transformer.h", "mlp.c_proj", "transformer.ln_f"),
    "gpt_neox": Anatomy("gpt_neox.layers", "mlp.dense_4h_to_h", "gpt_neox.final_layer_norm"),
}


def anatomy_of(model: nn.Module) -> Anatomy:
    """The entry for this model's `config.model_type`, or `ModelError` with the known ones."""
    kind = getattr(getattr(model, "config", None), "model_type", type(model).__name__)
    if kind not in ANATOMIES:
        raise ModelError(
            f"models of type {kind!r} have no anatomy",
            expected=", ".join(sorted(ANATOMIES)),
            got=str(kind),
            next_step="add its paths to memgraft/host/anatomy.py",
        )
    return ANATOMIES[kind]


def layers(model: nn.Module) -> list[Any]:
    """The decoder layers, first to last."""
    return list(model.get_submodule(anatomy_of(model).layers).children())


def mlp_out(model: nn.Module, layer: int) -> nn.Module:
    """The projection that ends the MLP of a layer: d_intermediate → d_model."""
    return layers(model)[layer].get_submodule(anatomy_of(model).mlp_out)


def mlp_out_path(model: nn.Module, layer: int) -> str:
    """The dotted path of `mlp_out`."""
    anatomy = anatomy_of(model)
    return f"{anatomy.layers}.{layer}.{anatomy.mlp_out}"


def transposed(projection: nn.Module) -> bool:
    """GPT-2's Conv1D keeps its weight as (in, out)."""
    return type(projection).__name__ == "Conv1D"


def final_norm(model: nn.Module) -> nn.Module:
    return model.get_submodule(anatomy_of(model).final_norm)
