"""A text through the memories alone: the states of a whole pass, at a lower cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from memgraft.mag.cache import memories
from memgraft.mag.streaming import given_to, stream

from .grafted import LINEAR, MLP, close, trained, words

TinyHost = Callable[[str], Any]
PLACED = replace(LINEAR, layers=(0, 2), window=6)


def whole(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
    cache = DynamicCache(config=model.config)
    model(ids, attention_mask=mask, past_key_values=cache)
    return memories(cache)


def same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for layer in one:
        for name, tensor in one[layer].tensors().items():
            close(tensor, other[layer].tensors()[name])


@pytest.mark.parametrize("config", [PLACED, replace(MLP, layers=(1,))], ids=["linear", "mlp"])
@pytest.mark.parametrize("segment", [1, 7, 64])
def test_states_are_those_of_a_whole_pass(tiny_host: TinyHost, config: Any, segment: int) -> None:
    model = trained(tiny_host, "llama", config)
    depth = len(model.model.layers)
    same(stream(model, words(), segment=segment), whole(model, words()))
    assert len(model.model.layers) == depth


def test_pads_on_the_left_are_not_read(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama", PLACED)
    ids, mask = words(), torch.ones(2, 30, dtype=torch.long)
    mask[1, :9] = 0
    states = stream(model, ids, mask, segment=10)
    alone = stream(model, ids[1:, 9:], segment=10)
    same({layer: state.rows(torch.tensor([1])) for layer, state in states.items()}, alone)


def test_a_text_goes_on_where_the_last_one_ended(tiny_host: TinyHost) -> None:
    # The lowest memory sees no attention, so that it cannot tell one text from two.
    model = trained(tiny_host, "llama", replace(LINEAR, layers=(0,)))
    first = stream(model, words()[:, :11])
    same(stream(model, words()[:, 11:], states=first), whole(model, words()))


@pytest.mark.parametrize(("history", "reaches"), [(0, True), (1, False), (2, False), (3, True)])
def test_gradients_reach_as_far_back_as_asked(
    tiny_host: TinyHost, history: int, reaches: bool
) -> None:
    # Two memories: keys and values of the layers between would keep the history too.
    model = trained(tiny_host, "llama", replace(LINEAR, layers=(0, 2)))
    seen: list[torch.Tensor] = []

    def remember(_: Any, __: Any, out: torch.Tensor) -> torch.Tensor:
        seen.append(out.detach().clone().requires_grad_())
        return seen[-1]

    hook = model.model.embed_tokens.register_forward_hook(remember)
    states = stream(model, words(), segment=10, history=history)
    hook.remove()
    states[2].memory.weight.square().sum().backward()
    assert seen[2].grad is not None and seen[2].grad.abs().sum() > 0
    assert (seen[0].grad is not None and bool(seen[0].grad.abs().sum() > 0)) == reaches


def test_what_parts_are_given_is_kept_as_long_as_asked(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama", PLACED)
    first, _, third, *_ = model.model.layers
    with torch.no_grad(), given_to((first, third, third.self_attn)) as given:
        for part in words().split(10, dim=1):
            model(part)
        embedded = model.get_input_embeddings()(words())
        normed = [third.input_layernorm(part) for part in given[1]]
    model(words())
    assert [len(parts) for parts in given] == [3, 3, 3]
    assert torch.equal(torch.cat(given[0], dim=1), embedded)
    assert all(map(torch.equal, given[2], normed))
