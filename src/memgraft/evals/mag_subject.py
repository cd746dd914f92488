"""A model with memory branches as evaluations want it: with its window, and its base without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from memgraft.core.bundles import DEFAULT_MODEL, Progress
from memgraft.core.errors import InvalidInput
from memgraft.host.load import Host, fingerprint, load_host
from memgraft.mag.checkpoint import (
    BRANCH,
    base_of,
    base_weights,
    branch_weights,
    load_base,
    patched_with,
    read_branch,
    with_branches,
)
from memgraft.mag.models import PREFIX
from memgraft.mag.patch import patch_with_mag

# How a text is read: with the memory; with the window alone; with a memory that nothing is written
# into; by the base, whose attention sees it all.
MODES = {"on": "on", "off": "off", "write-disabled": "read", "full": None}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, eq=False)
class Subject:
    """What is evaluated.

    patched: None for a model without branches. base: shares its weights. fingerprint: of all
    weights and of the window. about: what the report tells of it.
    """

    patched: Any
    base: Any
    tokenizer: Any
    ends: frozenset[int]
    fingerprint: str
    about: dict[str, Any]

    @contextmanager
    def reader(self, mode: str) -> Iterator[Any]:
        """The model that reads in this mode, for as long as the context lasts.

        Raises:
            InvalidInput: another mode, or one that needs branches where there are none.
        """
        self.require(mode)
        if mode == "full":
            yield self.base
            return
        with self.patched.memories_set_to(MODES[mode]):
            yield self.patched

    def require(self, mode: str) -> None:
        """`InvalidInput` unless there is such a reader."""
        check_modes([mode], None)
        if mode != "full" and self.patched is None:
            raise InvalidInput(
                f"{self.about['model']} has no memory branches to be {mode}",
                expected="a folder that save_pretrained of a patched model wrote, or --branch",
                next_step="give --branch FOLDER, or measure the base alone with --mode full",
            )


def open_subject(
    model: str | None = None,
    branch: Path | None = None,
    window: int | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    progress: Progress | None = None,
) -> Subject:
    """Load what is to be evaluated.

    Args:
        model: what `load_host` loads: a patched model that was saved whole, or a base. Left out,
            it is the base that the branch was trained for, or the default model.
        branch: what `mag.checkpoint.save_branch` wrote.
        window: of the attention, if another one than was trained with.
        dtype: of the weights, of `DTYPES`; memory states are float32 in any case.

    Raises:
        InvalidInput: the model has branches already; a window and nothing that it is for; another
            dtype.
        FolderError, ModelError: something cannot be loaded, or does not belong together.
    """
    if dtype not in DTYPES:
        raise InvalidInput(f"no dtype is called {dtype!r}", expected=", ".join(DTYPES), got=dtype)
    host, patched, card = _loaded(model, branch, window, progress)
    base = base_of(host.model) if _is_patched(host) else host.model
    if patched is None and window is not None:
        raise InvalidInput(
            f"{host.name} has no memory branches, and is measured without a window",
            expected="a patched model or --branch with --window",
            got=f"--window {window}",
            next_step="give --branch, or leave --window out",
        )
    shown = None if patched is None else patched.config.patch
    mark = fingerprint(base if patched is None else patched)
    _convert(base if patched is None else patched, DTYPES[dtype], device)
    if patched is not None:
        # Converted once, and shared again.
        base.load_state_dict(base_weights(patched), assign=True)
        base.tie_weights()
        base.to(device)
    about = {
        "model": host.name,
        "branch": None if branch is None else str(branch),
        "window": shown and shown.window,
        "dtype": dtype,
        "device": device,
        "patch": shown and shown.to_dict(),
        "card": card,
    }
    window_shown = "" if shown is None else f"-{shown.window}"
    return Subject(patched, base, host.tokenizer, host.end_ids, f"{mark}{window_shown}", about)


def check_modes(modes: Sequence[str], window: int | None) -> None:
    """What can be told before anything is loaded.

    Raises:
        InvalidInput: there is no such mode; or a window, and no mode that has one.
    """
    for mode in modes:
        if mode not in MODES:
            raise InvalidInput(f"no mode is called {mode!r}", expected=", ".join(MODES), got=mode)
    if window is not None and set(modes) == {"full"}:
        raise InvalidInput(
            "--mode full is the base without a window",
            expected="one of the two",
            got=f"--mode full --window {window}",
            next_step="leave --window out, or add --mode off",
        )


def _loaded(
    model: str | None, branch: Path | None, window: int | None, progress: Progress | None
) -> tuple[Host, Any, dict[str, Any]]:
    """The host, the patched model if there is one, and the card of its branches."""
    if branch is None:
        host = load_host(model or DEFAULT_MODEL, progress)
        return host, _windowed(host.model, window) if _is_patched(host) else None, {}
    saved = read_branch(branch)
    host = load_host(model, progress) if model else load_base(saved, branch)
    if _is_patched(host):
        raise InvalidInput(
            "there are two sets of memory branches",
            expected="a patched model, or a base with --branch",
            got=f"{host.name}, which has branches, and {branch}",
            next_step="leave one of --model and --branch out",
        )
    return host, patched_with(saved, host, window), saved.card


def _is_patched(host: Host) -> bool:
    return str(host.model.config.model_type).startswith(PREFIX)


def _windowed(model: Any, window: int | None) -> Any:
    """The patched model, with another window if one is asked for."""
    if window is None:
        return model
    config = replace(model.config.patch, window=window)
    return with_branches(patch_with_mag(base_of(model), config), branch_weights(model)).eval()


def _convert(model: Any, dtype: torch.dtype, device: str) -> None:
    """Of the weights alone: the frequencies of positions need float32. So do branches whose config
    says so."""
    patch = getattr(model.config, "patch", None)
    wide = patch is not None and patch.branch_dtype == "float32"
    for name, weight in model.named_parameters():
        if not (wide and BRANCH in name):
            weight.data = weight.data.to(dtype)
    model.to(device)
