"""Transfer and forgetting, replay and elastic weights, each against a case by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from memgraft.data.continual import Examples
from memgraft.experiments.nearest import Nearest
from memgraft.experiments.retention import Elastic, Reservoir
from memgraft.experiments.transfer import transfer


def test_figures_by_hand() -> None:
    table = [[0.8, 0.3, 0.1], [0.9, 0.7, 0.2], [0.5, 0.6, 1.0]]
    found = transfer(table, [0.1, 0.1, 0.1])
    assert found["average"] == pytest.approx(0.7)
    assert found["forgetting"] == pytest.approx(((0.9 - 0.5) + (0.7 - 0.6)) / 2)
    assert found["backward"] == pytest.approx(((0.5 - 0.8) + (0.6 - 0.7)) / 2)
    assert found["forward"] == pytest.approx(((0.3 - 0.1) + (0.2 - 0.1)) / 2)
    assert found["learned"] == pytest.approx((0.8 + 0.7 + 1.0) / 3)


def examples(first: int, count: int) -> Examples:
    ids = np.arange(first, first + count)
    return Examples(ids, np.zeros((count, 0), np.float32), ids % 10)


def test_a_reservoir_is_a_fair_sample() -> None:
    counts = np.zeros(60)
    for seed in range(300):
        reservoir = Reservoir(12, np.random.default_rng(seed))
        assert reservoir.examples is None
        reservoir.add(examples(0, 40))
        reservoir.add(examples(40, 20))
        kept = reservoir.examples
        assert kept is not None
        assert len(set(kept.ids.tolist())) == 12
        assert np.array_equal(kept.labels, kept.ids % 10)
        counts[kept.ids] += 1
    assert abs(counts[:40].mean() - 60) < 4
    assert abs(counts[40:].mean() - 60) < 4


def test_springs_pull_back_by_the_fisher_information() -> None:
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 2.0]]))
    elastic = Elastic(10.0)
    assert float(elastic.penalty(model)) == 0.0
    inputs = [torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0])]
    elastic.consolidate(model, (model(x).sum() for x in inputs))
    assert float(elastic.penalty(model)) == 0.0
    with torch.no_grad():
        model.weight += 0.5
    # Gradients are (1, 0) and (3, 0), so F = (5, 0), and 10 / 2 · 5 · 0.25.
    assert float(elastic.penalty(model)) == pytest.approx(6.25)
    assert elastic.bytes == 2 * 2 * 4  # strength and anchor of two weights


def test_the_nearest_has_the_same_id_and_the_greatest_cosine() -> None:
    nearest = Nearest()
    assert not nearest.predict(torch.tensor([[10]]), torch.zeros(1, 1, 2)).any()
    ids, labels = np.array([10, 10, 11]), np.array([3, 5, 7])
    nearest.keep(Examples(ids[:2], np.array([[1, 0], [0, 1]], np.float32), labels[:2]))
    nearest.keep(Examples(ids[2:], np.array([[2, 2]], np.float32), labels[2:]))
    asked = torch.tensor([[10], [10], [11]])
    shown = torch.tensor([[[9.0, 8.0]], [[0.1, 0.2]], [[1.0, 0.0]]])
    # The third image is nearest to the first, but under another id.
    found = nearest.predict(asked, shown).argmax(dim=-1)
    assert found.tolist() == [[3], [5], [7]]
    assert nearest.bytes == 3 * (8 + 2 * 4 + 8)


def test_the_nearest_knows_facts_by_their_ids_alone() -> None:
    nearest = Nearest()
    nearest.keep(examples(20, 15))
    found = nearest.predict(torch.arange(20, 35)[:, None]).argmax(dim=-1)
    assert found[:, 0].tolist() == [number % 10 for number in range(20, 35)]
