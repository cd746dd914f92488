"""A patch changes the model for the length of a block, and leaves nothing behind."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import mlp_out
from memgraft.host.attach import attach
from memgraft.host.load import Host

IDS = torch.tensor([[72, 105, 32, 116, 104, 101, 114, 101, 33, 10, 79, 107]])


def random_patch(dtype: torch.dtype = torch.float32) -> Patch:
    """Two terms in one layer and one in another, of different ranks and gains."""
    torch.manual_seed(0)

    def term(layer: int, rank: int, gain: float) -> LowRankTerm:
        a, b = 0.3 * torch.randn(32, rank), 0.3 * torch.randn(64, rank)
        return LowRankTerm(layer, a.to(dtype), b.to(dtype), gain)

    return Patch((term(1, 3, 1.0), term(2, 1, -0.37), term(1, 2, 0.613)))


@torch.no_grad()
def logits(host: Host) -> Tensor:
    return host.model(IDS).logits


@torch.no_grad()
def dense_logits(host: Host, patch: Patch) -> Tensor:
    """Logits of a copy whose projections hold W + Σ g A Bᵀ."""
    model = copy.deepcopy(host.model)
    for term in patch.terms:
        projection = mlp_out(model, term.layer)
        delta = term.gain * term.a.float() @ term.b.float().T
        # GPT-2's Conv1D keeps its weight the other way round.
        transposed = type(projection).__name__ == "Conv1D"
        projection.weight += delta.T if transposed else delta
    return model(IDS).logits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_equals_the_dense_sum(each_host: Host, dtype: torch.dtype) -> None:
    patch = random_patch(dtype)
    expected = dense_logits(each_host, patch)
    with attach(each_host.model, patch):
        attached = logits(each_host)
    assert (expected - logits(each_host)).abs().max() > 0.1
    torch.testing.assert_close(attached, expected, rtol=1e-5, atol=1e-5)


def test_nothing_is_left(each_host: Host) -> None:
    weights = {name: value.clone() for name, value in each_host.model.state_dict().items()}
    before = logits(each_host)
    with attach(each_host.model, random_patch()):
        inside = logits(each_host)
        assert all(torch.equal(weights[n], w) for n, w in each_host.model.state_dict().items())
    assert not torch.equal(inside, before)
    assert torch.equal(logits(each_host), before)
    assert all(torch.equal(weights[n], w) for n, w in each_host.model.state_dict().items())


def test_nothing_is_left_when_the_body_raises(each_host: Host) -> None:
    before = logits(each_host)
    with pytest.raises(ZeroDivisionError), attach(each_host.model, random_patch()):
        assert not torch.equal(logits(each_host), before)
        raise ZeroDivisionError
    assert torch.equal(logits(each_host), before)


def test_nothing_is_left_when_a_term_does_not_fit(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    before = logits(host)
    good = random_patch().terms
    absent = LowRankTerm(99, good[0].a, good[0].b)
    with pytest.raises(IndexError), attach(host.model, Patch((*good, absent))):
        pass
    assert torch.equal(logits(host), before)


def test_an_empty_patch_is_bit_identical(each_host: Host) -> None:
    before = logits(each_host)
    with attach(each_host.model, Patch()):
        assert torch.equal(logits(each_host), before)


def test_patches_nest(tiny_host: Callable[[str], Host]) -> None:
    host, patch = tiny_host("llama"), random_patch()
    one, rest = Patch(patch.terms[:1]), Patch(patch.terms[1:])
    with attach(host.model, one):
        alone = logits(host)
        with attach(host.model, rest):
            both = logits(host)
        assert torch.equal(logits(host), alone)
    torch.testing.assert_close(both, dense_logits(host, patch), rtol=1e-5, atol=1e-5)
