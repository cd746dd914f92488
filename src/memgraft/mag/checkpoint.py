"""Memory branches at rest, without the base model that they were trained for.

A folder of `config.json`, for whoever wants to know what it is, and `branch.safetensors`, whose
header says the same: the file alone is whole, and what is read always belongs together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memgraft.core.errors import FolderError, InvalidInput, MemgraftError, ModelError
from memgraft.core.folder import load_arrays, save_arrays, save_config
from memgraft.host.load import Host, fingerprint, load_host
from memgraft.mag.models import FAMILIES, PREFIX
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

KIND, VERSION, FILE = "mag-branch", 1, "branch.safetensors"
BRANCH = ".memory_branch."
# Branches that ship, each in a folder by its name; one that is called as its base is the usual one.
SHIPPED = Path(__file__).parent / "pretrained"
DTYPES = (torch.float16, torch.float32)


@dataclass(frozen=True, eq=False)
class SavedBranch:
    """What `save_branch` wrote.

    base: what `load_host` loaded. fingerprint: of the base's weights. card: what is told of the
    training. weights: by their names in the patched model.
    """

    config: PatchConfig
    base: str
    fingerprint: str
    card: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)


def save_branch(
    model: Any,
    folder: Path,
    base: Host,
    card: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write the branches of a patched model; each file is replaced atomically.

    Args:
        model: what `patch_with_mag` made of `base.model`, with the base's weights as they were.
        base: whose name and fingerprint are kept, so that no other model gets the branches.
        card: plain values, such as the data, the steps and the figures reached.
        dtype: float32, or float16 at half the size.

    Raises:
        InvalidInput: the base was trained too, weights are not finite, or another dtype.
    """
    if dtype not in DTYPES:
        raise InvalidInput("branches are kept as float16 or float32", got=str(dtype))
    # In half precision the base's weights are rounded, which the fingerprint would not forgive.
    if model.dtype == torch.float32 and base_fingerprint(model) != base.fingerprint:
        raise InvalidInput(
            "the base under these branches is not the model that is named",
            expected=f"the weights of {base.name}, {base.fingerprint}",
            got=base_fingerprint(model),
            next_step="write a model whose base was trained too whole, with save_pretrained",
        )
    arrays = {name: part.to(dtype).cpu().numpy() for name, part in branch_weights(model).items()}
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:
        raise InvalidInput(
            "there are weights that are not finite",
            expected=f"numbers within {dtype}",
            got=", ".join(broken),
        )
    about = {
        "patch": model.config.patch.to_dict(),
        "base": base.name,
        "fingerprint": base.fingerprint,
        "card": dict(card or {}),
    }
    header = {"kind": KIND, "version": str(VERSION), "about": json.dumps(about)}
    save_arrays(folder / FILE, arrays, header)
    save_config(folder, KIND, VERSION, about)


def read_branch(path: Path) -> SavedBranch:
    """Read what `save_branch` wrote, without the base.

    Args:
        path: the folder, the safetensors file in it, or the name of one that ships.

    Raises:
        FolderError: it is missing, damaged, of another kind or of a newer version.
    """
    if not path.is_file() and not (path / FILE).is_file():
        path = shipped_branch(str(path)) or path
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        names = ", ".join(sorted(folder.name for folder in SHIPPED.glob("*") if folder.is_dir()))
        raise FolderError(
            f"there are no memory branches in {path}",
            expected="a folder that save_branch or `memgraft train mag` wrote",
            got="no such file",
            next_step=f"look at the path, or name what ships: {names}",
        )
    arrays, header = load_arrays(file)
    kind, version = header.get("kind", "none"), header.get("version", "0")
    if kind != KIND or int(version) > VERSION:
        raise FolderError(
            f"cannot use {path}",
            expected=f"{KIND} of version {VERSION} or older",
            got=f"{kind} of version {version}",
            next_step="give a folder that save_branch or `memgraft train mag` wrote",
        )
    try:
        about = json.loads(header["about"])
        config = PatchConfig.from_dict(about["patch"])
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return SavedBranch(config, about["base"], about["fingerprint"], about["card"], weights)
    except (KeyError, TypeError, ValueError) as error:
        raise FolderError(
            f"cannot read {file}", expected="the header of a branch", got=str(error)
        ) from error


