"""What the edited projection sees in ordinary chat: what a new key must stand out from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.paths import cache_folder
from memgraft.host.load import Host
from memgraft.injection.probe import projection_inputs


@dataclass(frozen=True)
class Background:
    """Statistics of one projection's inputs on a bundled sample of chats.

    Shapes: second_moment (d, d), starts (n_chats, d): the inputs at the last token of a prompt,
    where a reply begins.
    """

    second_moment: Tensor
    starts: Tensor


def background(host: Host, layer: int) -> Background:
    """Load from the cache, or measure (a few seconds, once per model and layer)."""
    path = cache_folder() / "background" / f"{host.fingerprint}-{layer}.safetensors"
    if path.is_file():
        try:
            return _load(path)
        except (FolderError, KeyError):
            path.unlink()
    measured = measure(host, layer, sample())
    save_arrays(
        path,
        {"second_moment": measured.second_moment.numpy(), "starts": measured.starts.numpy()},
        {},
    )
    return measured


@cache
def sample() -> tuple[tuple[str, str], ...]:
    """The bundled chats: (what the user says, what the assistant replies)."""
    text = (files("memgraft.injection") / "chat_sample.txt").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    return tuple((said, replied) for said, replied in lines)


def other_questions(count: int) -> list[str]:
    """Questions about other things than anybody's facts, spread over the bundled chats."""
    asked = [said for said, _ in sample() if said.endswith("?")]
    return asked[1 :: len(asked) // count][:count]


def measure(host: Host, layer: int, chats: Sequence[tuple[str, str]]) -> Background:
    """One forward pass per chat."""
    rows: list[Tensor] = []
    starts: list[Tensor] = []
    for said, replied in chats:
        prompt = host.encode(host.prompt([{"role": "user", "content": said}]))
        inputs = projection_inputs(host.model, layer, prompt + host.encode(replied)).cpu()
        rows.append(inputs)
        starts.append(inputs[len(prompt) - 1])
    stacked = torch.cat(rows)
    return Background(stacked.T @ stacked / len(stacked), torch.stack(starts))


def _load(path: Path) -> Background:
    arrays, _ = load_arrays(path)
    return Background(torch.from_numpy(arrays["second_moment"]), torch.from_numpy(arrays["starts"]))
