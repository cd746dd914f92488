"""The models whose recall is compared: one small decoder, and what helps it beyond its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import MistralConfig, MistralForCausalLM

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

# Attention in a window with a linear memory, with an MLP memory, alone; attention to everything.
KINDS = ("linear", "mlp", "window", "full")
WITH_MEMORY = ("linear", "mlp")


@dataclass(frozen=True)
class RecallSizes(Config):
    """Of all models alike."""

    layers: int = 2
    width: int = 32  # of the residual stream
    heads: int = 1  # of the attention
    window: int = 4  # tokens that the attention sees, the current one included
    memory_heads: int = 1
    memory_width: int = 32  # of a head's keys and values
    mlp_width: int = 16  # the same in the MLP memory
    chunk: int = 16
    parameters: int = 40_000  # of each model, by the width of its feed-forward layers

    @property
    def reach(self) -> int:
        """Tokens back that the windows of all layers together relay something."""
        return self.layers * (self.window - 1)


def new_model(kind: str, vocabulary: int, sizes: RecallSizes, seed: int) -> Any:
    """An untrained model, every parameter of which is to be trained.

    It is a Mistral, as that is the Llama whose attention knows windows. What a kind has no need
    for goes into wider feed-forward layers, so that all kinds have `sizes.parameters`, up to the
    parameters of one hidden unit in each layer.

    Args:
        kind: one of `KINDS`.
        seed: of the initial weights.

    Raises:
        InvalidInput: another kind, or a model of that kind has more parameters in any case.
    """
    if kind not in KINDS:
        raise InvalidInput("no such model", expected=", ".join(KINDS), got=kind)
    unit = 3 * sizes.width * sizes.layers
    spare = sizes.parameters - parameters(_built(kind, vocabulary, sizes, 1, seed)) + unit
    if spare < unit:
        raise InvalidInput(
            f"the model {kind} cannot be that small",
            expected=f"at least {sizes.parameters + unit - spare} parameters",
            got=str(sizes.parameters),
        )
    return _built(kind, vocabulary, sizes, spare // unit, seed)


def parameters(model: Any) -> int:
    """How many numbers the model has."""
    return sum(weight.numel() for weight in model.parameters())


def _built(kind: str, vocabulary: int, sizes: RecallSizes, hidden: int, seed: int) -> Any:
    config = MistralConfig(
        vocab_size=vocabulary,
        hidden_size=sizes.width,
        intermediate_size=hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        sliding_window=None if kind == "full" else sizes.window,
        # The usual 0.02 is for models a hundred times as wide.
        initializer_range=sizes.width**-0.5,
        use_cache=False,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = MistralForCausalLM(config)
    if kind in WITH_MEMORY:
        model = patch_with_mag(model, _patch(kind, sizes), seed)
    return model.requires_grad_(True).train()


def _patch(kind: str, sizes: RecallSizes) -> PatchConfig:
    """What differs from the dials for pretrained models, and why.

    From scratch there is nothing that a gate nearly closed would have to protect. What is told
    holds until it is told otherwise, so nothing decays. And keys come from a token and the one
    before it, not three: the fewer different keys a few kinds of filler have, the less of the other
    keys' values do they wear off in a thousand tokens.
    """
    return PatchConfig(
        memory_layers=2 if kind == "mlp" else 1,
        memory_heads=sizes.memory_heads,
        memory_head_dim=sizes.mlp_width if kind == "mlp" else sizes.memory_width,
        chunk_size=sizes.chunk,
        window=sizes.window,
        gate_bias=0.0,
        initial_decay=0.0,
        conv_size=2,
    )


def answers(model: Any, inputs: Tensor, labels: Tensor, ignored: int) -> tuple[Tensor, Tensor]:
    """What the model says where something is asked for.

    Args:
        inputs, labels: ids (batch, tokens); `ignored` in labels where nothing is asked for.

    Returns:
        Logits (questions, vocabulary) and labels (questions,).
    """
    asked = labels != ignored
    hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
    return model.lm_head(hidden[asked]), labels[asked]


@torch.no_grad()
def said(model: Any, inputs: Tensor, labels: Tensor, ignored: int) -> tuple[Tensor, Tensor]:
    """What the model says at the end of each question, and what is due there; (questions,) each.

    Where labels follow on one another, all but the last are on the way to the answer. These the
    model has to say itself, greedily: `inputs` tell it nothing of them.
    """
    asked = labels != ignored
    on_the_way = asked[:, :-1] & asked[:, 1:]
    ends = asked.clone()
    ends[:, :-1] &= ~on_the_way
    # As no token depends on later ones, each pass settles at least one more of what is on the way;
    # where nothing changes any more, it is what decoding token by token would have said.
    while True:
        spoken = torch.full_like(inputs, ignored)
        spoken[asked] = answers(model, inputs, labels, ignored)[0].argmax(-1)
        follow = inputs.clone()
        follow[:, 1:] = torch.where(on_the_way, spoken[:, :-1], inputs[:, 1:])
        if torch.equal(follow, inputs):
            return spoken[ends], labels[ends]
        inputs = follow
