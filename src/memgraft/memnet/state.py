"""What a MemNet remembers, as a value, and on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, load_config, save_arrays, save_config
from memgraft.memnet.config import MemNetConfig

KIND, VERSION, FILE = "memnet-state", 1, "state.safetensors"


@dataclass(frozen=True, eq=False)
class MemNetState:
    """The memory of a batch of sequences, each on its own.

    slots (batch, heads, slots, key_width + value_width): key and value of every slot.
    usage (batch, heads, slots): 0 for what is free, towards 1 for what is written or read.
    age (batch, heads, slots): segments since the slot was written.
    edges (batch, heads, slots, slots): the graph, source by target.
    trace (batch, heads, slots): what is left of the last tokens' activity, for the graph.
    tail (batch, 1, heads · key_width): the address of the last token, the next one's write key.
    clock (batch,): segments that were read; a sequence dreams by its own.
    """

    slots: Tensor
    usage: Tensor
    age: Tensor
    edges: Tensor
    trace: Tensor
    tail: Tensor
    clock: Tensor

    @classmethod
    def empty(
        cls, config: MemNetConfig, batch: int, device: torch.device | str = "cpu"
    ) -> MemNetState:
        """A memory of nothing."""
        heads, slots = config.memory_heads, config.slots
        shape = (batch, heads, slots)
        return cls(
            slots=torch.zeros(*shape, config.slot_width, device=device),
            usage=torch.zeros(shape, device=device),
            age=torch.zeros(shape, device=device),
            edges=torch.zeros(*shape, slots, device=device),
            trace=torch.zeros(shape, device=device),
            tail=torch.zeros(batch, 1, heads * config.key_width, device=device),
            clock=torch.zeros(batch, dtype=torch.int64, device=device),
        )

    def tensors(self) -> dict[str, Tensor]:
        """All of them by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def changed(self, change: Callable[[Tensor], Tensor]) -> MemNetState:
        """The state with every tensor changed."""
        return MemNetState(**{name: change(tensor) for name, tensor in self.tensors().items()})

    def detach(self) -> MemNetState:
        """The same values without their history: where truncated backpropagation cuts."""
        return self.changed(torch.Tensor.detach)

    def rows(self, index: Tensor) -> MemNetState:
        """The sequences of this index (rows,), in its order; one may come several times."""
        return self.changed(lambda tensor: tensor.index_select(0, index.to(tensor.device)))

    def where(self, chosen: Tensor, other: MemNetState) -> MemNetState:
        """This state of the sequences where `chosen` (batch,) is true, the other of the rest."""
        mine, theirs = self.tensors(), other.tensors()
        return MemNetState(
            **{
                name: torch.where(chosen.view(-1, *[1] * (part.ndim - 1)), part, theirs[name])
                for name, part in mine.items()
            }
        )

    def repeated(self, batch: int) -> MemNetState:
        """The first sequence's memory for each of `batch` sequences."""
        return self.rows(torch.zeros(batch, dtype=torch.int64))

    def to(self, device: torch.device | str) -> MemNetState:
        return self.changed(lambda tensor: tensor.to(device))

    @property
    def bytes(self) -> int:
        """What it takes in memory, however much was read."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors().values())

    def save(self, folder: Path) -> None:
        """Write it as a folder of `config.json` and safetensors."""
        save_config(folder, KIND, VERSION, {})
        arrays = {
            name: tensor.detach().cpu().contiguous().numpy()
            for name, tensor in self.tensors().items()
        }
        save_arrays(folder / FILE, arrays, {})

    @classmethod
    def load(cls, folder: Path) -> MemNetState:
        """Read what `save` wrote; a damaged or foreign folder is a `FolderError`."""
        load_config(folder, KIND, VERSION)
        arrays, _ = load_arrays(folder / FILE)
        wanted = {field.name for field in fields(cls)}
        if set(arrays) != wanted:
            raise FolderError(
                f"cannot read the state in {folder}",
                expected=", ".join(sorted(wanted)),
                got=", ".join(sorted(arrays)),
                next_step="delete the folder, the memory starts empty",
            )
        return cls(**{name: torch.from_numpy(array) for name, array in arrays.items()})
