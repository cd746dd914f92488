"""The contract of a memory encoder, on every architecture that it is promised for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.attach import attach
from memgraft.host.load import Host
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.pretrained import load_encoder, new_encoder, save_encoder
from memgraft.injection.reading import read_facts
from memgraft.train.injection import InjectionTask, InjectionTraining

SIZES = {"width": 16, "heads": 2, "feed_forward": 32, "code": 8, "token": 8, "head": 16}
FACT = ("My name is Mira.", "Your name is Mira.")


@pytest.fixture(params=["qwen3", "llama", "mistral", "gpt2"])
def host(request: pytest.FixtureRequest, tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host(request.param)


def new(host: Host, **changes: int) -> MemoryEncoder:
    return new_encoder(host, MnemeConfig.for_model(host.model.config, **SIZES, **changes))


@torch.no_grad()
def patch_of(host: Host, encoder: MemoryEncoder) -> Patch:
    reading = read_facts(host, [FACT], encoder.config.taps)
    codes = encoder.encode(reading.states, reading.mask, reading.places)
    terms = encoder.terms(encoder.decode(codes, reading.before, reading.after), reading.valid)
    return Patch(tuple(LowRankTerm(layer, a[0], b[0]) for layer, (a, b) in terms.items()))


@torch.no_grad()
def logits(host: Host) -> Tensor:
    return host.model(torch.tensor([host.encode("What is my name?")])).logits


def test_attached_it_changes_the_model_and_detached_it_is_gone(host: Host) -> None:
    before = logits(host)
    with attach(host.model, patch_of(host, new(host))):
        assert not torch.equal(logits(host), before)
    assert torch.equal(logits(host), before)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_train_step_lowers_the_loss(host: Host, rank: int) -> None:
    encoder = new(host, rank=rank)
    task = InjectionTask(host, encoder, InjectionTraining(facts=4, stacks=(1,)))
    weights = {name: value.clone() for name, value in host.model.state_dict().items()}
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    before, _ = task.loss(0)
    before.backward()
    optimiser.step()
    assert task.loss(0)[0] < before
    assert all(torch.equal(weights[n], v) for n, v in host.model.state_dict().items())


def test_saved_and_loaded_it_writes_the_same(host: Host, tmp_path: Path) -> None:
    encoder = new(host, rank=2)
    for parameter in encoder.parameters():
        parameter.data = parameter.data.half().float()
    save_encoder(encoder, tmp_path / "encoder.safetensors", host.fingerprint)
    loaded = load_encoder(host, tmp_path / "encoder.safetensors")
    assert loaded.fingerprint() == encoder.fingerprint()
    for one, other in zip(patch_of(host, encoder).terms, patch_of(host, loaded).terms, strict=True):
        assert one.layer == other.layer
        assert torch.equal(one.a, other.a)
        assert torch.equal(one.b, other.b)
