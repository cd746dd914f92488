"""Training the prototype's hypernetwork on a tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memgraft.host.load import Host
from memgraft.injection.peers.seed import SeedConfig, new_seed
from memgraft.train.injection import InjectionTraining
from memgraft.train.loop import LoopConfig, train
from memgraft.train.seed import SeedTask

SIZES = {"rank": 2, "embedding": 8, "width": 12, "heads": 2, "feed_forward": 16, "head": 4}


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


def make(host: Host, *stacks: int) -> SeedTask:
    encoder = new_seed(SeedConfig.for_model(host.model.config, **SIZES))
    return SeedTask(host, encoder, InjectionTraining(facts=4, stacks=stacks, measured=32))


def test_steps_lower_the_loss_and_leave_the_base_alone(host: Host, tmp_path: Path) -> None:
    task = make(host, 1, 2)
    before = {name: value.clone() for name, value in host.model.state_dict().items()}
    first = task.loss(1000)[1]["answering"]
    loop = LoopConfig(steps=20, lr=1e-2, warmup=2, decay=5, save_every=20, measure_every=20)
    train(task, loop, tmp_path)
    assert task.loss(1000)[1]["answering"] < first - 0.2
    assert all(torch.equal(before[n], v) for n, v in host.model.state_dict().items())


def test_facts_that_are_awake_together_add_up(host: Host) -> None:
    task = make(host, 2)
    for head in task.encoder.heads.values():
        torch.nn.init.normal_(head.a.weight, std=0.1)
    groups = task._batch(0).groups
    together = task.terms(groups)
    alone = task.terms([[fact] for group in groups for fact in group])
    for layer, (a, b) in together.items():
        one, other = alone[layer]
        change = a @ b.transpose(1, 2)
        parts = (one @ other.transpose(1, 2)).unflatten(0, (len(groups), -1))
        assert torch.allclose(change, parts.sum(dim=1), atol=1e-5)
