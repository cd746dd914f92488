"""The LoRA peer: it learns a reply on every architecture, and the base stays what it was."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch

from memgraft.core.errors import MissingExtra
from memgraft.core.recall import Patch
from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.peers.lora import LoraConfig, LoraWriter

FACT, REPLY = "I live in Lisbon", "You live in Lisbon."
ASKED = ["Where do I live?", "Which town is mine?"]
# Random weights give way only to steps larger than trained ones need.
EAGER = LoraConfig(rate=0.05, steps=200)


def answer(host: Host, question: str, patch: Patch) -> str:
    session = Session(host, GenerationConfig(max_new_tokens=40))
    return "".join(session.stream(host.prompt([{"role": "user", "content": question}]), patch))


def test_it_learns_the_reply_and_the_base_stays(each_host: Host) -> None:
    before = {name: value.clone() for name, value in each_host.model.state_dict().items()}
    modules = [type(module) for module in each_host.model.modules()]
    written = LoraWriter(each_host, EAGER).attempt(FACT, REPLY, ASKED)
    assert isinstance(written.delta, LowRankDelta)
    assert written.failed == ()
    for question in ASKED:
        assert answer(each_host, question, Patch(written.delta.terms)) == REPLY
    assert [type(module) for module in each_host.model.modules()] == modules
    after = each_host.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(p.requires_grad or p.grad is not None for p in each_host.model.parameters())


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


def test_it_changes_what_the_memory_encoder_changes(host: Host) -> None:
    delta = LoraWriter(host, LoraConfig(rank=3, steps=1)).write(REPLY, ASKED)
    layers = MnemeConfig.for_model(host.model.config).layers
    assert [term.layer for term in delta.terms] == list(layers)
    assert {(*term.a.shape, *term.b.shape) for term in delta.terms} == {(32, 3, 64, 3)}


def test_it_is_the_same_twice_and_draws_nothing_from_the_global_generator(host: Host) -> None:
    state = torch.random.get_rng_state()
    one, other = (LoraWriter(host, LoraConfig(steps=2)).write(REPLY, ASKED) for _ in range(2))
    for mine, ours in zip(one.terms, other.terms, strict=True):
        assert torch.equal(mine.a, ours.a)
        assert torch.equal(mine.b, ours.b)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_was_not_learned_is_reported(host: Host) -> None:
    assert LoraWriter(host, LoraConfig(steps=1)).attempt(FACT, REPLY, ASKED).failed == tuple(ASKED)


def test_without_peft(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match="export"):
        LoraWriter(host).attempt(FACT, REPLY, ASKED)
