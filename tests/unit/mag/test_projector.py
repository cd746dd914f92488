"""Queries with and without what the layer below found."""

from __future__ import annotations

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig
from memgraft.mag.projector import QueryProjector

SMALL = {"memory_heads": 2, "memory_head_dim": 3}


@pytest.mark.parametrize("combine", ["concat", "add", "gate"])
def test_it_refines_its_query(combine: str) -> None:
    torch.manual_seed(0)
    projector = QueryProjector(5, MagConfig(**SMALL, query_combine=combine), refined=True)
    hidden, previous = torch.randn(2, 4, 5), torch.randn(2, 4, 6, requires_grad=True)
    plain = hidden @ projector.project.weight.T
    torch.testing.assert_close(projector(hidden), plain)
    torch.testing.assert_close(projector(hidden, 0 * previous), plain)
    refined = projector(hidden, previous)
    change = {
        "concat": lambda: previous @ projector.refine.weight.T,
        "add": lambda: projector.scale * previous,
        "gate": lambda: (
            torch.sigmoid(projector.choose(hidden)) * (previous @ projector.refine.weight.T)
        ),
    }[combine]()
    torch.testing.assert_close(refined, plain + change)
    refined.square().sum().backward()
    assert previous.grad.abs().min() > 0
    assert all(p.grad.abs().max() > 0 for p in projector.parameters())


def test_the_first_layer_has_no_weights_for_what_is_not_there() -> None:
    projector = QueryProjector(5, MagConfig(**SMALL))
    assert [name for name, _ in projector.named_parameters()] == ["project.weight"]
    hidden = torch.randn(1, 2, 5)
    assert torch.equal(projector(hidden, torch.ones(1, 2, 6)), projector(hidden))


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(InvalidInput, match="query_combine"):
        MagConfig(query_combine="multiply")
