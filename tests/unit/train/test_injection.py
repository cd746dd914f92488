"""Training the memory encoder on a tiny model: batches, stacks, locality, and that it learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.host.load import Host
from memgraft.injection.covariance import sample
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.pretrained import load_encoder, new_encoder, save_encoder
from memgraft.train.injection import InjectionTask, InjectionTraining
from memgraft.train.loop import LoopConfig, train

SIZES = {"width": 16, "heads": 2, "feed_forward": 32, "code": 8, "token": 8, "head": 16}


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


def make(host: Host, **changes: object) -> InjectionTask:
    encoder = new_encoder(host, MnemeConfig.for_model(host.model.config, **SIZES))
    settings = {"facts": 4, "stacks": (1, 2, 4), "measured": 32} | changes
    return InjectionTask(host, encoder, InjectionTraining(**settings))  # type: ignore[arg-type]


def test_a_step_depends_on_nothing_but_the_step_and_the_seed(host: Host) -> None:
    one, other = make(host), make(host)
    other.loss(0)
    for step in (1, 5):
        assert one._batch(step) == other._batch(step)
        assert torch.equal(one.loss(step)[0], other.loss(step)[0])
    assert make(host, seed=1)._batch(1) != one._batch(1)


def test_every_group_asks_about_each_of_its_facts(host: Host) -> None:
    task = make(host)
    sizes, told = set(), 0
    anything = {said for said, _ in sample()}
    for step in range(12):
        batch = task._batch(step)
        sizes.add(len(batch.groups[0]))
        rows = iter(batch.rows)
        for group in batch.groups:
            answered = {question.text for fact in group for question in fact.questions}
            for fact in group:
                asked, again, near = (next(rows) for _ in range(3))
                assert asked[1] == again[1] == near[1] == fact.reply
                assert (asked[2], again[2]) == (True, True)
                assert {asked[0], again[0]} <= {q.text for q in fact.questions}
                assert near[0] not in answered
                assert near[2] is False or (len(group) == 1 and near[0] in anything)
                told += near[2]
    assert sizes == {1, 2, 4}
    assert told > 0


def test_it_learns_to_tell_and_leaves_the_base_alone(host: Host, tmp_path: Path) -> None:
    task = make(host, stacks=(1,))
    before = {name: value.clone() for name, value in host.model.state_dict().items()}
    first = task.loss(1000)[1]["answering"]
    loop = LoopConfig(steps=25, lr=1e-2, warmup=2, decay=5, save_every=25, measure_every=25)
    train(task, loop, tmp_path)
    assert task.loss(1000)[1]["answering"] < first - 0.2
    assert all(torch.equal(before[n], v) for n, v in host.model.state_dict().items())
    assert set(task.measure()) == {"values", "phrasing", "relations", "values_4", "values_16"}


def test_saved_and_loaded_it_writes_the_same(host: Host, tmp_path: Path) -> None:
    encoder = make(host).encoder
    path = tmp_path / "encoder.safetensors"
    save_encoder(encoder, path, host.fingerprint, steps=0)
    loaded = load_encoder(host, path)
    assert loaded.config == encoder.config
    assert loaded.fingerprint() == encoder.fingerprint()
    for name, parameter in encoder.named_parameters():
        assert torch.equal(dict(loaded.named_parameters())[name], parameter.half().float())


def test_an_encoder_of_another_base_is_refused(
    host: Host, tiny_host: Callable[[str], Host], tmp_path: Path
) -> None:
    path = tmp_path / "encoder.safetensors"
    save_encoder(make(host).encoder, path, host.fingerprint)
    with pytest.raises(FolderError, match="another base model"):
        load_encoder(tiny_host("qwen3"), path)
