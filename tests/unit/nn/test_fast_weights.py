"""What holds for both fast-weight memories: equal to the token loop, causal, exact about pads."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from memories import KINDS, Problem, gradients, problem, same

from memgraft.core.errors import InvalidInput
from memgraft.nn.fast_weights import Carry, Gates
from memgraft.nn.mlp_memory import MlpState

both = pytest.mark.parametrize("kind", KINDS)
sizes = pytest.mark.parametrize("size", [1, 3, 16, 64])

PADS = {
    "none": torch.ones(2, 37, dtype=torch.bool),
    "left": torch.arange(37) >= torch.tensor([[5], [20]]),
    "right": torch.arange(37) < torch.tensor([[37], [18]]),
    "between": torch.arange(37) % torch.tensor([[3], [2]]) > 0,
    "a whole row": torch.tensor([[True], [False]]).expand(2, 37),
}


def padded(made: Problem, pads: str) -> Problem:
    return replace(made, mask=None if pads == "none" else PADS[pads])


@both
@sizes
@pytest.mark.parametrize("pads", PADS)
def test_it_equals_its_oracle_in_values_state_and_gradients(
    kind: str, size: int, pads: str
) -> None:
    made = padded(problem(kind), pads)
    fast, slow = made.run(made.kind.fast, size), made.run(made.kind.oracle, size)
    same(made.results(fast), made.results(slow))
    same([fast.surprise], [slow.surprise])
    same(gradients(made, fast), gradients(made, slow))


@both
@sizes
def test_a_threshold_silences_the_same_tokens(kind: str, size: int) -> None:
    made = padded(problem(kind), "between")
    found = made.run(made.kind.oracle, size).surprise.flatten().sort().values
    middle = float(found[80:82].mean())  # between two of them, so that rounding has no say
    fast = made.run(made.kind.fast, size, threshold=middle)
    slow = made.run(made.kind.oracle, size, threshold=middle)
    same(made.results(fast), made.results(slow))
    same(gradients(made, fast), gradients(made, slow))
    everything = made.run(made.kind.fast, size)
    assert not torch.allclose(everything.output, fast.output)


@both
def test_above_every_error_nothing_is_written(kind: str) -> None:
    made = problem(kind)
    quiet = replace(
        made, leaves=(*made.leaves[:3], torch.zeros_like(made.leaves[3]), *made.leaves[4:])
    )
    same(
        made.results(made.run(made.kind.fast, threshold=1e6)),
        quiet.results(quiet.run(quiet.kind.fast)),
    )


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    tokens=st.integers(1, 40),
    widths=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    size=st.integers(1, 50),
    data=st.data(),
)
def test_any_shape_equals_the_oracle(
    kind: str,
    batch: int,
    heads: int,
    tokens: int,
    widths: tuple[int, int],
    size: int,
    data: st.DataObject,
) -> None:
    made = problem(kind, batch, heads, tokens, *widths, seed=tokens)
    rows = st.lists(st.booleans(), min_size=tokens, max_size=tokens)
    mask = torch.tensor([data.draw(rows) for _ in range(batch)])
    filled = torch.tensor([data.draw(st.integers(0, size - 1)) for _ in range(batch)])
    made = replace(made, mask=mask, filled=filled)
    fast, slow = made.run(made.kind.fast, size), made.run(made.kind.oracle, size)
    same(made.results(fast), made.results(slow), 1e-9)


@both
@pytest.mark.parametrize("pads", ["none", "left", "between"])
@pytest.mark.parametrize("cuts", [[1], [16], [5, 21], [36], list(range(1, 37))], ids=str)
def test_cut_anywhere_the_stream_is_the_same(kind: str, pads: str, cuts: list[int]) -> None:
    made = padded(problem(kind), pads)
    whole = made.run(made.kind.fast)
    stage, outputs = made, []
    for begin, end in zip([0, *cuts], [*cuts, 37], strict=True):
        part = made.part(slice(begin, end))
        piece = replace(part, leaves=part.leaves[:6] + stage.leaves[6:], filled=stage.filled)
        read = piece.run(piece.kind.fast)
        outputs.append(read.output)
        stage = stage.after(read)
    same([torch.cat(outputs, dim=2)], [whole.output])
    same(list(stage.leaves[6:]), made.results(whole)[1:])


@both
@pytest.mark.parametrize("pads", ["left", "right", "between"])
def test_pads_might_as_well_not_be_there(kind: str, pads: str) -> None:
    made = padded(problem(kind), pads)
    read = made.run(made.kind.fast)
    assert made.mask is not None
    for row in range(2):
        kept = made.mask[row].nonzero()[:, 0]
        alone = replace(
            made,
            leaves=tuple(leaf[row : row + 1, :, kept] for leaf in made.leaves[:6])
            + tuple(part[row : row + 1] for part in made.leaves[6:]),
            filled=made.filled[:1],
            mask=None,
        )
        expected = alone.run(alone.kind.fast)
        same([read.output[row : row + 1, :, kept]], [expected.output])
        same([part[row : row + 1] for part in made.results(read)[1:]], alone.results(expected)[1:])


@both
def test_what_pads_contain_does_not_matter(kind: str) -> None:
    made = padded(problem(kind), "between")
    assert made.mask is not None
    wild = [
        torch.where(
            made.mask[:, None, :, None] if leaf.dim() == 4 else made.mask[:, None], leaf, 0.9
        )
        for leaf in made.leaves[:6]
    ]
    other = replace(made, leaves=(*wild, *made.leaves[6:]))
    one, two = made.run(made.kind.fast), other.run(other.kind.fast)
    same(made.results(one)[1:], other.results(two)[1:])
    real = made.mask[:, None, :, None]
    same([one.output * real], [two.output * real])


@both
@pytest.mark.parametrize("which", range(6))
def test_a_token_changes_nothing_before_it(kind: str, which: int) -> None:
    made = problem(kind)
    grown = made.leaves[which].detach().clone()
    grown[:, :, 19] = grown[:, :, 19] * 0.5 + 0.1
    other = replace(made, leaves=(*made.leaves[:which], grown, *made.leaves[which + 1 :]))
    one, two = made.run(made.kind.fast).output, other.run(other.kind.fast).output
    assert torch.equal(one[:, :, :19], two[:, :, :19])
    assert not torch.equal(one[:, :, 19], two[:, :, 19])


@both
def test_gradients_go_back_only(kind: str) -> None:
    made = problem(kind, edges=False)
    read = made.run(made.kind.fast)
    keys = torch.autograd.grad(read.output[:, :, 19].sum(), made.leaves[1])[0]
    assert keys[:, :, 20:].abs().max() == 0
    assert keys[:, :, :20].abs().amax(dim=(0, 1, 3)).min() > 0  # its own write is read too


@both
def test_rows_and_heads_know_nothing_of_each_other(kind: str) -> None:
    made = problem(kind)
    changed = [leaf.detach().clone() for leaf in made.leaves]
    for leaf in changed:
        leaf[0, 1] *= 0.5
    one, two = made.run(made.kind.fast), replace(made, leaves=tuple(changed)).run(made.kind.fast)
    for a, b in zip(made.results(one), made.results(two), strict=True):
        assert torch.equal(a[1], b[1])
        assert torch.equal(a[0, 0], b[0, 0])
        assert not torch.equal(a[0, 1], b[0, 1])


@both
def test_gradients_by_finite_differences(kind: str) -> None:
    made = problem(kind, batch=1, heads=1, tokens=5, d_k=2, d_v=2, edges=False)
    mask = torch.tensor([[True, True, False, True, True]])

    def results(*leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
        moved = replace(made, leaves=leaves, mask=mask)
        return tuple(moved.results(moved.run(made.kind.fast, 3)))

    assert torch.autograd.gradcheck(results, made.leaves)


@both
@pytest.mark.parametrize("eta", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("repeated", [True, False])
def test_it_stays_finite_in_single_precision(kind: str, eta: float, repeated: bool) -> None:
    """4,096 tokens of one key or of many with the largest θ, and gradients back to the first."""
    noise = torch.Generator().manual_seed(0)
    keys = torch.nn.functional.normalize(torch.randn(1, 1, 4096, 16, generator=noise), dim=-1)
    if repeated:
        keys = keys[:, :, :1].expand_as(keys)
    values = torch.randn(1, 1, 4096, 16, generator=noise)
    gates = Gates(*(torch.full((1, 1, 4096), gate) for gate in (1 - eta, eta, 0.0)))
    if kind == "linear":
        state = KINDS[kind].state.empty((1, 1, 16, 16))
    else:
        first = torch.randn(1, 1, 16, 32, generator=noise)
        state = MlpState.empty(first, torch.zeros(1, 1, 32, 16))
    values.requires_grad_()
    read = KINDS[kind].fast(keys, keys, values, gates, state)
    assert read.output.isfinite().all()
    assert read.output.abs().max() < 1e3
    (gradient,) = torch.autograd.grad(read.output.square().mean(), values)
    assert gradient.isfinite().all()


@both
def test_strong_decay_over_long_chunks_has_finite_gradients(kind: str) -> None:
    made = problem(kind, tokens=300)
    decay = torch.full_like(made.leaves[5], 0.999)
    decay[..., ::7] = 1.0
    momentum = torch.full_like(made.leaves[4], 1e-6)
    leaves = (*made.leaves[:4], momentum, decay, *made.leaves[6:])
    single = tuple(leaf.detach().float().requires_grad_() for leaf in leaves)
    double = tuple(leaf.detach().double().requires_grad_() for leaf in single)
    found = []
    for precise in (single, double):
        case = replace(made, leaves=precise)
        read = case.run(case.kind.fast, 256)
        found.append([*case.results(read), *gradients(case, read)])
    for one, other in zip(*found, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


@both
def test_half_precision_is_reckoned_in_single(kind: str) -> None:
    made = problem(kind)
    half = replace(made, leaves=tuple(leaf.detach().bfloat16() for leaf in made.leaves))
    exact = replace(half, leaves=tuple(leaf.double() for leaf in half.leaves))
    one, two = half.run(half.kind.fast), exact.run(exact.kind.fast)
    assert one.output.dtype == torch.float32
    same([one.output.double()], [two.output], 1e-4)


@both
def test_nothing_to_read_changes_nothing(kind: str) -> None:
    made = problem(kind).part(slice(0, 0))
    read = made.run(made.kind.fast)
    assert read.output.shape == (2, 2, 0, 3)
    same(made.results(read)[1:], list(made.leaves[6:]))


@both
@pytest.mark.parametrize("wrong", ["values", "gate", "state", "mask", "chunk_size"])
def test_what_does_not_fit_is_refused(kind: str, wrong: str) -> None:
    made = problem(kind)
    leaves = list(made.leaves)
    if wrong == "values":
        leaves[2] = leaves[2][:, :, :-1]
    if wrong == "gate":
        leaves[4] = leaves[4][:, :1]
    if wrong == "state":
        leaves[6] = leaves[6][:1]
    mask = torch.ones(2, 5) if wrong == "mask" else None
    with pytest.raises(InvalidInput):
        replace(made, leaves=tuple(leaves), mask=mask).run(
            made.kind.fast, 0 if wrong == "chunk_size" else 16
        )


def test_coefficients_of_known_numbers() -> None:
    gates = Gates(torch.ones(2), torch.tensor([0.5, 0.25]), torch.tensor([0.2, 0.6]))
    carry = Carry.of(gates, torch.ones(2))
    torch.testing.assert_close(carry.start, torch.tensor([1.0, 0.8, 0.32]))
    # After two tokens: f = .4 · .5 + .125 of S₀, .4 + .25 of the first write, the second as it is.
    torch.testing.assert_close(carry.memory[2], torch.tensor([0.325, 0.65, 1.0]))
    torch.testing.assert_close(carry.momentum[2], torch.tensor([0.125, 0.25, 1.0]))


def test_coefficients_leave_no_numbers_that_slow_a_processor() -> None:
    gates = Gates(torch.ones(64), torch.full((64,), 0.05), torch.full((64,), 0.5))
    carry = Carry.of(gates, torch.ones(64))
    exact = Carry.of(gates.to(torch.float64), torch.ones(64))
    for part, expected in zip(carry, exact, strict=True):
        assert (part[part != 0].abs() >= torch.finfo(torch.float32).tiny).all()
        torch.testing.assert_close(part.double(), expected, rtol=1e-5, atol=1e-29)
    assert exact.momentum[-1, 0] < 1e-80, "which float32 does not have"
