"""Low-rank updates of the attention: asleep at first, part of the branch, off with it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from memgraft.core.errors import InvalidInput
from memgraft.host.load import fingerprint
from memgraft.mag.checkpoint import base_fingerprint, load_branch, save_branch
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

from .grafted import KINDS, LINEAR, close, words

TinyHost = Callable[[str], Any]
LORA = replace(LINEAR, lora_rank=3, layers=(1, 2))
kinds = pytest.mark.parametrize("kind", KINDS)


def awake(tiny_host: TinyHost, kind: str) -> Any:
    """A patched model whose updates are not zero, though its memories are."""
    model = patch_with_mag(tiny_host(kind).model, LORA)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for branch in model.branches().values():
            for update in branch.lora.values():
                update.up.weight.normal_(generator=generator)
    return model


@kinds
def test_untrained_it_is_the_base(tiny_host: TinyHost, kind: str) -> None:
    base = tiny_host(kind).model
    assert torch.equal(patch_with_mag(base, LORA)(words()).logits, base(words()).logits)


@kinds
def test_it_is_the_base_with_merged_weights(tiny_host: TinyHost, kind: str) -> None:
    base, patched = deepcopy(tiny_host(kind).model), awake(tiny_host, kind)
    assert not torch.allclose(patched(words()).logits, base(words()).logits)
    with torch.no_grad():
        for layer, branch in patched.branches().items():
            for name, update in branch.lora.items():
                projection = base.model.layers[layer].self_attn.get_submodule(name)
                projection.weight += update.up.weight @ update.down.weight
    close(patched(words()).logits, base(words()).logits)


def test_off_is_the_base(tiny_host: TinyHost) -> None:
    base, patched = tiny_host("llama").model, awake(tiny_host, "llama")
    before = patched(words()).logits
    with patched.memories_set_to("off"):
        assert torch.equal(patched(words()).logits, base(words()).logits)
    assert torch.equal(patched(words()).logits, before)


def test_it_is_trained_with_the_branch_and_the_base_is_not(tiny_host: TinyHost) -> None:
    patched = awake(tiny_host, "qwen3").train()
    without = patch_with_mag(tiny_host("qwen3").model, replace(LORA, lora_rank=0))
    # Width 32; four heads of width 8 ask two of keys and values.
    widths = (32, 32), (32, 16), (32, 16), (32, 32)
    extra = sum(2 * 3 * (one + other) for one, other in widths)
    trainable = patched.count_trainable_parameters()
    assert trainable == without.count_trainable_parameters() + extra
    patched.gradient_checkpointing_enable()
    patched(words()).logits.square().mean().backward()
    for branch in patched.branches().values():
        assert all(part.grad.abs().sum() > 0 for part in branch.lora.parameters())
    assert patched.model.layers[1].self_attn.q_proj.weight.grad is None


def test_a_copy_has_updates_of_its_own(tiny_host: TinyHost) -> None:
    patched = awake(tiny_host, "llama")
    before, copy = patched(words()).logits, deepcopy(patched)
    with torch.no_grad():
        for branch in copy.branches().values():
            branch.lora["q_proj"].up.weight.zero_()
    assert torch.equal(patched(words()).logits, before)
    assert not torch.allclose(copy(words()).logits, before)


@kinds
def test_saved_and_loaded_it_is_the_same(tiny_host: TinyHost, kind: str, tmp_path: Path) -> None:
    host, patched = tiny_host(kind), awake(tiny_host, kind)
    expected = patched(words()).logits
    patched.save_pretrained(tmp_path / "whole")
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "whole")
    assert torch.equal(whole(words()).logits, expected)
    assert base_fingerprint(patched) == fingerprint(host.model)
    save_branch(patched, tmp_path / "branch", host)
    assert torch.equal(load_branch(tmp_path / "branch", host)(words()).logits, expected)


def test_the_rank_is_checked() -> None:
    with pytest.raises(InvalidInput, match="lora_rank"):
        PatchConfig(lora_rank=-1)
