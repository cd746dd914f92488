"""The grid's samples: those of one seed are the same ones, and training has none of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from memgraft.data.code_retrieval import CodeRetrievalConfig
from memgraft.data.dependency import DependencyConfig
from memgraft.data.hash_hop import HashHopConfig
from memgraft.data.needle import NeedleConfig
from memgraft.evals.mag_tasks import MAKERS, GridTask

TinyHost = Callable[[str], Any]
CONFIGS = [
    NeedleConfig(tokens=600),
    HashHopConfig(tokens=600),
    DependencyConfig(tokens=600),
    CodeRetrievalConfig(tokens=900),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: MAKERS[type(config)][0])
def test_no_sample_is_a_training_sample(config: Any, tiny_host: TinyHost) -> None:
    tokenizer = tiny_host("llama").tokenizer
    drawn = GridTask(config, 3).samples(tokenizer, config.tokens, None, 4)
    _, make = MAKERS[type(config)]
    trained = list(islice(make(config, tokenizer, 3), 4))
    assert not {one.input for one in drawn} & {one.input for one in trained}
    assert not {one.target for one in drawn} & {one.target for one in trained}
    assert [one.metadata["seed"] for one in drawn] == [3] * 4
    assert [one.metadata["index"] for one in drawn] == [0, 1, 2, 3]


def test_a_seed_gives_the_same_samples(tiny_host: TinyHost) -> None:
    tokenizer = tiny_host("llama").tokenizer

    def drawn(seed: int) -> list[Any]:
        return GridTask(HashHopConfig(), seed).samples(tokenizer, 600, 0.5, 2)

    assert drawn(0) == drawn(0)
    assert drawn(0)[0].input != drawn(1)[0].input
