"""Training what was patched: gradients, checkpoints of activations, segments, LoRA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache

from memgraft.core.errors import InvalidInput
from memgraft.mag.cache import memories, remember
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

from .grafted import KINDS, LINEAR, MLP, close, trained, words

TinyHost = Callable[[str], Any]
kinds = pytest.mark.parametrize("kind", KINDS)


def gradients(model: Any, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(ids, labels=ids).loss.backward()
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


@kinds
@pytest.mark.parametrize("config", [LINEAR, MLP], ids=["linear", "mlp"])
def test_gradients_reach_every_part_of_the_branches(
    tiny_host: TinyHost, kind: str, config: PatchConfig
) -> None:
    for combine in ("gate", "concat", "add"):
        model = trained(tiny_host, kind, replace(config, query_combine=combine)).train()
        plain = gradients(model, words())
        for name, gradient in plain.items():
            assert gradient is not None, name
            assert gradient.abs().max() > 0, name
        model.gradient_checkpointing_enable()
        for name, gradient in gradients(model, words()).items():
            torch.testing.assert_close(gradient, plain[name], rtol=1e-4, atol=1e-6)


@kinds
def test_with_gradient_checkpointing_the_loss_falls(tiny_host: TinyHost, kind: str) -> None:
    base = tiny_host(kind).model
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    model = patch_with_mag(base, replace(LINEAR, window=4)).train()
    model.gradient_checkpointing_enable()
    ids = words(2, 24)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, lr=0.03)
    losses = []
    for _ in range(12):
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())


def test_reentrant_checkpointing_is_refused(tiny_host: TinyHost) -> None:
    model = patch_with_mag(tiny_host("llama").model, LINEAR)
    with pytest.raises(InvalidInput, match="use_reentrant=False"):
        model.gradient_checkpointing_enable({"use_reentrant": True})


@pytest.mark.parametrize("checkpointing", [False, True])
def test_segments_hand_on_the_memory_and_its_gradients(
    tiny_host: TinyHost, checkpointing: bool
) -> None:
    model = trained(tiny_host, "qwen3", replace(LINEAR, layers=(3,))).train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    ids = words()
    first = DynamicCache(config=model.config)
    model(ids[:, :20], past_key_values=first)
    states = memories(first)

    def grads(states: Any) -> torch.Tensor:
        model.zero_grad()
        cache = remember(DynamicCache(config=model.config), states)
        loss = model(ids[:, 20:], labels=ids[:, 20:], past_key_values=cache).loss
        loss.backward(retain_graph=True)
        return model.branches()[3].memory.value.weight.grad.clone()

    through = grads(states)
    cut = grads({index: state.detach() for index, state in states.items()})
    assert (through - cut).abs().max() > 1e-6


def test_lora_trains_beside_the_branches(tiny_host: TinyHost, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model = trained(tiny_host, "qwen3")
    model.save_pretrained(tmp_path / "base")
    expected = model(words()).logits
    lora = peft.LoraConfig(
        r=2,
        target_modules=["q_proj", "v_proj"],
        modules_to_save=["memory_branch"],
        init_lora_weights=False,
    )
    adapted = peft.get_peft_model(model, lora)
    names = [name for name, p in adapted.named_parameters() if p.requires_grad]
    assert any("lora_A" in name for name in names)
    assert any("memory_branch" in name for name in names)
    assert all("lora_" in name or "memory_branch" in name for name in names)
    got = adapted.train()(words(), labels=words())
    assert (got.logits - expected).abs().max() > 1e-3
    got.loss.backward()
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            parameter.data -= 0.1 * parameter.grad
    adapted.eval()
    trained_logits = adapted(words()).logits
    said = adapted.generate(input_ids=words(), max_new_tokens=5, do_sample=False)
    adapted.save_pretrained(tmp_path / "adapter")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    loaded = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    close(loaded(words()).logits, trained_logits)
    assert torch.equal(loaded.generate(input_ids=words(), max_new_tokens=5, do_sample=False), said)
