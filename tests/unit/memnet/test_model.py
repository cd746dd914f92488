"""MemNet as a whole: what may depend on what, and that its state is a value."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.memnet.model import MemNet, Moment, Switches
from memgraft.memnet.state import MemNetState

from .small import CONFIG, ids, net, used


def equal(one: MemNetState, other: MemNetState) -> bool:
    pairs = zip(one.tensors().items(), other.tensors().items(), strict=True)
    return all(n == m and a.dtype == b.dtype and torch.equal(a, b) for (n, a), (m, b) in pairs)


def test_two_evaluations_are_identical() -> None:
    model = net().eval()
    one, other = model(ids()), model(ids())
    assert torch.equal(one.logits, other.logits)
    assert equal(one.state, other.state)


def test_the_random_policy_is_random_in_training_only_and_goes_by_its_seed() -> None:
    model = net(policy="random")

    def said(seed: int) -> torch.Tensor:
        return model(ids(), generator=torch.Generator().manual_seed(seed)).logits

    assert torch.equal(said(0), said(0))
    assert not torch.equal(said(0), said(1))
    model.eval()
    assert torch.equal(said(0), said(1))


def test_a_token_depends_on_no_later_one() -> None:
    model = used(net())
    read = ids()
    before = model(read).logits
    for place in (0, 3, 4, 9, 15):
        changed = read.clone()
        changed[:, place] = (changed[:, place] + 1) % CONFIG.vocabulary
        after = model(changed).logits
        assert torch.equal(after[:, :place], before[:, :place])
        assert not torch.equal(after[:, place], before[:, place])


def test_a_token_is_remembered_across_segments() -> None:
    model = used(net())
    read, changed = ids(), ids()
    changed[:, 1] = (changed[:, 1] + 1) % CONFIG.vocabulary
    with_memory = model(read).logits[:, 8:], model(changed).logits[:, 8:]
    assert not torch.equal(*with_memory)
    off = Switches(memory=False)
    without = (model(tokens, switches=off).logits[:, 8:] for tokens in (read, changed))
    assert torch.equal(*without)


def test_a_sequence_depends_on_no_other_of_its_batch() -> None:
    model = used(net())
    read = ids(4)
    together = model(read)
    for row in range(4):
        alone = model(read[row : row + 1])
        assert torch.allclose(alone.logits, together.logits[row : row + 1], atol=1e-5)
        mine = together.state.rows(torch.tensor([row]))
        for name, part in alone.state.tensors().items():
            assert torch.allclose(part, mine.tensors()[name], atol=1e-5), name


@pytest.mark.parametrize("cut", [4, 8, 12])
def test_where_a_text_is_cut_between_segments_makes_no_difference(cut: int) -> None:
    model = used(net())
    whole = model(ids())
    first = model(ids()[:, :cut])
    second = model(ids()[:, cut:], first.state)
    said = torch.cat([first.logits, second.logits], dim=1)
    assert torch.allclose(said, whole.logits, atol=1e-5)
    for name, part in second.state.tensors().items():
        assert torch.allclose(part.float(), whole.state.tensors()[name].float(), atol=1e-5), name


def test_the_last_segment_may_be_short() -> None:
    model = net().eval()
    assert torch.allclose(model(ids()).logits[:, :7], model(ids()[:, :7]).logits, atol=1e-5)


@pytest.mark.parametrize("part", ["graph", "dreaming", "memory", "writes"])
def test_each_part_changes_what_is_said_after_training(part: str) -> None:
    model = used(net())
    whole = model(ids()).logits
    without = model(ids(), switches=Switches(**{part: False})).logits
    assert (whole - without).abs().max() > 1e-4


def test_no_slot_ever_has_more_edges_than_are_kept() -> None:
    model = used(net(merge_threshold=0.3))
    moments: list[Moment] = []
    state = model(ids(3, 32), watch=moments.append).state
    freed = [int((m.state.usage == 0).sum()) for m in moments[1::2]]
    assert sum(freed) > 0
    for each in (*(moment.state for moment in moments), state):
        assert int((each.edges > 0).sum(dim=-1).max()) <= model.config.edges


def test_sequences_of_unequal_clocks_dream_each_by_its_own() -> None:
    model = used(net(synthesis_interval=3))
    early, late = model(ids(1, 4, seed=1)).state, model(ids(1, 8, seed=2)).state
    pairs = zip(early.tensors().items(), late.tensors().values(), strict=True)
    both = MemNetState(**{name: torch.cat([one, other]) for (name, one), other in pairs})
    read = ids(2, 16)
    together = model(read, both)
    for row, state in enumerate((early, late)):
        alone = model(read[row : row + 1], state)
        assert torch.allclose(alone.logits, together.logits[row : row + 1], atol=1e-5)
        mine = together.state.rows(torch.tensor([row]))
        for name, part in alone.state.tensors().items():
            assert torch.allclose(part, mine.tensors()[name], atol=1e-5), name


def test_the_slots_that_dreams_free_are_counted() -> None:
    model = used(net(merge_threshold=0.3))
    moments: list[Moment] = []
    output = model(ids(3, 8), auxiliary=True, watch=moments.append)  # one dream, at its end
    written = sum(moment.written.sum(dim=-2) for moment in moments)
    freed = (moments[-1].state.usage == 0) & (written > 0)
    assert int(freed.sum()) > 0
    assert output.figures == {"freed": int(freed.sum()) / 3}
    assert model(ids(3, 4), auxiliary=True).figures == {}
    assert model(ids(3, 8)).figures == {}


def test_without_writes_the_memory_is_read_and_stays() -> None:
    model = used(net())
    state = model(ids(seed=1)).state
    output = model(ids(), state, switches=Switches(writes=False))
    assert equal(output.state, state)
    assert not torch.equal(output.logits, model(ids()).logits)


def test_a_state_comes_back_from_disk_exactly(tmp_path: Path) -> None:
    model = used(net())
    state = model(ids()).state
    state.save(tmp_path)
    loaded = MemNetState.load(tmp_path)
    assert equal(loaded, state)
    assert torch.equal(model(ids(), loaded).logits, model(ids(), state).logits)


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    net()(ids()).state.save(tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(FolderError):
        MemNetState.load(tmp_path)


def test_a_state_can_be_repeated_and_its_size_does_not_grow() -> None:
    model = net().eval()
    state = model(ids(1)).state
    assert torch.equal(state.repeated(3).slots[2], state.slots[0])
    assert model(ids(1, 64)).state.bytes == state.bytes


def test_what_does_not_fit_is_refused() -> None:
    model = net()
    with pytest.raises(InvalidInput, match="state does not fit"):
        model(ids(3), model.initial_state(2))
    with pytest.raises(InvalidInput, match="not in the vocabulary"):
        model(ids() + CONFIG.vocabulary)
    with pytest.raises(InvalidInput, match="features do not fit"):
        model(ids(), features=torch.zeros(3, 16, 2))
    with pytest.raises(InvalidInput, match="ids do not fit"):
        model(torch.zeros(3, dtype=torch.int64))


def test_features_are_read() -> None:
    model = net(features=2).eval()
    one = model(ids(), features=torch.zeros(3, 16, 2)).logits
    other = model(ids(), features=torch.ones(3, 16, 2)).logits
    assert not torch.equal(one, other)


def test_an_echo_says_what_the_memory_holds_without_any_training() -> None:
    model = net(echo=20.0, sharpness=20.0, slots=24).eval()
    pairs = torch.tensor([[0, 5, 1, 6, 2, 7, 3, 8]])
    state = model(pairs).state
    asked = torch.arange(4)[:, None]
    read = Switches(writes=False)
    said = model(asked, state.repeated(4), switches=read).logits[:, 0].argmax(dim=-1)
    assert said.tolist() == [5, 6, 7, 8]


def test_every_segment_is_told() -> None:
    seen: list[Moment] = []
    output = net().eval()(ids(), watch=seen.append)
    assert len(seen) == 4
    assert equal(
        seen[-1].state, MemNetState(**output.state.tensors() | {"tail": seen[-1].state.tail})
    )
    for moment in seen:
        assert torch.allclose(moment.asked.mixture.sum(dim=-1), torch.ones(()))
        assert float(moment.read.min()) >= 0
        assert float(moment.read.sum(dim=-1).max()) <= 1 + 1e-5


def test_seeds_are_arguments() -> None:
    torch.manual_seed(5)
    one = net(seed=1)
    other = net(seed=1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)


def test_one_dial_sets_the_sizes() -> None:
    sizes = [
        sum(p.numel() for p in MemNet(type(CONFIG).of_size(size)).parameters())
        for size in (1, 2, 3)
    ]
    assert sizes == sorted(sizes)
    with pytest.raises(InvalidInput):
        type(CONFIG).of_size(0)
    with pytest.raises(InvalidInput, match="top_k"):
        type(CONFIG).of_size(1, top_k=0)
