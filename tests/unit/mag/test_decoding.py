"""Patched models with a cache: what they say does not depend on how the text is cut or padded."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from memgraft.core.errors import InvalidInput
from memgraft.mag.cache import memories, remember, reset_all_memory
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

from .grafted import KINDS, LINEAR, MLP, close, trained, words

TinyHost = Callable[[str], Any]
CASES = [*((kind, LINEAR) for kind in KINDS), ("llama", MLP), ("qwen3", MLP)]
CASES += [(kind, replace(LINEAR, window=6)) for kind in KINDS]
cases = pytest.mark.parametrize(
    ("kind", "config"),
    CASES,
    ids=[f"{k}-{'mlp' if c.memory_layers == 2 else 'linear'}-{c.window}" for k, c in CASES],
)
kinds = pytest.mark.parametrize("kind", KINDS)
GREEDY = {"max_new_tokens": 10, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}


@cases
@pytest.mark.parametrize("cuts", [[12] + [1] * 18, [7, 16, 7]], ids=["tokens", "chunks"])
def test_with_a_cache_it_says_the_same(
    tiny_host: TinyHost, kind: str, config: PatchConfig, cuts: list[int]
) -> None:
    model = trained(tiny_host, kind, config)
    ids = words()
    cache, logits = None, []
    with torch.no_grad():
        whole = model(ids, use_cache=False)
        for piece in ids.split(cuts, dim=1):
            out = model(piece, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            logits.append(out.logits)
    assert whole.past_key_values is None
    close(torch.cat(logits, dim=1), whole.logits)


@cases
def test_greedy_decoding_is_that_of_the_whole_text(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    model = trained(tiny_host, kind, config)
    ids = words()
    got = model.generate(ids, **GREEDY)
    assert got.shape == (2, 40)
    with torch.no_grad():
        logits = model(got, use_cache=False).logits
    assert torch.equal(got[:, 30:], logits[:, 29:-1].argmax(dim=-1))
    chunked = model.generate(ids, prefill_chunk_size=8, **GREEDY)
    assert torch.equal(chunked, got)
    static = model.generate(ids, cache_implementation="static", **GREEDY)
    assert torch.equal(static, got)


@cases
def test_beams_keep_their_own_memories(tiny_host: TinyHost, kind: str, config: PatchConfig) -> None:
    model = trained(tiny_host, kind, config)
    beams = {**GREEDY, "num_beams": 3, "num_return_sequences": 3}
    got = model.generate(words(), **beams)
    assert torch.equal(got, model.generate(words(), use_cache=False, **beams))


@cases
def test_pads_on_the_left_do_not_matter(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    model = trained(tiny_host, kind, config)
    ids = words()
    mask = torch.ones_like(ids)
    mask[0, :11] = 0
    with torch.no_grad():
        padded, alone = model(ids, attention_mask=mask), model(ids[:1, 11:])
        close(padded.logits[:1, 11:], alone.logits)
        close(padded.logits[1:], model(ids[1:]).logits)
    for how in ({}, {"cache_implementation": "static"}):
        both = model.generate(ids, attention_mask=mask, **GREEDY, **how)
        alone = model.generate(ids[:1, 11:], **GREEDY)
        assert torch.equal(both[:1, 11:], alone)
        assert torch.equal(both[1:], model.generate(ids[1:], **GREEDY))


@cases
def test_the_next_turn_goes_on_with_the_cache(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    model = trained(tiny_host, kind, config)
    first = model.generate(words(), return_dict_in_generate=True, **GREEDY)
    asked = torch.cat([first.sequences, words(length=5, seed=9)], dim=1)
    branched = deepcopy(first.past_key_values)
    expected = model.generate(asked, **GREEDY)
    for cache in (first.past_key_values, branched):
        assert torch.equal(model.generate(asked, past_key_values=cache, **GREEDY), expected)


@kinds
def test_a_window_limits_attention_as_a_mask_would(tiny_host: TinyHost, kind: str) -> None:
    base = tiny_host(kind).model
    patched = patch_with_mag(base, replace(LINEAR, window=5))
    at = torch.arange(30)
    allowed = (at[:, None] >= at) & (at[:, None] - at < 5)
    ids = words()
    expected = base(ids, attention_mask=allowed.expand(2, 1, 30, 30)).logits
    close(patched(ids).logits, expected)
    mask = torch.ones_like(ids)
    mask[0, :9] = 0
    padded = patched(ids, attention_mask=mask).logits[0, 9:]
    close(padded, patched(ids[:1, 9:]).logits[0])


@kinds
@pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
def test_the_memory_reaches_beyond_the_window(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    narrow = replace(config, window=4)
    ids = words(1, 40)
    # Four layers of a window of 4 relay nothing over more than 12 tokens.
    changed = torch.cat([(ids[:, :8] + 1) % 250, ids[:, 8:]], dim=1)

    def difference(model: Any) -> float:
        with torch.no_grad():
            return float((model(ids).logits - model(changed).logits)[:, 30:].abs().max())

    assert difference(patch_with_mag(tiny_host(kind).model, narrow)) == 0.0
    assert difference(trained(tiny_host, kind, narrow)) > 1e-3


@kinds
def test_what_comes_later_changes_nothing_before(tiny_host: TinyHost, kind: str) -> None:
    model = trained(tiny_host, kind)
    ids = words()
    changed = ids.clone()
    changed[0, 20] = (changed[0, 20] + 1) % 250
    with torch.no_grad():
        one, other = model(ids).logits, model(changed).logits
    close(one[0, :20], other[0, :20])
    assert torch.equal(one[1], other[1])
    assert (one[0, 20:] - other[0, 20:]).abs().max() > 1e-3


def test_memories_can_be_taken_out_and_put_into_another_cache(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "qwen3", replace(LINEAR, window=4))
    past, question = words(1, 20), words(1, 6, seed=5)
    with torch.no_grad():
        cache = model(past, use_cache=True).past_key_values
        states = memories(cache)
        assert list(states) == [0, 1, 2, 3]
        fresh = [DynamicCache(), DynamicCache(config=model.config)]
        said = [model(question, past_key_values=remember(c, states)).logits for c in fresh]
        new = model(question).logits
        assert [c.get_seq_length() for c in fresh] == [6, 6]
        close(said[0], said[1])
        assert (said[0] - new).abs().max() > 1e-3
        forgetful = remember(DynamicCache(config=model.config), states)
        reset_all_memory(forgetful)
        assert memories(forgetful) == {}
        assert torch.equal(model(question, past_key_values=forgetful).logits, new)
        model.reset_all_memory(cache)
        assert memories(cache) == {}
        assert cache.get_seq_length() == 20
    assert memories(None) == {}


def test_a_cache_repeats_selects_and_resets_its_memories(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama")
    with torch.no_grad():
        cache = model(words(), use_cache=True).past_key_values
    before = memories(cache)[0].flat()
    cache.batch_repeat_interleave(2)
    assert torch.equal(memories(cache)[0].flat(), before[[0, 0, 1, 1]])
    cache.batch_select_indices(torch.tensor([3, 0]))
    assert torch.equal(memories(cache)[0].flat(), before[[1, 0]])
    cache.reset()
    assert memories(cache) == {}


def test_what_takes_tokens_back_is_refused(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama")
    cache = model(words(), use_cache=True).past_key_values
    assert not cache.is_croppable
    cache.crop(0)
    with pytest.raises(InvalidInput, match="cannot be cropped"):
        cache.crop(-2)


def test_masks_that_hide_the_pads_are_refused(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama")
    with pytest.raises(InvalidInput, match="pads"):
        model(words(), attention_mask=torch.ones(2, 1, 30, 30, dtype=torch.bool))
    with pytest.raises(InvalidInput, match="pads"):
        model(words(), attention_mask={"full_attention": None})


def test_several_texts_in_one_row_are_refused(tiny_host: TinyHost) -> None:
    model = trained(tiny_host, "llama")
    positions = torch.arange(30)
    with torch.no_grad():
        close(model(words(), position_ids=positions[None] + 4).logits, model(words()).logits)
        with pytest.raises(InvalidInput, match="a row each"):
            model(words(), position_ids=(positions % 10)[None])


@cases
def test_memories_can_be_switched_off(tiny_host: TinyHost, kind: str, config: PatchConfig) -> None:
    model, untrained = (
        trained(tiny_host, kind, config),
        patch_with_mag(tiny_host(kind).model, config),
    )
    with torch.no_grad():
        on = model(words()).logits
        with pytest.raises(KeyError), model.memories_set_to("off"):
            assert torch.equal(model(words()).logits, untrained(words()).logits)
            assert torch.equal(
                model.generate(words(), **GREEDY), untrained.generate(words(), **GREEDY)
            )
            raise KeyError
        assert torch.equal(model(words()).logits, on)
    with pytest.raises(InvalidInput, match="on, read, off"), model.memories_set_to("out"):
        pass


@kinds
@pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
def test_memories_can_be_kept_from_writing(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    model = trained(tiny_host, kind, replace(config, window=4))
    ids = words(1, 40)
    changed = torch.cat([(ids[:, :8] + 1) % 250, ids[:, 8:]], dim=1)
    with torch.no_grad(), model.memories_set_to("read"):
        # Beyond the window and the convolutions of four layers, nothing is passed on.
        far = (model(ids).logits - model(changed).logits)[:, 34:]
        assert far.abs().max() < 1e-5
    with torch.no_grad():
        cache = model(ids, use_cache=True).past_key_values
        states = memories(cache)
        with model.memories_set_to("read"):
            model(ids, past_key_values=cache)
        for index, state in memories(cache).items():
            for name, tensor in vars(state.memory).items():
                assert torch.equal(tensor, vars(states[index].memory)[name])
