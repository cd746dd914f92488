"""MQAR and forgetting MQAR: provable from the ids alone, with gaps by a power law."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.checker import check
from memgraft.data.mqar import IGNORED, MQARConfig, mqar, sequences


@pytest.mark.parametrize("updates", [0, 1, 5, 20])
def test_every_sample_is_answerable(updates: int) -> None:
    """2,400 in all."""
    for seed in range(4):
        for filler, depths in ((0, ()), (50, (0.0, 0.5, 1.0)), (51, (1.0,))):
            config = MQARConfig(
                tokens=160 + seed, pairs=8, updates=updates, filler=filler, vocabulary=128,
                noise=5, depths=depths, queries=8 - seed,
            )  # fmt: skip
            for sample in islice(mqar(config, seed), 50):
                check(sample)
                assert len(sample.input) == config.tokens
                assert sample.metadata["task"] == ("forgetting_mqar" if updates else "mqar")
                assert sum(label != IGNORED for label in sample.target) == config.asked


def test_the_latest_value_is_due() -> None:
    """By a reader of its own: the last write of a key before its query."""
    config = MQARConfig(tokens=60, pairs=4, updates=9, vocabulary=64, noise=4)
    overwritten = 0
    for sample in islice(mqar(config, 2), 100):
        ids, labels = list(sample.input), list(sample.target)
        for place, label in enumerate(labels):
            if label != IGNORED:
                writes = [
                    ids[i + 1]
                    for i in range(place)
                    if ids[i] == ids[place] and 30 <= ids[i + 1] < 59
                ]
                assert writes[-1] == label
                overwritten += len(set(writes)) > 1
    assert overwritten > 200


def test_the_same_seed_gives_the_same_samples() -> None:
    config = MQARConfig(updates=3, filler=20)
    one, again, other = (list(islice(mqar(config, seed), 10)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert list(islice(mqar(config, 1, start=7), 3)) == one[7:]
    for (inputs, labels), sample in zip(sequences(config, 1), one, strict=False):
        assert inputs.dtype == labels.dtype == np.int64 and inputs.shape == (config.tokens,)
        assert inputs.tolist() == sample.input and labels.tolist() == sample.target


def test_queries_keep_their_distance() -> None:
    config = MQARConfig(tokens=400, pairs=4, filler=300)
    for sample in islice(mqar(config), 30):
        assert min(sample.metadata["distances"]) >= 300
    near = MQARConfig(tokens=400, pairs=4, filler=300, depths=(1.0,))
    for sample in islice(mqar(near), 30):
        ids = list(sample.input)
        assert all(token > 2 * near.keys for token in ids[:300])
        assert min(sample.metadata["distances"]) < 100


def test_gaps_follow_the_power_law() -> None:
    """The first query's place against its exact probabilities, and uniform against skewed."""

    def places(power: float) -> Any:
        config = MQARConfig(tokens=102, pairs=1, power=power, vocabulary=64, noise=4)
        labels = np.array([s.target for s in islice(mqar(config), 4000)])
        return (np.nonzero(labels != IGNORED)[1] - 2) // 2

    skewed, flat = places(0.01), places(1.0)
    weights = np.arange(1, 51) ** -0.99
    weights /= weights.sum()
    for gap in (0, 1, 5):
        assert abs((skewed == gap).mean() - weights[gap]) < 4 * np.sqrt(weights[gap] / 4000)
    assert abs(flat.mean() - 24.5) < 1.0
    assert skewed.mean() < 14


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"tokens": 31}, "at least 33 tokens"),
        ({"pairs": 0}, "pairs"),
        ({"updates": -1}, "updates"),
        ({"queries": 9}, "1 to 8"),
        ({"queries": 0}, "1 to 8"),
        ({"vocabulary": 80}, "at least 81"),
        ({"noise": 0}, "noise"),
        ({"filler": -1}, "filler"),
        ({"depths": (-0.1,)}, "depth"),
    ],
    ids=str,
)
def test_settings_that_cannot_be(bad: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        MQARConfig(**bad)


def test_the_least_that_can_be() -> None:
    check(next(mqar(MQARConfig(tokens=32, vocabulary=81))))
