"""A mixed batch gives each row what it would get alone."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import layers, mlp_out
from memgraft.host.batch import attach_rows, generate_batch
from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig, Session

SAID = ["What is my name?", "Where?", "Tell me where I work and since when, please.", "Hello"]


def patches(host: Host) -> list[Patch]:
    """No memory, one fact in one layer, one in two layers, two facts in one layer."""
    noise = torch.Generator().manual_seed(3)
    d_model = host.model.config.hidden_size
    d_inner = mlp_out(host.model, 0).weight.numel() // d_model
    last = len(layers(host.model)) - 1

    def term(layer: int, rank: int) -> LowRankTerm:
        a = 0.2 * torch.randn(d_model, rank, generator=noise)
        return LowRankTerm(layer, a, torch.randn(d_inner, rank, generator=noise))

    return [
        Patch(),
        Patch((term(1, 2),)),
        Patch((term(1, 3), term(last, 1))),
        Patch((term(last, 2), term(last, 4))),
    ]


def test_each_row_is_what_its_own_session_says(tiny_hosts: dict[str, Host]) -> None:
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        prompts = [host.prompt([{"role": "user", "content": said}]) for said in SAID]
        together = generate_batch(host, prompts, patches(host), max_new_tokens=12)
        for prompt, patch, reply in zip(prompts, patches(host), together, strict=True):
            session = Session(host, GenerationConfig(max_new_tokens=12))
            tokens = list(session.tokens(host.encode(prompt), patch))
            assert reply == host.tokenizer.decode(tokens, skip_special_tokens=True), kind


def test_afterwards_the_model_is_bare(tiny_hosts: dict[str, Host]) -> None:
    host = tiny_hosts["llama"]
    ids = torch.tensor([[4, 8, 15], [16, 23, 42]])
    bare = host.model(input_ids=ids).logits
    with attach_rows(host.model, patches(host)[:2]):
        inside = host.model(input_ids=ids).logits
    assert torch.equal(inside[0], bare[0])
    assert torch.equal(inside[1, :-1], bare[1, :-1])
    assert not torch.equal(inside[1, -1], bare[1, -1])
    assert torch.equal(host.model(input_ids=ids).logits, bare)


def test_a_batch_without_memories_is_untouched(tiny_hosts: dict[str, Host]) -> None:
    host = tiny_hosts["llama"]
    ids = torch.tensor([[4, 8, 15]])
    with attach_rows(host.model, [Patch()]):
        assert torch.equal(host.model(input_ids=ids).logits, host.model(input_ids=ids).logits)
