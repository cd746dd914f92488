"""Memory encoders at rest: one safetensors file each, and those that ship with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.host.load import Host
from memgraft.injection.covariance import background
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.mneme import MnemeConfig

KIND = "memgraft-memory-encoder"
VERSION = 1


def new_encoder(host: Host, config: MnemeConfig, seed: int = 0) -> MemoryEncoder:
    """An untrained encoder for a base model; the seed settles its random weights."""
    precisions = {layer: _precision(host, layer, config) for layer in config.layers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MemoryEncoder(config, host.model.get_input_embeddings().weight, precisions)


def save_encoder(encoder: MemoryEncoder, path: Path, base: str, **card: Any) -> None:
    """Write the weights in half precision.

    Args:
        base: the fingerprint of the base model.
        card: how it was trained, kept in the header.
    """
    arrays = {n: p.detach().half().cpu().numpy() for n, p in encoder.named_parameters()}
    header = {
        "kind": KIND,
        "version": str(VERSION),
        "base_model": base,
        "config": json.dumps(encoder.config.to_dict()),
        "card": json.dumps(card),
    }
    save_arrays(path, arrays, header)


def load_encoder(host: Host, path: Path) -> MemoryEncoder:
    """Read what `save_encoder` wrote.

    Raises:
        FolderError: the file is damaged, or was trained for another base model.
    """
    arrays, header = load_arrays(path)
    if header.get("kind") != KIND or int(header.get("version", 0)) > VERSION:
        raise FolderError(
            f"{path} is no memory encoder",
            expected=f"{KIND} of version {VERSION} or older",
            got=f"{header.get('kind')} of version {header.get('version')}",
        )
    if header["base_model"] != host.fingerprint:
        raise FolderError(
            f"{path} was trained for another base model",
            expected=host.fingerprint,
            got=header["base_model"],
            next_step="load that model, or train an encoder for this one: memgraft train injection",
        )
    settings = json.loads(header["config"])
    config = MnemeConfig.from_dict(
        {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    )
    encoder = new_encoder(host, config)
    tensors = {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    missing, unexpected = encoder.load_state_dict(tensors, strict=False)
    if missing or unexpected:
        raise FolderError(f"{path} does not fit its config", got=f"{missing + unexpected}")
    return encoder.eval().requires_grad_(False)


def shipped_encoder(host: Host) -> MemoryEncoder | None:
    """The encoder that comes with the package for this base model, if there is one."""
    path = Path(str(files("memgraft.injection") / "pretrained" / f"{host.fingerprint}.safetensors"))
    return load_encoder(host, path) if path.is_file() else None


def _precision(host: Host, layer: int, config: MnemeConfig) -> torch.Tensor:
    """A⁻¹ of a layer, from how ordinary chats use it."""
    moment = background(host, layer).second_moment.double()
    ridge = config.covariance * moment + config.ridge * torch.eye(len(moment), dtype=moment.dtype)
    return torch.linalg.inv(ridge).float()
