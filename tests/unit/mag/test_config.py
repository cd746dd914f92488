"""The config refuses what cannot be built."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.mag.config import MagConfig
from memgraft.mag.write_gates import WriteGates


def test_it_survives_json() -> None:
    config = MagConfig(memory_layers=2, n_persistent_tokens=16)
    assert MagConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory_layers": 3},
        {"chunk_size": 0},
        {"n_persistent_tokens": -1},
        {"initial_strength": 0.0},
        {"initial_momentum": 1.0},
        {"surprise_threshold": -0.1},
        {"gate_mode": "swap"},
    ],
    ids=str,
)
def test_what_cannot_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        MagConfig(**wrong)


def test_gates_start_where_the_config_says() -> None:
    config = MagConfig(initial_strength=0.4, initial_momentum=0.25, initial_decay=0.01)
    strength, momentum, decay = WriteGates(5, config)(torch.zeros(1, 3, 5))
    torch.testing.assert_close(strength, torch.full((1, 4, 3), 0.4 * 0.75))
    torch.testing.assert_close(momentum, torch.full((1, 4, 3), 0.25))
    torch.testing.assert_close(decay, torch.full((1, 4, 3), 0.01))


def test_gates_can_be_switched_off() -> None:
    config = MagConfig(initial_momentum=0.0, initial_decay=0.0)
    gates = WriteGates(5, config)
    strength, momentum, decay = gates(torch.randn(1, 3, 5))
    assert momentum.abs().max() == 0 and decay.abs().max() == 0
    assert gates.weight.shape == (4, 5) and (strength > 0).all()
