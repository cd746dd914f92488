"""Baselines have as many parameters, and see what they may."""

from __future__ import annotations

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.memnet.baselines import KINDS, baseline, count

from .small import CONFIG, ids, net

PARAMETERS = count(net())


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_as_many_parameters_as_a_memnet(kind: str) -> None:
    assert abs(count(baseline(kind, CONFIG, PARAMETERS)) / PARAMETERS - 1) < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_causal_and_goes_by_its_seed(kind: str) -> None:
    model, read = baseline(kind, CONFIG, PARAMETERS, seed=1), ids()
    before = model(read)
    assert torch.equal(before, baseline(kind, CONFIG, PARAMETERS, seed=1)(read))
    assert not torch.equal(before, baseline(kind, CONFIG, PARAMETERS, seed=2)(read))
    changed = read.clone()
    changed[:, 9] = (changed[:, 9] + 1) % CONFIG.vocabulary
    after = model(changed)
    assert torch.allclose(after[:, :9], before[:, :9], atol=1e-6)
    assert not torch.allclose(after[:, 9], before[:, 9])


def test_the_window_bounds_what_is_seen_layer_by_layer() -> None:
    model, read = baseline("transformer-window", CONFIG, PARAMETERS), ids(1, 32)
    changed = read.clone()
    changed[:, 0] = (changed[:, 0] + 1) % CONFIG.vocabulary
    reach = (CONFIG.layers + 1) * (CONFIG.window - 1)
    difference = (model(read) - model(changed)).abs().sum(dim=-1)[0]
    assert bool((difference[reach + 1 :] < 1e-5).all())
    full = baseline("transformer-full", CONFIG, PARAMETERS)
    assert float((full(read) - full(changed)).abs()[0, -1].sum()) > 1e-5


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no baseline"):
        baseline("mamba", CONFIG, PARAMETERS)
    with pytest.raises(InvalidInput, match="more parameters"):
        baseline("lstm", CONFIG, 10)
