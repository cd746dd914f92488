"""A MemNet that tests can afford, and what it reads."""

from __future__ import annotations

from typing import Any

import torch

from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import MemNet

CONFIG = MemNetConfig.of_size(
    1, vocabulary=11, window=4, slots=12, key_width=8, value_width=8, top_k=3, edges=3
)


def net(seed: int = 0, **changes: Any) -> MemNet:
    """Dreams after every second segment, unless changed."""
    config = CONFIG.to_dict() | {"synthesis_interval": 2} | changes
    return MemNet(MemNetConfig.from_dict(config), seed)


def ids(batch: int = 3, tokens: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(CONFIG.vocabulary, (batch, tokens), generator=generator)


def used(model: MemNet, steps: int = 12) -> MemNet:
    """The model after a little training: to say a token again that came two segments ago."""
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(steps):
        read = ids(8, 16, seed=step)
        read[:, 8:] = read[:, :8]
        logits = model(read, auxiliary=True).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, 8:-1].flatten(0, 1), read[:, 9:].flatten()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()
