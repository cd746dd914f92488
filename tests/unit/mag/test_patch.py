"""Patched models: the base at first, the branch's alone to train, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from memgraft.core.errors import InvalidInput, ModelError
from memgraft.mag.config import MagConfig
from memgraft.mag.patch import (
    Qwen3MAGConfig,
    count_trainable_parameters,
    patch_qwen3_with_mag,
    patch_with_mag,
)
from memgraft.mag.patch_config import PatchConfig

from .grafted import KINDS, LINEAR, MLP, close, trained, words

TinyHost = Callable[[str], Any]
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
@pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
def test_untrained_it_is_the_base_bit_for_bit(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    base = tiny_host(kind).model
    patched = patch_with_mag(base, config)
    assert type(patched).__name__.startswith("Mag")
    ids = words()
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    assert torch.equal(patched(ids).logits, base(ids).logits)
    padded = base(ids, attention_mask=mask).logits
    assert torch.equal(patched(ids, attention_mask=mask).logits, padded)
    steps = {"max_new_tokens": 8, "do_sample": False}
    assert torch.equal(patched.generate(ids, **steps), base.generate(ids, **steps))


@kinds
def test_untrained_it_is_the_base_in_half_precision(tiny_host: TinyHost, kind: str) -> None:
    base = type(tiny_host(kind).model)(tiny_host(kind).model.config).to(torch.bfloat16).eval()
    patched = patch_with_mag(base, LINEAR)
    assert patched.dtype == torch.bfloat16
    assert torch.equal(patched(words()).logits, base(words()).logits)


@kinds
def test_trained_it_is_not(tiny_host: TinyHost, kind: str) -> None:
    base, patched = tiny_host(kind).model, trained(tiny_host, kind)
    assert (patched(words()).logits - base(words()).logits).abs().max() > 0.1


def test_the_base_stays_as_it_is(tiny_host: TinyHost) -> None:
    base = tiny_host("qwen3").model
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    patched = trained(tiny_host, "qwen3", replace(LINEAR, window=4))
    assert base.config.model_type == "qwen3"
    assert base.config.sliding_window is None
    after = base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    # Shared, not copied: a patched model costs its branches.
    shared = patched.model.embed_tokens.weight.data_ptr()
    assert shared == base.model.embed_tokens.weight.data_ptr()


def test_tied_embeddings_stay_tied(tiny_host: TinyHost) -> None:
    config = type(tiny_host("llama").model.config)(
        **{**tiny_host("llama").model.config.to_dict(), "tie_word_embeddings": True}
    )
    base = AutoModelForCausalLM.from_config(config).eval()
    patched = patch_with_mag(base, LINEAR)
    assert patched.lm_head.weight is patched.model.embed_tokens.weight
    assert torch.equal(patched(words()).logits, base(words()).logits)


def test_only_the_branches_are_trained(tiny_host: TinyHost) -> None:
    patched = patch_with_mag(tiny_host("llama").model, LINEAR)
    branches = sum(p.numel() for b in patched.branches().values() for p in b.parameters())
    assert patched.count_trainable_parameters() == count_trainable_parameters(patched) == branches
    assert all(
        parameter.requires_grad == ("memory_branch" in name)
        for name, parameter in patched.named_parameters()
    )


def test_weights_come_from_the_seed(tiny_host: TinyHost) -> None:
    base = tiny_host("llama").model
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (patch_with_mag(base, LINEAR, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    weights = [m.branches()[0].memory.key.weight for m in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_layers_can_be_chosen(tiny_host: TinyHost) -> None:
    patched = trained(tiny_host, "qwen2", replace(LINEAR, layers=(3, 1)))
    assert list(patched.branches()) == [1, 3]
    assert [branch.previous for branch in patched.branches().values()] == [None, 1]
    assert patched(words(), use_cache=False).logits.isfinite().all()
    with pytest.raises(InvalidInput, match="0 to 3"):
        patch_with_mag(tiny_host("qwen2").model, replace(LINEAR, layers=(1, 4)))
    for wrong in ({"layers": ()}, {"window": 1}):
        with pytest.raises(InvalidInput):
            PatchConfig.from_dict(wrong)


def test_a_query_is_refined_by_the_memory_below(tiny_host: TinyHost) -> None:
    patched = trained(tiny_host, "llama", replace(LINEAR, layers=(1, 2)))
    lower, upper = patched.branches().values()
    with torch.no_grad():
        # The lower memory is now seen through the upper one's queries only.
        lower.gate.out.weight.zero_()
        before = patched(words()).logits
        upper.memory.query.refine.weight.mul_(30)
        assert (patched(words()).logits - before).abs().max() > 1e-3


@kinds
def test_a_branch_can_start_from_the_attention(tiny_host: TinyHost, kind: str) -> None:
    base = tiny_host(kind).model
    patched = patch_with_mag(base, replace(LINEAR, from_attention=True))
    for layer, branch in patched.branches().items():
        attention = base.model.layers[layer].self_attn
        # Two of four query heads of width 8, each with a key head of its own.
        queries = attention.q_proj.weight.unflatten(0, (4, 8))[[0, 2], :4].flatten(0, 1)
        keys, values = (
            projection.weight.unflatten(0, (2, 8))[:, :4].flatten(0, 1)
            for projection in (attention.k_proj, attention.v_proj)
        )
        assert torch.equal(branch.memory.query.project.weight, queries)
        assert torch.equal(branch.memory.key.weight, keys)
        assert torch.equal(branch.memory.value.weight, values)
    assert torch.equal(patched(words()).logits, base(words()).logits)
    with pytest.raises(InvalidInput, match="memory_head_dim up to 8"):
        patch_with_mag(base, replace(LINEAR, from_attention=True, memory_head_dim=9))


@kinds
@pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
def test_saved_and_loaded_it_is_the_same(
    tiny_host: TinyHost, kind: str, config: PatchConfig, tmp_path: Path
) -> None:
    patched = trained(tiny_host, kind, replace(config, layers=(0, 2), window=6))
    patched.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(loaded) is type(patched)
    assert loaded.config.patch == patched.config.patch
    assert loaded.config.model_type == f"mag-{kind}"
    assert AutoConfig.from_pretrained(tmp_path).sliding_window == 6
    assert torch.equal(loaded(words()).logits, patched(words()).logits)
    inner = AutoModel.from_pretrained(tmp_path)
    assert torch.equal(inner(words()).last_hidden_state, patched.model(words()).last_hidden_state)
    loaded.freeze_base()
    assert loaded.count_trainable_parameters() == patched.count_trainable_parameters()


def test_made_from_a_config_it_starts_closed(tiny_host: TinyHost) -> None:
    config = patch_with_mag(tiny_host("qwen3").model, MLP).config
    made = AutoModelForCausalLM.from_config(config)
    for branch in made.branches().values():
        assert branch.gate.out.weight.eq(0).all()
        assert branch.gate.bias.eq(MLP.gate_bias).all()
        assert branch.memory.persistent.std() > 0.5
        assert branch.memory.gates.bias.isfinite().all()
        assert branch.memory.key.weight.std() > 0


def test_a_path_can_be_patched(tiny_host: TinyHost, tmp_path: Path) -> None:
    host = tiny_host("qwen3")
    host.model.save_pretrained(tmp_path)
    host.tokenizer.save_pretrained(tmp_path)
    close(patch_with_mag(tmp_path, LINEAR)(words()).logits, host.model(words()).logits)
    small = {"memory_heads": 2, "memory_head_dim": 4}
    half = patch_qwen3_with_mag(
        str(tmp_path), Qwen3MAGConfig(**small), device="cpu", dtype=torch.bfloat16
    )
    assert half.config.patch.memory_layers == 2
    assert half.config.patch.n_persistent_tokens == 16
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    assert half.model.rotary_emb.inv_freq.dtype == torch.float32
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert torch.equal(half(words()).logits, loaded(words()).logits)


def test_what_cannot_be_patched_is_refused(tiny_host: TinyHost, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gpt2"):
        patch_with_mag(tiny_host("gpt2").model)
    with pytest.raises(ModelError, match="already"):
        patch_with_mag(patch_with_mag(tiny_host("llama").model, LINEAR))
    with pytest.raises(ModelError, match="language modelling"):
        patch_with_mag(tiny_host("llama").model.model)
    with pytest.raises(ModelError, match="no such folder"):
        patch_with_mag(tmp_path / "nothing")
    host = tiny_host("llama")
    host.model.save_pretrained(tmp_path)
    host.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not a Qwen3"):
        patch_qwen3_with_mag(tmp_path)


def test_a_plain_config_will_do(tiny_host: TinyHost) -> None:
    plain = MagConfig(memory_heads=2, memory_head_dim=4, chunk_size=8)
    assert patch_with_mag(tiny_host("llama").model, plain).config.patch == LINEAR
    assert patch_with_mag(tiny_host("llama").model).config.patch == PatchConfig()


@kinds
def test_hidden_states_and_attentions_are_given_out(tiny_host: TinyHost, kind: str) -> None:
    base = tiny_host(kind).model
    patched = patch_with_mag(base, LINEAR)
    base.set_attn_implementation("eager")
    patched.set_attn_implementation("eager")
    try:
        asked = {"output_hidden_states": True, "output_attentions": True}
        got, expected = patched(words(), **asked), base(words(), **asked)
    finally:
        base.set_attn_implementation("sdpa")
    assert len(got.hidden_states) == 5
    assert len(got.attentions) == 4
    for one, other in zip(
        got.hidden_states + got.attentions,
        expected.hidden_states + expected.attentions,
        strict=True,
    ):
        assert torch.equal(one, other)
