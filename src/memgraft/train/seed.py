"""Training the prototype's hypernetwork, a peer, on the same facts and losses as the encoder."""

from __future__ import annotations

from torch import Tensor

from memgraft.data.facts import Fact
from memgraft.host.load import Host
from memgraft.injection.forcing import Terms
from memgraft.injection.peers.seed import SeedEncoder
from memgraft.train.injection import InjectionTraining, WritingTask


class SeedTask(WritingTask):
    """Each fact of a group is read on its own; their changes add up."""

    def __init__(self, host: Host, encoder: SeedEncoder, config: InjectionTraining) -> None:
        super().__init__(host, encoder, config)
        self.encoder = encoder

    def terms(self, groups: list[list[Fact]]) -> Terms:
        written = self.encoder.read(self.host, [fact.text for group in groups for fact in group])
        return {
            layer: (_added(a, len(groups)), _added(b, len(groups)))
            for layer, (a, b) in written.items()
        }


def _added(parts: Tensor, groups: int) -> Tensor:
    """Terms of single facts (facts, d, rank), side by side: (groups, d, facts of one · rank)."""
    return parts.unflatten(0, (groups, -1)).transpose(1, 2).flatten(2)
