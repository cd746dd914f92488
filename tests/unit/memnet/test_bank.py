"""Slots: where writes go, what reads find, and how slots age and merge."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from memgraft.memnet.bank import MultiHeadMemoryBank, Requests
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.policies import among, random, top_k, uniform
from memgraft.memnet.state import MemNetState
from memgraft.memnet.synthesizer import MemorySynthesizer, merge_targets, merged

CONFIG = MemNetConfig(
    window=4, slots=6, memory_heads=1, key_width=4, value_width=2, width=16, heads=2, top_k=2
)


def bank() -> MultiHeadMemoryBank:
    return MultiHeadMemoryBank(CONFIG)


def asked(keys: list[int], values: list[float], gate: float = 0.999) -> Requests:
    """Writes of unit keys with these values, read for by the same keys with top-k alone."""
    key = torch.eye(4)[keys][None, None]
    value = torch.tensor(values)[None, None, :, None].expand(1, 1, len(values), 2)
    mixture = torch.tensor([1.0, 0.0, 0.0]).expand(1, 1, len(keys), 3)
    erase = torch.full((1, 1, len(keys), 6), 0.999)
    strength = torch.full((1, 1, len(keys)), gate)
    return Requests(key, mixture, key, torch.cat([key, value], -1), erase, strength)


def written(memory: MultiHeadMemoryBank, state: MemNetState, wanted: Requests) -> MemNetState:
    weights = memory.write_weights(state, wanted)
    return memory.write(state, wanted, weights, memory.read_weights(state, wanted))


@torch.no_grad()
def test_what_was_written_under_a_key_is_read_by_it() -> None:
    memory = bank()
    state = written(memory, MemNetState.empty(CONFIG, 1), asked([0, 1, 2], [1.0, 2.0, 3.0]))
    wanted = asked([2, 0, 1], [0.0] * 3)
    read = memory.read(state, memory.read_weights(state, wanted))
    assert torch.allclose(read[0, :, 0], torch.tensor([3.0, 1.0, 2.0]), atol=0.02)


@torch.no_grad()
def test_new_keys_take_free_slots_and_a_known_key_its_own() -> None:
    memory = bank()
    state = written(memory, MemNetState.empty(CONFIG, 1), asked([0, 1], [1.0, 2.0]))
    after = written(memory, state, asked([1, 2], [5.0, 3.0]))
    assert int((after.usage > 0.5).sum()) == 3
    wanted = asked([0, 1, 2], [0.0] * 3)
    read = memory.read(after, memory.read_weights(after, wanted))
    assert torch.allclose(read[0, :, 0], torch.tensor([1.0, 5.0, 3.0]), atol=0.2)


@torch.no_grad()
def test_the_strongest_wish_takes_the_freest_slot() -> None:
    memory = bank()
    state = MemNetState.empty(CONFIG, 1)
    state = replace(state, usage=torch.tensor([[[0.9, 0.1, 0.9, 0.5, 0.9, 0.9]]]))
    wanted = asked([0, 1], [1.0, 2.0])
    wanted = replace(wanted, gate=torch.tensor([[[0.3, 0.9]]]))
    places = memory.write_weights(state, wanted)[0, 0].argmax(dim=-1)
    assert places.tolist() == [3, 1]


@torch.no_grad()
def test_a_closed_gate_writes_nothing() -> None:
    memory = bank()
    state = written(memory, MemNetState.empty(CONFIG, 1), asked([0, 1], [1.0, 2.0], gate=0.0))
    assert not state.slots.any()
    assert not state.usage.any()


@torch.no_grad()
def test_slots_age_and_use_fades_but_for_what_is_written() -> None:
    memory = bank()
    state = written(memory, MemNetState.empty(CONFIG, 1), asked([0], [1.0]))
    mine = int(state.usage.argmax())
    for _ in range(3):
        state = written(memory, state, asked([1], [1.0]))
    assert float(state.age[0, 0, mine]) == pytest.approx(3.0, abs=0.05)
    assert float(state.age.min()) == pytest.approx(0.0, abs=0.01)
    assert float(state.usage[0, 0, mine]) < float(state.usage.max())


def test_top_k_reads_k_slots() -> None:
    weights = top_k(torch.tensor([[3.0, 1.0, 2.0, 0.0]]), 2)
    assert torch.allclose(weights, torch.tensor([[0.7311, 0.0, 0.2689, 0.0]]), atol=1e-4)


def test_of_equal_slots_no_more_than_k_are_read() -> None:
    scores = torch.zeros(1, 6, requires_grad=True)
    weights = top_k(scores, 2)
    assert weights[weights > 0].tolist() == [0.5, 0.5]
    (gradient,) = torch.autograd.grad((weights * torch.arange(6)).sum(), scores)
    assert torch.equal(gradient != 0, weights > 0)


def test_free_slots_are_candidates_only_where_none_is_in_use() -> None:
    scores = torch.tensor([[[-1.0, 0.0, -2.0, 0.0]], [[-1.0, 0.0, -2.0, 0.0]]], requires_grad=True)
    used = torch.tensor([[True, False, True, False], [False] * 4])
    weights = top_k(among(scores, used), 3)
    assert torch.allclose(weights[0, 0], torch.tensor([0.7311, 0.0, 0.2689, 0.0]), atol=1e-4)
    assert int((weights[1, 0] > 0).sum()) == 3
    (gradient,) = torch.autograd.grad((weights * torch.arange(4)).sum(), scores)
    assert bool(gradient.isfinite().all())
    assert torch.equal(gradient[0, 0] != 0, weights[0, 0] > 0)


@torch.no_grad()
def test_a_read_that_is_like_nothing_reads_of_what_is_in_use() -> None:
    memory = bank()
    state = written(memory, MemNetState.empty(CONFIG, 1), asked([0, 1], [1.0, 2.0]))
    wanted = asked([0], [0.0])
    wanted = replace(wanted, query=-wanted.query)
    weights = memory.read_weights(state, wanted)[0, 0, 0]
    assert torch.equal(weights > 0, state.usage[0, 0] > 0)


@torch.no_grad()
def test_a_slot_stays_free_until_a_token_has_it_for_its_own() -> None:
    memory = bank()
    state = MemNetState.empty(CONFIG, 1)
    for taken in range(1, 5):
        state = written(memory, state, asked([taken - 1], [1.0]))
        assert int((state.usage > 0).sum()) == taken


def test_the_random_policy_is_uniform_on_average() -> None:
    used = torch.tensor([[True, False, True, True]])
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([random(used, generator) for _ in range(4000)])
    assert torch.allclose(drawn.sum(dim=-1), torch.ones(4000, 1), atol=1e-5)
    assert torch.allclose(drawn.mean(dim=0), uniform(used), atol=0.02)
    assert torch.equal(random(used, None), uniform(used))
    assert not uniform(torch.zeros(1, 4, dtype=torch.bool)).any()


def alike() -> MemNetState:
    """Slots 1 and 4 are the same but for their use, slot 2 is another, the rest is free."""
    state = MemNetState.empty(CONFIG, 1)
    slots = torch.zeros(1, 1, 6, 6)
    slots[0, 0, 1] = slots[0, 0, 4] = torch.tensor([1.0, 0, 0, 0, 1.0, 1.0])
    slots[0, 0, 4] *= 2
    slots[0, 0, 2] = torch.tensor([0, 1.0, 0, 0, 1.0, 1.0])
    usage = torch.tensor([[[0.0, 0.5, 0.8, 0.0, 0.9, 0.0]]])
    edges = torch.zeros(1, 1, 6, 6)
    edges[0, 0, 1, 2], edges[0, 0, 2, 4], edges[0, 0, 1, 4] = 0.3, 0.4, 0.5
    age = torch.tensor([[[0.0, 3.0, 9.0, 0.0, 7.0, 0.0]]])
    return replace(state, slots=slots, usage=usage, edges=edges, age=age)


def test_redundant_slots_become_one() -> None:
    after = merged(alike(), 4, 0.98, 3)
    assert torch.allclose(after.usage[0, 0], torch.tensor([0, 0, 0.8, 0, 0.9, 0]))
    mean = (0.5 * 1 + 0.9 * 2) / 1.4
    assert torch.allclose(after.slots[0, 0, 4], mean * torch.tensor([1.0, 0, 0, 0, 1, 1]))
    assert not after.slots[0, 0, 1].any()
    assert float(after.edges[0, 0, 4, 2]) == pytest.approx(0.3)
    assert float(after.edges[0, 0, 2, 4]) == pytest.approx(0.4)
    assert not after.edges.diagonal(dim1=-2, dim2=-1).any()
    assert after.age[0, 0].tolist() == [0, 0, 9, 0, 3, 0]


def test_a_follower_of_a_follower_stays() -> None:
    angles = torch.tensor([0.0, 0.3, 0.6])
    slots = torch.zeros(1, 1, 6, 6)
    slots[0, 0, :3, 0], slots[0, 0, :3, 1], slots[0, 0, :3, 4] = angles.cos(), angles.sin(), 1.0
    usage = torch.tensor([[[0.9, 0.8, 0.7, 0, 0, 0]]])
    state = replace(MemNetState.empty(CONFIG, 1), slots=slots, usage=usage)
    targets = merge_targets(state, 4, 0.95)
    assert targets[0, 0].tolist() == [0, 0, 2, 3, 4, 5]


def test_nothing_alike_nothing_merged() -> None:
    state = alike()
    assert merged(state, 4, 0.99999, 3).usage[0, 0, 1] == 0
    other = replace(state, slots=F.normalize(torch.eye(6)[None, None] + 0.1, dim=-1))
    assert merged(other, 4, 0.98, 3) is other


def test_a_slot_of_two_keeps_no_more_edges_than_another() -> None:
    edges = torch.zeros(1, 1, 6, 6)
    edges[0, 0, 1, :4], edges[0, 0, 4, 2:] = torch.rand(4), torch.rand(4)
    after = merged(replace(alike(), edges=edges), 4, 0.98, 2).edges[0, 0]
    assert (after > 0).sum(dim=-1).tolist() == [0, 0, 0, 0, 2, 0]
    whole = merged(replace(alike(), edges=edges), 4, 0.98, 6).edges[0, 0]
    assert torch.equal(after[4].sort().values[-2:], whole[4].sort().values[-2:])


def test_a_dream_moves_values_and_leaves_keys_and_free_slots() -> None:
    synthesizer = MemorySynthesizer(CONFIG)
    state = alike()
    assert torch.equal(synthesizer.refined(state).slots, state.slots)
    torch.nn.init.ones_(synthesizer.refine.weight)
    after = synthesizer.refined(state)
    assert torch.equal(after.slots[..., :4], state.slots[..., :4])
    changed = (after.slots - state.slots).abs().sum(dim=-1)[0, 0] > 0
    assert changed.tolist() == [False, True, True, False, True, False]
