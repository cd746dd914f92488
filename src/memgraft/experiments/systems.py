"""The networks that an experiment compares, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from memgraft.core.errors import InvalidInput
from memgraft.memnet.baselines import KINDS, baseline, count
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.losses import task_loss, total
from memgraft.memnet.model import WHOLE, MemNet, Moment, Switches
from memgraft.memnet.state import MemNetState

# MemNet, and MemNet trained without one of its parts.
MEMNETS = {
    "memnet": WHOLE,
    "memnet-zeroed": Switches(memory=False),
    "memnet-no-graph": Switches(graph=False),
    "memnet-no-dreams": Switches(dreaming=False),
}
SYSTEMS = (*MEMNETS, *KINDS)


class Predictor(nn.Module, ABC):
    """What reads sequences and says what comes next."""

    @abstractmethod
    def predict(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (batch, tokens, vocabulary), as evaluation sees them."""


class Learner(Predictor):
    """A network that is trained to."""

    @abstractmethod
    def loss(
        self, ids: Tensor, targets: Tensor, features: Tensor | None = None, seed: int = 0
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss to train on, and its parts for the log.

        Args:
            ids, targets: (batch, tokens); -100 where nothing is due.
            seed: of whatever is random.
        """


class PlainLearner(Learner):
    """A network without a state to carry."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def loss(
        self, ids: Tensor, targets: Tensor, features: Tensor | None = None, seed: int = 0
    ) -> tuple[Tensor, dict[str, float]]:
        loss = task_loss(self.network(ids, features), targets)
        return loss, {"task": float(loss.detach())}

    def predict(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        logits: Tensor = self.network(ids, features)
        return logits


class MemNetLearner(Learner):
    """A MemNet, with or without all of its parts.

    Attributes:
        memory: the state that every sequence starts from, of one sequence; empty if None.
    """

    def __init__(self, network: MemNet, switches: Switches = WHOLE) -> None:
        super().__init__()
        self.network, self.switches = network, switches
        self.memory: MemNetState | None = None

    def loss(
        self, ids: Tensor, targets: Tensor, features: Tensor | None = None, seed: int = 0
    ) -> tuple[Tensor, dict[str, float]]:
        self.network.train()
        output = self.network(
            ids,
            self._start(len(ids)),
            features,
            self.switches,
            torch.Generator().manual_seed(seed),
            auxiliary=True,
        )
        parts = {"task": task_loss(output.logits, targets), **output.losses}
        loss = total(parts, self.network.config)
        figures = {name: float(part.detach()) for name, part in parts.items()}
        return loss, figures | output.figures

    def predict(
        self,
        ids: Tensor,
        features: Tensor | None = None,
        switches: Switches | None = None,
        watch: Callable[[Moment], None] | None = None,
    ) -> Tensor:
        self.network.eval()
        output = self.network(
            ids, self._start(len(ids)), features, switches or self.switches, watch=watch
        )
        logits: Tensor = output.logits
        return logits

    def live(self, ids: Tensor, features: Tensor | None = None) -> None:
        """Read one sequence (1, tokens), and keep the memory of it."""
        self.network.eval()
        with torch.no_grad():
            output = self.network(ids, self.memory, features, self.switches)
        self.memory = output.state.detach()

    def _start(self, batch: int) -> MemNetState | None:
        return None if self.memory is None else self.memory.repeated(batch)


def learner(system: str, config: MemNetConfig, seed: int = 0) -> Learner:
    """A new network of a system; baselines have as many parameters as a MemNet of this config.

    Raises:
        InvalidInput: there is no such system.
    """
    if system not in SYSTEMS:
        raise InvalidInput(f"there is no system {system!r}", expected=", ".join(SYSTEMS))
    network = MemNet(config, seed)
    if system in MEMNETS:
        return MemNetLearner(network, MEMNETS[system])
    return PlainLearner(baseline(system, config, count(network), seed))
