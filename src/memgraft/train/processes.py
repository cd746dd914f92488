"""The processes that train one model together, as `accelerate launch` starts them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import Tensor

from memgraft.core.errors import InvalidInput

# How long a process waits for the others: the main one measures, saves and downloads alone.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Processes:
    """This process among those that share each step's batch."""

    rank: int = 0
    count: int = 1

    @property
    def main(self) -> bool:
        """Whether this one writes the log, the checkpoints and the progress."""
        return self.rank == 0

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean of each tensor over all processes, exchanged in one message."""
        if self.count == 1:
            return list(tensors)
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        distributed.all_reduce(flat)
        parts = (flat / self.count).split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Give every process the main one's values, in place."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), src=0)

    @contextlib.contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process runs the block, then the others, who find in the cache what it has
        downloaded and measured."""
        if not self.main:
            distributed.barrier()
        yield
        if self.main and self.count > 1:
            distributed.barrier()


ALONE = Processes()


@contextlib.contextmanager
def launched(device: torch.device) -> Iterator[Processes]:
    """The processes of this launch; left when the block ends.

    `accelerate launch` and `torchrun` tell of them in environment variables; where there are
    none, this process is alone.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


def device_of(name: str) -> torch.device:
    """The device for this process: "auto" is a GPU where there is one.

    Raises:
        InvalidInput: there is no such device here.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    chosen = there[0] if name == "auto" else name
    if chosen not in there:
        raise InvalidInput(
            f"there is no device {name!r} here", expected=", ".join(["auto", *there]), got=name
        )
    number = int(os.environ.get("LOCAL_RANK", 0))
    return torch.device("cuda", number) if chosen == "cuda" else torch.device(chosen)
