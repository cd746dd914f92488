"""The neural memory: one stream however it is cut, padded or batched, and trainable throughout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig
from memgraft.mag.memory import NeuralMemory
from memgraft.mag.state import MemoryState

WIDTH = 10
SMALL = MagConfig(memory_heads=2, memory_head_dim=4, chunk_size=8)
CONFIGS = {
    "linear": SMALL,
    "mlp": replace(SMALL, memory_layers=2),
    "persistent": replace(SMALL, n_persistent_tokens=3),
    "persistent mlp": replace(SMALL, memory_layers=2, n_persistent_tokens=3),
    "no convolution": replace(SMALL, conv_size=1),
    "no momentum, no decay": replace(SMALL, initial_momentum=0.0, initial_decay=0.0),
    "surprise": replace(SMALL, surprise_threshold=0.3),
}
each = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
kinds = pytest.mark.parametrize("config", [SMALL, CONFIGS["mlp"]], ids=["linear", "mlp"])
pads = pytest.mark.parametrize(
    "mask",
    [
        torch.arange(23) >= torch.tensor([[4], [0], [11]]),
        torch.arange(23) < torch.tensor([[4], [23], [11]]),
        torch.arange(23) % torch.tensor([[2], [3], [23]]) > 0,
    ],
    ids=["left", "right", "between"],
)


def made(config: MagConfig, refined: bool = False) -> NeuralMemory:
    """A memory whose MLP, if it is one, has something in its second layer already."""
    torch.manual_seed(0)
    memory = NeuralMemory(WIDTH, config, refined)
    if config.memory_layers == 2:
        torch.nn.init.normal_(memory.second)
    return memory


def tokens(batch: int = 3, length: int = 23, seed: int = 1) -> torch.Tensor:
    return torch.randn(batch, length, WIDTH, generator=torch.Generator().manual_seed(seed))


def close(one: torch.Tensor, other: torch.Tensor, within: float = 1e-6) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=within)


def same(one: MemoryState, other: MemoryState) -> None:
    for name, tensor in one.tensors().items():
        close(tensor, other.tensors()[name])


@each
@pytest.mark.parametrize("cuts", [[1] * 23, [8, 8, 7], [5, 1, 1, 16], [22, 1]], ids=str)
def test_decoding_with_a_state_equals_one_call(config: MagConfig, cuts: list[int]) -> None:
    memory, hidden = made(config), tokens()
    whole, end = memory(hidden)
    state, outputs = None, []
    for piece in hidden.split(cuts, dim=1):
        output, state = memory(piece, state)
        outputs.append(output)
    assert whole.shape == (3, 23, 8)
    assert whole.abs().max() > 0.01
    close(torch.cat(outputs, dim=1), whole)
    same(state, end)


@each
@pads
def test_pads_might_as_well_not_be_there(config: MagConfig, mask: torch.Tensor) -> None:
    memory, hidden = made(config), tokens()
    noisy = torch.where(mask[..., None], hidden, 7.0)
    output, state = memory(noisy, mask=mask.long())
    assert output[~mask].abs().max() == 0
    for row in range(3):
        alone, left = memory(hidden[row : row + 1, mask[row]])
        close(output[row : row + 1, mask[row]], alone)
        same(state.rows(torch.tensor([row])), left)


@kinds
@pads
def test_a_padded_call_can_be_gone_on_from(config: MagConfig, mask: torch.Tensor) -> None:
    memory, hidden, more = made(config), tokens(), tokens(length=6, seed=2)
    _, state = memory(hidden, mask=mask)
    gone_on, _ = memory(more, state)
    for row in range(3):
        text = torch.cat([hidden[row, mask[row]], more[row]])[None]
        close(gone_on[row : row + 1], memory(text)[0][:, -6:])


@pytest.mark.parametrize("size", [1, 3, 23, 64])
def test_the_linear_memory_does_not_depend_on_its_chunks(size: int) -> None:
    memory, hidden = made(SMALL), tokens()
    other = made(replace(SMALL, chunk_size=size))
    other.load_state_dict(memory.state_dict())
    close(memory(hidden)[0], other(hidden)[0])


@each
def test_a_token_changes_nothing_before_it(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    changed = hidden.clone()
    changed[:, 12] += 1
    one, two = memory(hidden)[0], memory(changed)[0]
    assert torch.equal(one[:, :12], two[:, :12])
    assert (one[:, 12:] != two[:, 12:]).any(dim=-1).all()


@each
def test_a_sequence_changes_nothing_in_another(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    changed = hidden.clone()
    changed[1] += 1
    one, two = memory(hidden)[0], memory(changed)[0]
    assert torch.equal(one[[0, 2]], two[[0, 2]])
    assert not torch.equal(one[1], two[1])


@each
@pytest.mark.parametrize("combine", ["concat", "add", "gate"])
def test_gradients_reach_every_parameter(config: MagConfig, combine: str) -> None:
    memory = made(replace(config, query_combine=combine), refined=True)
    noise = torch.Generator().manual_seed(2)
    previous = torch.randn(3, 23, 8, generator=noise)
    memory(tokens(), previous=previous)[0].square().sum().backward()
    for name, parameter in memory.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
        assert parameter.grad.isfinite().all(), name


@kinds
def test_gradients_flow_through_a_state_until_it_is_detached(config: MagConfig) -> None:
    memory, hidden = made(config), tokens().requires_grad_()
    _, state = memory(hidden)
    output, _ = memory(tokens(seed=2), state)
    (through,) = torch.autograd.grad(output.sum(), hidden, retain_graph=True)
    assert through.abs().max() > 0
    cut, _ = memory(tokens(seed=2), state.detach())
    (none,) = torch.autograd.grad(cut.sum(), hidden, allow_unused=True)
    assert none is None


@pytest.mark.parametrize("layers", [1, 2])
def test_a_new_memory_answers_nothing_until_it_is_written(layers: int) -> None:
    torch.manual_seed(0)
    memory = NeuralMemory(WIDTH, replace(SMALL, memory_layers=layers))
    torch.nn.init.constant_(memory.gates.bias[:2], -200.0)  # nothing is written
    torch.nn.init.zeros_(memory.gates.weight)
    assert memory(tokens())[0].abs().max() == 0


@kinds
def test_persistent_tokens_are_read_before_the_text(config: MagConfig) -> None:
    memory = made(replace(config, n_persistent_tokens=3))
    plain = made(config)
    plain.load_state_dict(memory.state_dict(), strict=False)
    prefix = memory.persistent.expand(3, -1, -1)
    close(memory(tokens())[0], plain(torch.cat([prefix, tokens()], dim=1))[0][:, 3:])


def test_what_is_expected_is_not_written() -> None:
    """The same token again and again: it surprises at first, then less, then it is left alone."""
    config = replace(SMALL, conv_size=1, initial_decay=0.0, surprise_threshold=0.05)
    memory, hidden = made(config), tokens(1, 1).expand(1, 60, WIDTH)
    trace = memory.trace(hidden)
    assert (trace.surprise[..., 0] > 0.05).all()
    assert (trace.surprise[..., -1] < 0.05).all()
    assert (trace.surprise[..., -1] > 0).all()
    same(memory(hidden[:, :50])[1], trace.state)
    eager = made(replace(config, surprise_threshold=0.0))
    assert (eager.trace(hidden).surprise[..., -1] < trace.surprise[..., -1]).all()


@each
def test_a_trace_tells_what_happened(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    mask = torch.arange(23) >= torch.tensor([[4], [0], [11]])
    trace = memory.trace(hidden, mask=mask)
    assert torch.equal(trace.output, memory(hidden, mask=mask)[0])
    for part in (*trace.gates, trace.surprise):
        assert part.shape == (3, 2, 23)
        assert part[0, :, :4].abs().max() == 0
    assert (trace.gates.strength[:, :, 11:] > 0).all()
    assert (trace.gates.strength + trace.gates.momentum <= 1).all()


@kinds
def test_a_long_wild_text_stays_finite(config: MagConfig) -> None:
    memory = made(config)
    with torch.no_grad():
        memory.gates.bias[2:4] = 5.0  # momentum .993
        output, state = memory(10 * tokens(1, 4096))
    assert output.isfinite().all()
    assert all(part.isfinite().all() for part in state.tensors().values())


@kinds
def test_half_precision_and_autocast_keep_the_state_in_single(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    exact = memory(hidden)[0]
    with torch.autocast("cpu", torch.bfloat16):
        output, state = memory(hidden)
    close(output.float(), exact, 0.1)
    assert all(part.dtype == torch.float32 for n, part in state.tensors().items() if n != "filled")
    memory.bfloat16()
    output, state = memory(hidden.bfloat16())
    assert output.dtype == torch.bfloat16
    assert all(part.dtype == torch.float32 for n, part in state.tensors().items() if n != "filled")
    memory(hidden[:, :1].bfloat16(), state)


@kinds
def test_beams_take_their_states_along(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    _, state = memory(hidden)
    index = torch.tensor([2, 0, 0])
    more = tokens(length=4, seed=5)
    one, _ = memory(more, state.rows(index))
    close(one, memory(torch.cat([hidden[index], more], dim=1))[0][:, 23:])


@kinds
def test_a_state_comes_back_from_disk(config: MagConfig, tmp_path: Path) -> None:
    memory, hidden = made(config), tokens()
    first, state = memory(hidden[:, :13])
    state.save(tmp_path / "state")
    rest, _ = memory(hidden[:, 13:], MemoryState.load(tmp_path / "state"))
    close(torch.cat([first, rest], dim=1), memory(hidden)[0])


@pytest.mark.parametrize("wrong", ["hidden", "mask", "previous", "state", "kind"])
def test_what_does_not_fit_is_refused(wrong: str) -> None:
    memory, hidden = made(SMALL, refined=True), tokens()
    given = {
        "hidden": {"hidden": hidden[..., :-1]},
        "mask": {"mask": torch.ones(3, 24)},
        "previous": {"previous": torch.ones(3, 23, 9)},
        "state": {"state": memory.initial_state(2)},
        "kind": {"state": made(CONFIGS["mlp"]).initial_state(3)},
    }[wrong]
    with pytest.raises(InvalidInput, match="fit"):
        memory(**{"hidden": hidden, **given})


@each
def test_without_writes_only_what_is_there_is_read(config: MagConfig) -> None:
    memory, hidden = made(config), tokens()
    _, state = memory(hidden)
    _, other = memory(tokens(seed=2))
    mask = torch.ones(3, 23)
    mask[0, :5] = 0
    outputs = []
    for before in (state, other):
        output, after = memory(hidden, before, mask, writes=False)
        for name, tensor in vars(before.memory).items():
            assert torch.equal(vars(after.memory)[name], tensor)
        # Cut in two, it goes on where it was.
        first, between = memory(hidden[:, :9], before, mask[:, :9], writes=False)
        second, _ = memory(hidden[:, 9:], between, mask[:, 9:], writes=False)
        close(torch.cat([first, second], dim=1), output)
        outputs.append(output)
    assert (outputs[0] - outputs[1]).abs().max() > 0.01
    # The last token reads the same, whatever the tokens between would have written.
    if config.conv_size == 1:
        changed = torch.cat([tokens(seed=4)[:, :-1], hidden[:, -1:]], dim=1)
        close(memory(changed, state, writes=False)[0][:, -1], outputs[0][:, -1])
