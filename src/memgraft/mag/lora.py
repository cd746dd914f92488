"""Low-rank updates of the attention beside a memory, which are part of its branch.

They are not those of `peft`: it renames the base's weights, and a branch has to be saved, loaded
and switched off beside a base that stays what it was. For everything else `peft` works on patched
models as on others.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from torch import Tensor, nn

from memgraft.mag.gate import ZeroProjection


class LowRankUpdate(nn.Module):
    """x ↦ B A x, to be added to W x (LoRA, arXiv 2106.09685, with α = r). B starts at zero."""

    def __init__(self, width: int, out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, rank, bias=False)
        self.up = ZeroProjection(rank, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) → (..., out), in the type of x."""
        return self.up(self.down(x.to(self.down.weight.dtype))).to(x.dtype)


class LowRankUpdates(nn.ModuleDict):
    """One for each projection of an attention.

    Args:
        projections: (input, output) widths by name.
        rank: of each update, at least 1.
    """

    # False while the base is to be what it was.
    awake = True

    def __init__(self, projections: Mapping[str, tuple[int, int]], rank: int) -> None:
        super().__init__(
            {name: LowRankUpdate(width, out, rank) for name, (width, out) in projections.items()}
        )

    def join(self, attention: nn.Module) -> None:
        """Add the updates to what the projections of these names give, from now on."""
        for name in self:
            attention.get_submodule(name).register_forward_hook(partial(_updated, self, name))


def _updated(
    updates: LowRankUpdates, name: str, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
) -> Tensor:
    return output + updates[name](inputs[0]) if updates.awake else output