def shipped_branch(name: str) -> Path | None:
    """The folder of branches that ship under a name, if any do."""
    folder = SHIPPED / name
    return folder if folder.parent == SHIPPED and (folder / FILE).is_file() else None


def load_branch(path: Path, host: Host | None = None, window: int | None = None) -> Any:
    """The patched model, in eval mode; only its branches can be trained.

    Args:
        path: see `read_branch`.
        host: the base, if it is loaded already; it is shared and not changed. Else it is loaded
            by the name that it had.
        window: of the attention, if another one than was trained with.

    Raises:
        FolderError: it cannot be read, or is for another base.
        ModelError: the base cannot be loaded.
    """
    saved = read_branch(path)
    return patched_with(saved, host or load_base(saved, path), window)


def load_base(saved: SavedBranch, path: Path) -> Host:
    """The base of a branch, by the name that it had."""
    try:
        return load_host(saved.base)
    except MemgraftError as error:
        raise ModelError(
            f"the base of {path} cannot be loaded",
            expected=f"{saved.base}, {saved.fingerprint}",
            got=error.what,
            next_step="name the model, where it has moved",
        ) from error


def patched_with(saved: SavedBranch, host: Host, window: int | None = None) -> Any:
    """See `load_branch`."""
    if host.fingerprint != saved.fingerprint:
        raise FolderError(
            "these branches were trained for another base",
            expected=f"{saved.base}, {saved.fingerprint}",
            got=f"{host.name}, {host.fingerprint}",
            next_step="load the base that they were trained for",
        )
    config = saved.config if window is None else replace(saved.config, window=window)
    return with_branches(patch_with_mag(host.model, config), saved.weights).eval()


def with_branches(model: Any, weights: Mapping[str, Tensor]) -> Any:
    """A patched model, with these weights of its branches, in place.

    Raises:
        FolderError: they are those of other branches.
    """
    own = branch_weights(model)
    wanted = {name: tuple(tensor.shape) for name, tensor in own.items()}
    got = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if wanted != got:
        odd = sorted(name for name in wanted | got if wanted.get(name) != got.get(name))
        raise FolderError(
            "these weights do not fit the branches",
            expected=f"{odd[0]}: {wanted.get(odd[0], 'not there')}",
            got=str(got.get(odd[0], "not there")),
        )
    model.load_state_dict(dict(weights), strict=False)
    return model


def branch_weights(model: Any) -> dict[str, Tensor]:
    """The weights of all branches by their names in the model; shared, not copied."""
    return {name: part for name, part in model.state_dict().items() if BRANCH in name}


def base_weights(model: Any) -> dict[str, Tensor]:
    """The other weights of a patched model, by the names they have in the base."""
    return {name: part for name, part in model.state_dict().items() if BRANCH not in name}


def base_fingerprint(model: Any) -> str:
    """`host.load.fingerprint` of the base under a patched model."""
    kind = SimpleNamespace(model_type=model.config.model_type.removeprefix(PREFIX))
    return fingerprint(SimpleNamespace(config=kind, state_dict=lambda: base_weights(model)))


def base_of(model: Any) -> Any:
    """The base under a patched model, with the attention that it has without a window.

    It shares the memory of its weights with the patched model.
    """
    family = FAMILIES[model.config.model_type.removeprefix(PREFIX)]
    settings = {**model.config.to_dict()}
    for name in ("model_type", "architectures", "mag", "layer_types"):
        settings.pop(name, None)
    settings |= {"use_sliding_window": False, "sliding_window": None}
    config = family.base.config_class(**settings)
    with torch.device("meta"):
        base = family.base._from_config(
            config, dtype=model.dtype, attn_implementation=model.config._attn_implementation
        )
    base.load_state_dict(base_weights(model), assign=True)
    base.tie_weights()
    for name, buffer in model.named_buffers():  # the frequencies of positions, no weights
        place, _, leaf = name.rpartition(".")
        base.get_submodule(place).register_buffer(leaf, buffer.clone(), persistent=False)
    base.generation_config = model.generation_config
    return base.eval().requires_grad_(False)
