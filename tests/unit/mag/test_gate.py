"""The gate leaves attention exactly as it was until it has been trained."""

from __future__ import annotations

import math

import pytest
import torch

from memgraft.mag.config import MagConfig
from memgraft.mag.gate import MemoryGate

CONFIG = MagConfig(memory_heads=2, memory_head_dim=3)


def parts(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
    noise = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, 4, w, generator=noise).to(dtype) for w in (5, 6, 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_untrained_it_adds_exactly_nothing(dtype: torch.dtype) -> None:
    attention, memory, hidden = parts(dtype)
    assert torch.equal(MemoryGate(5, CONFIG).to(dtype)(attention, memory, hidden), attention)


def test_it_leans_towards_attention() -> None:
    attention, memory, hidden = parts()
    gate = MemoryGate(5, CONFIG)
    opening = gate.opening(hidden)
    torch.testing.assert_close(opening, torch.full((2, 4, 5), 1 / (1 + math.e**2)))
    mixing = MemoryGate(5, MagConfig(memory_heads=2, memory_head_dim=3, gate_mode="mix"))
    torch.testing.assert_close(mixing(attention, memory, hidden), (1 - opening) * attention)


@pytest.mark.parametrize("mode", ["add", "mix"])
def test_it_joins_channel_by_channel(mode: str) -> None:
    attention, memory, hidden = parts()
    gate = MemoryGate(5, MagConfig(memory_heads=2, memory_head_dim=3, gate_mode=mode))
    torch.nn.init.normal_(gate.out.weight)
    torch.nn.init.normal_(gate.weight)
    g = torch.sigmoid(hidden @ gate.weight.T + gate.bias)
    kept = attention if mode == "add" else (1 - g) * attention
    torch.testing.assert_close(
        gate(attention, memory, hidden), kept + g * (memory @ gate.out.weight.T)
    )


def test_the_first_step_already_moves_the_projection() -> None:
    attention, memory, hidden = parts()
    gate = MemoryGate(5, CONFIG)
    gate(attention, memory, hidden).square().sum().backward()
    assert gate.out.weight.grad.abs().min() > 0


def test_it_can_be_started_anew() -> None:
    gate = MemoryGate(5, CONFIG)
    fresh = {name: value.clone() for name, value in gate.state_dict().items()}
    for parameter in gate.parameters():
        torch.nn.init.normal_(parameter)
    gate.reset_parameters()
    gate.out.reset_parameters()
    assert all(torch.equal(fresh[name], value) for name, value in gate.state_dict().items())
