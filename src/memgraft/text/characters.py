"""Character-level sentence encoders that ship trained, in the space of all-MiniLM-L6-v2."""

from __future__ import annotations

import copy
from abc import ABC
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memgraft.core.errors import FolderError
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.networks import WINDOW, Network, NetworkConfig, new_network
from memgraft.text.ngrams import words
from memgraft.text.packed import load_packed, save_packed, shipped

BATCH = 256  # windows of `WINDOW` words


class Characters(Encoder, ABC):
    """Text of any script and length to unit vectors; 256 words of a text are looked at.

    A text of more than 64 words is encoded in windows, whose vectors are averaged.

    Args:
        path: weights of this kind, as `save_network` writes them; the package's own by default.
    """

    kind: str

    def __init__(self, path: Path | None = None) -> None:
        self.network, self.id = load_network(path or shipped(self.kind), self.kind)
        self.dimension = self.network.config.dimension

    def with_random_weights(self, seed: int) -> Characters:
        """The same sizes untrained: to measure what training gives."""
        other = copy.copy(self)
        other.network = new_network(self.network.config, seed).eval()
        other.id = f"{self.id}:untrained"
        return other

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Vectors:
        windows: list[list[str]] = []
        owners: list[int] = []
        for row, text in enumerate(texts):
            found = words(text)
            for start in range(0, len(found), WINDOW):
                windows.append(found[start : start + WINDOW])
                owners.append(row)
        sums = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            lengths = np.array([[len(window)] for window in part], np.float32)
            weighted = self.network(part).numpy() * lengths
            np.add.at(sums, owners[start : start + BATCH], weighted)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


class CharTransformer(Characters):
    """Self-attention over words made of character n-grams."""

    kind = "char_transformer"


class CharConv(Characters):
    """Three gated, dilated convolutions over words made of character n-grams."""

    kind = "char_conv"


def save_network(network: Network, kind: str, path: Path, card: Mapping[str, Any]) -> None:
    """Write a network's weights as int8, with its sizes and what it was trained with."""
    arrays = {name: array.detach().cpu().numpy() for name, array in network.state_dict().items()}
    save_packed(path, kind, arrays, {"sizes": network.config.to_dict(), "card": dict(card)})


def load_network(path: Path, kind: str) -> tuple[Network, str]:
    """A network for inference and its id.

    Raises:
        FolderError: the file is missing, damaged, of another kind, or does not fit its sizes.
    """
    arrays, settings, name = load_packed(path, kind)
    network = Network(NetworkConfig.from_dict(settings["sizes"]))
    try:
        network.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})
    except RuntimeError as error:
        raise FolderError(
            f"{path} does not fit its own sizes",
            expected=str(settings["sizes"]),
            got=str(error).splitlines()[0],
            next_step="train it again: memgraft train text",
        ) from error
    return network.eval().requires_grad_(False), name
