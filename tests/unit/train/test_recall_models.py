"""Models that are compared have as many parameters, the same attention, and seeds of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.train.recall_models import KINDS, WITH_MEMORY, RecallSizes, answers, new_model, said
from memgraft.train.recall_models import parameters as count

SIZES = RecallSizes(width=8, memory_width=8, mlp_width=4, parameters=4000)
VOCABULARY = 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [SIZES, RecallSizes()])
def test_all_kinds_have_as_many_parameters(kind: str, sizes: RecallSizes) -> None:
    model = new_model(kind, VOCABULARY, sizes, 0)
    unit = 3 * sizes.width * sizes.layers
    assert sizes.parameters - unit < count(model) <= sizes.parameters
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_beyond_the_reach_counts_only_with_a_memory_or_full_attention(kind: str) -> None:
    model = new_model(kind, VOCABULARY, SIZES, 0).eval()
    if kind in WITH_MEMORY:
        for branch in model.branches().values():
            torch.nn.init.normal_(branch.gate.out.weight)
            if kind == "mlp":
                torch.nn.init.normal_(branch.memory.second)
    ids = torch.randint(1, VOCABULARY, (1, 24), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[0, 2] = changed[0, 2] % (VOCABULARY - 1) + 1
    with torch.no_grad():
        moved = (model(ids).logits - model(changed).logits).abs().amax(dim=-1)[0]
    near, far = 2 + SIZES.reach, slice(3 + SIZES.reach, None)
    assert moved[:2].max() == 0
    assert moved[near] > 0
    assert bool(moved[far].max() > 1e-6) == (kind != "window")


def test_the_seed_decides_the_weights() -> None:
    for kind in KINDS:
        one, again, other = (new_model(kind, VOCABULARY, SIZES, s).state_dict() for s in (1, 1, 2))
        assert all(torch.equal(one[name], again[name]) for name in one)
        name = "model.layers.0.self_attn.q_proj.weight"
        assert not torch.equal(one[name], other[name])


def test_it_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    new_model("linear", VOCABULARY, SIZES, 3)
    assert torch.equal(before, torch.get_rng_state())


def test_answers_are_those_of_the_whole_model() -> None:
    model = new_model("linear", VOCABULARY, SIZES, 0).eval()
    ids = torch.randint(1, VOCABULARY, (2, 9), generator=torch.Generator().manual_seed(1))
    labels = torch.full_like(ids, -100)
    labels[0, 3], labels[1, 8] = 5, 7
    logits, due = answers(model, ids, labels, -100)
    full = model(ids).logits
    torch.testing.assert_close(logits, torch.stack([full[0, 3], full[1, 8]]))
    assert due.tolist() == [5, 7]


def test_what_is_met_on_the_way_the_model_says_itself() -> None:
    """Against decoding token by token, with inputs that tell lies in its place."""
    model = new_model("full", VOCABULARY, SIZES, 0).eval()
    ids = torch.randint(1, VOCABULARY, (5, 12), generator=torch.Generator().manual_seed(1))
    labels = torch.full_like(ids, -100)
    labels[:, 4:7], labels[:, 9:11] = 1, 2
    decoded = ids.clone()
    for place in (4, 5, 9):
        decoded[:, place + 1] = model(decoded).logits[:, place].argmax(-1)
    assert not torch.equal(decoded, ids)
    told = model(decoded).logits[:, [6, 10]].argmax(-1)
    spoken, due = said(model, ids, labels, -100)
    assert torch.equal(spoken, told.flatten())
    assert due.tolist() == [1, 2] * 5


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(InvalidInput, match="linear, mlp, window, full"):
        new_model("quadratic", VOCABULARY, SIZES, 0)
    with pytest.raises(InvalidInput, match="at least") as error:
        new_model("linear", VOCABULARY, replace(SIZES, parameters=1000), 0)
    least = int(str(error.value.expected).split()[2])
    assert count(new_model("linear", VOCABULARY, replace(SIZES, parameters=least), 0)) == least
