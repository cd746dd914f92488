"""What a memory branch remembers, as a value, and on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import load_arrays, load_config, save_arrays, save_config
from memgraft.nn.linear_memory import LinearState
from memgraft.nn.mlp_memory import MlpState

KIND, VERSION, FILE = "mag-state", 1, "state.safetensors"


@dataclass(frozen=True, eq=False)
class MemoryState:
    """One layer's memory, of a batch of sequences.

    memory: the fast weights. tail: what the convolutions have yet to look back on,
    (batch, conv_size - 1, 3 · memory_size). The first dimension of every tensor is the batch.
    """

    memory: LinearState | MlpState
    tail: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """All of them by name."""
        return {**vars(self.memory), "tail": self.tail}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> MemoryState:
        """The state that has these `tensors()`; a `KeyError` or `TypeError` if none has."""
        fast = {name: tensor for name, tensor in tensors.items() if name != "tail"}
        kind = MlpState if "first" in fast else LinearState
        return cls(kind(**fast), tensors["tail"])

    def changed(self, change: Callable[[Tensor], Tensor]) -> MemoryState:
        """The state with every tensor changed."""
        return self.of({name: change(tensor) for name, tensor in self.tensors().items()})

    def detach(self) -> MemoryState:
        """The same values without their history: where truncated backpropagation cuts."""
        return self.changed(torch.Tensor.detach)

    def rows(self, index: Tensor) -> MemoryState:
        """The sequences of this index (rows,), in its order: beams that were kept or repeated."""
        return self.changed(lambda tensor: tensor.index_select(0, index.to(tensor.device)))

    def to(self, device: torch.device | str) -> MemoryState:
        return self.changed(lambda tensor: tensor.to(device))

    @property
    def bytes(self) -> int:
        """What it takes in memory, however long the text was."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.tensors().values())

    def flat(self) -> Tensor:
        """Everything as one (batch, n) tensor of floats, for caches that hold one per layer."""
        parts = [part[:, None].flatten(1).to(self.tail.dtype) for part in self.tensors().values()]
        return torch.cat(parts, dim=1)

    def unflat(self, flat: Tensor) -> MemoryState:
        """The state whose `flat()` this is, of as many rows as it has; shaped like this one."""
        tensors, at = {}, 0
        for name, like in self.tensors().items():
            size = like[:1].numel()
            part = flat[:, at : at + size].reshape(len(flat), *like.shape[1:])
            tensors[name] = part.to(like.dtype)
            at += size
        if at != flat.shape[1]:
            raise InvalidInput(
                "this is not the state of such a memory",
                expected=f"(batch, {at})",
                got=str(tuple(flat.shape)),
            )
        return self.of(tensors)

    def save(self, folder: Path) -> None:
        """Write it as a folder of one layer, "memory"; see `save_states`."""
        save_states(folder, {"memory": self})

    @classmethod
    def load(cls, folder: Path) -> MemoryState:
        """Read what `save` wrote."""
        states = load_states(folder)
        if set(states) != {"memory"}:
            raise FolderError(
                f"{folder} holds the states of several layers",
                expected="one state",
                got=", ".join(states),
                next_step="read it with load_states",
            )
        return states["memory"]


def save_states(folder: Path, states: Mapping[str, MemoryState], model: str = "") -> None:
    """Write the states of a model's layers as a folder of `config.json` and safetensors.

    Args:
        states: by the name of the layer.
        model: the fingerprint of the weights that wrote them; others cannot read them.
    """
    save_config(folder, KIND, VERSION, {"model": model})
    arrays = {
        f"{layer}/{name}": tensor.detach().cpu().contiguous().numpy()
        for layer, state in states.items()
        for name, tensor in state.tensors().items()
    }
    save_arrays(folder / FILE, arrays, {"model": model})


def load_states(folder: Path, model: str = "") -> dict[str, MemoryState]:
    """Read what `save_states` wrote.

    Raises:
        FolderError: it is missing, damaged, or another model's.
    """
    load_config(folder, KIND, VERSION)
    arrays, header = load_arrays(folder / FILE)
    if header.get("model", "") != model:
        raise FolderError(
            f"{folder} was written by another model",
            expected=model or "no fingerprint",
            got=header.get("model") or "no fingerprint",
            next_step="load it with the model that wrote it, or start with an empty memory",
        )
    layers: dict[str, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        layer, _, part = name.rpartition("/")
        layers.setdefault(layer, {})[part] = torch.from_numpy(array)
    try:
        return {layer: MemoryState.of(tensors) for layer, tensors in layers.items()}
    except (KeyError, TypeError) as error:
        raise FolderError(
            f"cannot read the states in {folder}",
            expected="the tensors of a linear or an MLP memory",
            got=", ".join(sorted(arrays)),
            next_step="delete the folder, the memory starts empty",
        ) from error
