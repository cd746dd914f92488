"""Memory encoders at rest: one safetensors file each, and those that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from memgraft.host.load import Host
from memgraft.injection.at_rest import Kind, filled, load_network, save_network
from memgraft.injection.covariance import background
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.mneme import MnemeConfig

KIND = Kind("memgraft-memory-encoder", version=1, command="injection")


def new_encoder(host: Host, config: MnemeConfig, seed: int = 0) -> MemoryEncoder:
    """An untrained encoder for a base model; the seed settles its random weights."""
    precisions = {layer: _precision(host, layer, config) for layer in config.layers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MemoryEncoder(config, host.model.get_input_embeddings().weight, precisions)


def save_encoder(encoder: MemoryEncoder, path: Path, base: str, **card: Any) -> None:
    """Write the weights; see `save_network`."""
    save_network(encoder, encoder.config, path, KIND, base, card)


def load_encoder(host: Host, path: Path) -> MemoryEncoder:
    """Read what `save_encoder` wrote.

    Raises:
        FolderError: the file is damaged, or was trained for another base model.
    """
    settings, weights = load_network(host, path, KIND)
    return filled(new_encoder(host, MnemeConfig.from_dict(settings)), weights, path)


def shipped_encoder(host: Host) -> MemoryEncoder | None:
    """The encoder that comes with the package for this base model, if there is one."""
    path = Path(str(files("memgraft.injection") / "pretrained" / f"{host.fingerprint}.safetensors"))
    return load_encoder(host, path) if path.is_file() else None


def _precision(host: Host, layer: int, config: MnemeConfig) -> torch.Tensor:
    """A⁻¹ of a layer, from how ordinary chats use it."""
    moment = background(host, layer).second_moment.double()
    ridge = config.covariance * moment + config.ridge * torch.eye(len(moment), dtype=moment.dtype)
    return torch.linalg.inv(ridge).float()
