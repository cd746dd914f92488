"""A network that was trained for one base model, at rest: a safetensors file with a header."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.host.load import Host

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Kind:
    """What a file holds, the newest version that is understood, and `memgraft train` what."""

    name: str
    version: int
    command: str


def save_network(
    network: nn.Module, config: Config, path: Path, kind: Kind, base: str, card: dict[str, Any]
) -> None:
    """Write the trained weights in half precision.

    Args:
        base: the fingerprint of the base model.
        card: how it was trained, kept in the header.
    """
    arrays = {n: p.detach().half().cpu().numpy() for n, p in network.named_parameters()}
    header = {
        "kind": kind.name,
        "version": str(kind.version),
        "base_model": base,
        "config": json.dumps(config.to_dict()),
        "card": json.dumps(card),
    }
    save_arrays(path, arrays, header)


def load_network(host: Host, path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `save_network` wrote: the fields of the config, and the weights in float32.

    Raises:
        FolderError: the file is damaged, of another kind, or for another base model.
    """
    arrays, header = load_arrays(path)
    if header.get("kind") != kind.name or int(header.get("version", 0)) > kind.version:
        raise FolderError(
            f"{path} is no {kind.name}",
            expected=f"{kind.name} of version {kind.version} or older",
            got=f"{header.get('kind')} of version {header.get('version')}",
        )
    if header["base_model"] != host.fingerprint:
        raise FolderError(
            f"{path} was trained for another base model",
            expected=host.fingerprint,
            got=header["base_model"],
            next_step=f"load that model, or train for this one: memgraft train {kind.command}",
        )
    settings = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(header["config"]).items()
    }
    return settings, {name: torch.from_numpy(array).float() for name, array in arrays.items()}


def filled(network: Network, weights: dict[str, Tensor], path: Path) -> Network:
    """The network with the weights of a file, frozen; `FolderError` where they do not fit."""
    missing, unexpected = network.load_state_dict(weights, strict=False)
    if missing or unexpected:
        raise FolderError(f"{path} does not fit its config", got=f"{missing + unexpected}")
    return network.eval().requires_grad_(False)
