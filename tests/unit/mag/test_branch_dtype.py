"""A branch in float32 over a base in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from memgraft.core.errors import InvalidInput
from memgraft.mag.cache import memories
from memgraft.mag.checkpoint import branch_weights
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

from .grafted import KINDS, LINEAR, MLP, words

TinyHost = Callable[[str], Any]
configs = pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
kinds = pytest.mark.parametrize("kind", KINDS)


def half(tiny_host: TinyHost, kind: str) -> Any:
    base = tiny_host(kind).model
    made = type(base)(base.config)
    made.load_state_dict(base.state_dict())
    for weight in made.parameters():  # and not the frequencies of positions
        weight.data = weight.data.to(torch.bfloat16)
    return made.eval()


def grafted(base: Any, config: PatchConfig) -> Any:
    model = patch_with_mag(base, replace(config, branch_dtype="float32", lora_rank=2))
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=generator)
            branch.lora["v_proj"].up.weight.normal_(generator=generator)
    return model


@kinds
@configs
def test_untrained_it_is_the_base(tiny_host: TinyHost, kind: str, config: PatchConfig) -> None:
    base = half(tiny_host, kind)
    patched = patch_with_mag(base, replace(config, branch_dtype="float32", lora_rank=2))
    assert patched.dtype == torch.bfloat16
    assert {part.dtype for part in branch_weights(patched).values()} == {torch.float32}
    output = patched(words())
    assert output.logits.dtype == torch.bfloat16
    assert torch.equal(output.logits, base(words()).logits)


@kinds
@configs
def test_it_generates_and_goes_on(tiny_host: TinyHost, kind: str, config: PatchConfig) -> None:
    patched = grafted(half(tiny_host, kind), config)
    ids = words()
    whole = patched(ids)
    first = patched(ids[:, :20])
    second = patched(ids[:, 20:], past_key_values=first.past_key_values)
    # bfloat16 rounds to 1 in 256, in four layers, at logits of about 10.
    torch.testing.assert_close(second.logits, whole.logits[:, 20:], rtol=0.1, atol=0.3)
    states = memories(second.past_key_values)
    assert all(state.tail.dtype == torch.float32 for state in states.values())
    assert patched.generate(ids, max_new_tokens=5, do_sample=False).shape == (2, 35)


@kinds
@configs
def test_saved_and_loaded_both_types_stay(
    tiny_host: TinyHost, kind: str, config: PatchConfig, tmp_path: Path
) -> None:
    patched = grafted(half(tiny_host, kind), config)
    patched.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert {n: p.dtype for n, p in loaded.named_parameters()} == {
        n: p.dtype for n, p in patched.named_parameters()
    }
    assert torch.equal(loaded(words()).logits, patched(words()).logits)


def test_small_steps_are_not_lost(tiny_host: TinyHost) -> None:
    patched = grafted(half(tiny_host, "llama"), LINEAR).train()
    patched(words()).logits.float().square().mean().backward()
    grads = [part.grad for part in patched.parameters() if part.requires_grad]
    assert {grad.dtype for grad in grads} == {torch.float32}
    bias = patched.branches()[0].gate.bias
    before = bias.detach().clone()
    torch.optim.SGD([bias], lr=1e-5 / float(bias.grad.abs().max())).step()
    assert (bias != before).any(), "bfloat16 has no such number beside -2"


def test_other_types_are_refused() -> None:
    with pytest.raises(InvalidInput, match="branch_dtype"):
        PatchConfig(branch_dtype="float8")
