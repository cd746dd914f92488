"""The dense graph: the kernel is its oracle in values and gradients, and stays in bounds."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from memgraft.nn.adjacency import Plasticity, spread, stdp, stdp_oracle, strongest


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def rule(up: float = 0.3, down: float = 0.4, decay: float = 0.1) -> Plasticity:
    dials = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (up, down, decay))
    return Plasticity(*dials, persistence=0.5)


def graph(seed: int, slots: int) -> torch.Tensor:
    return drawn(seed, 2, slots, slots) * (1 - torch.eye(slots, dtype=torch.float64))


@given(st.integers(0, 1000), st.integers(2, 5), st.integers(1, 4))
def test_it_is_its_oracle_in_values_and_gradients(seed: int, slots: int, steps: int) -> None:
    def of(kernel):  # type: ignore[no-untyped-def]
        edges, trace = graph(seed, slots).requires_grad_(), drawn(seed + 1, 2, slots)
        activity = drawn(seed + 2, 2, steps, slots).requires_grad_()
        dials = rule()
        after, left = kernel(edges, trace, activity, dials)
        weights = graph(seed + 3, slots)
        inputs = (edges, activity, dials.potentiation, dials.depression, dials.decay)
        found = torch.autograd.grad((after * weights).sum(), inputs, allow_unused=True)
        return [after, left, *(torch.zeros(()) if g is None else g for g in found)]

    for fast, slow in zip(of(stdp), of(stdp_oracle), strict=True):
        assert torch.allclose(fast.double(), slow.double(), atol=1e-10)


def test_an_edge_grows_from_before_to_after_by_eta_pre_post_and_shrinks_back() -> None:
    eta = 1e-4
    activity = torch.zeros(1, 2, 3, dtype=torch.float64)
    activity[0, 0, 0], activity[0, 1, 1] = 0.5, 0.8
    edges = torch.full((1, 3, 3), 0.25, dtype=torch.float64)
    dials = rule(eta, eta, 0.0)
    after, _ = stdp(edges, torch.zeros(1, 3, dtype=torch.float64), activity, dials)
    assert abs(float(after[0, 0, 1] - 0.25) - 0.75 * eta * 0.5 * 0.8) < 1e-8
    assert abs(float(0.25 - after[0, 1, 0]) - 0.25 * eta * 0.5 * 0.8) < 1e-8
    assert float(after[0, 0, 2]) == 0.25


@given(st.integers(0, 1000), st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_edges_stay_between_0_and_1(seed: int, up: float, down: float) -> None:
    edges, trace = graph(seed, 4), drawn(seed, 2, 4)
    for step in range(20):
        edges, trace = stdp(edges, trace, drawn(step, 2, 3, 4), rule(up, down))
    assert bool(((edges >= 0) & (edges <= 1)).all())
    assert not bool(edges.diagonal(dim1=-2, dim2=-1).any())


def test_how_steps_are_cut_into_calls_changes_the_trace_not() -> None:
    activity, trace = drawn(0, 2, 6, 4), torch.zeros(2, 4, dtype=torch.float64)
    _, whole = stdp(graph(0, 4), trace, activity, rule())
    for part in activity.split(2, dim=1):
        _, trace = stdp(graph(0, 4), trace, part, rule())
    assert torch.allclose(whole, trace)


def test_the_strongest_edges_of_each_row_are_kept() -> None:
    edges = torch.tensor([[0.0, 0.9, 0.2, 0.5], [0.1, 0.0, 0.3, 0.2]])
    expected = [[0.0, 0.9, 0.0, 0.5], [0.0, 0.0, 0.3, 0.2]]
    assert torch.equal(strongest(edges, 2), torch.tensor(expected))
    assert torch.equal(strongest(edges, 9), edges)


def test_of_equal_edges_no_more_than_k_are_kept() -> None:
    edges = (0.5 * (1 - torch.eye(6))).requires_grad_()
    kept = strongest(edges, 2)
    assert (kept > 0).sum(dim=-1).tolist() == [2] * 6
    (gradient,) = torch.autograd.grad(kept.sum(), edges)
    assert torch.equal(gradient > 0, kept > 0)


def test_activation_spreads_one_hop_and_no_slot_gives_more_than_it_has() -> None:
    weights = torch.tensor([[1.0, 0.0, 0.0]])
    edges = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    after = spread(weights, edges, torch.tensor(0.4))
    assert torch.allclose(after, torch.tensor([[0.6, 0.2, 0.2]]))
    weak = spread(weights, 0.25 * edges, torch.tensor(0.4))
    assert torch.allclose(weak, torch.tensor([[0.6, 0.1, 0.1]]))
