"""States are values: they flatten, move and come back from disk as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.mag.state import MemoryState, load_states, save_states
from memgraft.nn.linear_memory import LinearState
from memgraft.nn.mlp_memory import MlpState


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def linear() -> MemoryState:
    return MemoryState(LinearState(random(2, 3, 4, 4), random(2, 3, 4, 4)), random(2, 3, 36))


def mlp() -> MemoryState:
    layers = [random(2, 3, 4, 8), random(2, 3, 8, 4)] * 3
    return MemoryState(MlpState(*layers, torch.tensor([63, 0])), random(2, 3, 36))


both = pytest.mark.parametrize("state", [linear(), mlp()], ids=["linear", "mlp"])


def equal(one: MemoryState, other: MemoryState) -> bool:
    pairs = zip(one.tensors().items(), other.tensors().items(), strict=True)
    return type(one.memory) is type(other.memory) and all(
        n == m and a.dtype == b.dtype and torch.equal(a, b) for (n, a), (m, b) in pairs
    )


@both
def test_it_comes_back_from_disk(state: MemoryState, tmp_path: Path) -> None:
    state.save(tmp_path)
    assert equal(MemoryState.load(tmp_path), state)
    linear().save(tmp_path)
    assert equal(MemoryState.load(tmp_path), linear())


def test_layers_are_kept_apart(tmp_path: Path) -> None:
    save_states(tmp_path, {"layers.0": linear(), "layers.7": mlp()}, "abc")
    states = load_states(tmp_path, "abc")
    assert set(states) == {"layers.0", "layers.7"}
    assert equal(states["layers.0"], linear())
    assert equal(states["layers.7"], mlp())
    with pytest.raises(FolderError, match="another model"):
        load_states(tmp_path, "def")
    with pytest.raises(FolderError, match="another model"):
        load_states(tmp_path)
    save_states(tmp_path, {"layers.0": linear(), "layers.7": mlp()})
    with pytest.raises(FolderError, match="several layers"):
        MemoryState.load(tmp_path)


def test_what_is_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        MemoryState.load(tmp_path / "nowhere")
    linear().save(tmp_path)
    file = tmp_path / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(FolderError, match="cannot read"):
        MemoryState.load(tmp_path)


@both
def test_it_flattens_and_back(state: MemoryState) -> None:
    flat = state.flat()
    assert flat.shape[0] == 2 and flat.dtype == torch.float32
    assert equal(state.unflat(flat), state)
    beams = torch.tensor([1, 1, 0])
    assert equal(state.unflat(flat[beams]), state.rows(beams))
    with pytest.raises(InvalidInput):
        state.unflat(torch.cat([flat, flat], dim=1))


def test_its_size_is_counted() -> None:
    assert linear().bytes == 4 * (2 * 2 * 3 * 4 * 4 + 2 * 3 * 36)
