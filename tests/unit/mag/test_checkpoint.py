"""Branches at rest: they come back, and only to the base that they belong to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput, ModelError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.mag.checkpoint import (
    FILE,
    base_fingerprint,
    base_of,
    load_branch,
    read_branch,
    save_branch,
    shipped_branch,
)

from .grafted import KINDS, LINEAR, MLP, close, trained, words

TinyHost = Callable[[str], Any]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "config", [LINEAR, MLP, replace(LINEAR, lora_rank=2)], ids=["linear", "mlp", "lora"]
)
def test_branches_come_back(tiny_host: TinyHost, kind: str, config: Any, tmp_path: Path) -> None:
    config = replace(config, window=4, layers=(1, 3))
    model, host = trained(tiny_host, kind, config), tiny_host(kind)
    for name, part in model.named_parameters():
        if ".lora." in name:
            part.data.normal_(std=0.1, generator=torch.Generator().manual_seed(5))
    save_branch(model, tmp_path / "b", host, {"steps": 3})
    loaded = load_branch(tmp_path / "b", host)
    assert torch.equal(loaded(words()).logits, model(words()).logits)
    saved = read_branch(tmp_path / "b")
    assert (saved.base, saved.card, saved.config) == (host.name, {"steps": 3}, config)
    about = json.loads((tmp_path / "b" / "config.json").read_text(encoding="utf-8"))
    assert about["fingerprint"] == host.fingerprint
    # Not the base: what is kept is what was trained.
    trainable = sum(part.numel() for part in model.parameters() if part.requires_grad)
    assert sum(part.numel() for part in saved.weights.values()) == trainable


def test_the_file_alone_is_enough(tiny_host: TinyHost, tmp_path: Path) -> None:
    model = trained(tiny_host, "llama")
    save_branch(model, tmp_path, tiny_host("llama"))
    moved = (tmp_path / FILE).rename(tmp_path / "mine.safetensors")
    loaded = load_branch(moved, tiny_host("llama"))
    assert torch.equal(loaded(words()).logits, model(words()).logits)


def test_half_precision_is_half_as_large_and_close(tiny_host: TinyHost, tmp_path: Path) -> None:
    model, host = trained(tiny_host, "llama"), tiny_host("llama")
    save_branch(model, tmp_path / "full", host)
    save_branch(model, tmp_path / "half", host, dtype=torch.float16)
    full, half = ((tmp_path / name / FILE).stat().st_size for name in ("full", "half"))
    assert half < 0.6 * full
    loaded = load_branch(tmp_path / "half", host)
    assert next(iter(loaded.branches().values())).gate.weight.dtype == torch.float32
    assert (loaded(words()).logits - model(words()).logits).abs().max() < 0.05


def test_branches_that_ship_have_names(
    tiny_host: TinyHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.mag.checkpoint.SHIPPED", tmp_path)
    save_branch(trained(tiny_host, "llama"), tmp_path / "known", tiny_host("llama"), {"steps": 4})
    assert read_branch(Path("known")).card == {"steps": 4}
    assert shipped_branch("known") == tmp_path / "known"
    assert shipped_branch("unknown") is shipped_branch("../known") is None
    with pytest.raises(FolderError, match=r"no memory branches in unknown.*what ships: known"):
        read_branch(Path("unknown"))


def test_another_window(tiny_host: TinyHost, tmp_path: Path) -> None:
    host = tiny_host("llama")
    save_branch(trained(tiny_host, "llama", replace(LINEAR, window=4)), tmp_path, host)
    model = load_branch(tmp_path, host, window=6)
    wanted = trained(tiny_host, "llama", replace(LINEAR, window=6))
    assert torch.equal(model(words()).logits, wanted(words()).logits)


def test_another_base_is_refused(tiny_host: TinyHost, tmp_path: Path) -> None:
    save_branch(trained(tiny_host, "llama"), tmp_path, tiny_host("llama"))
    with pytest.raises(FolderError, match="another base"):
        load_branch(tmp_path, tiny_host("mistral"))


def test_a_base_that_has_moved_is_told_of(tiny_host: TinyHost, tmp_path: Path) -> None:
    host = replace(tiny_host("llama"), name=str(tmp_path / "nowhere"))
    save_branch(trained(tiny_host, "llama"), tmp_path / "b", host)
    with pytest.raises(ModelError, match=r"the base of .* cannot be loaded"):
        load_branch(tmp_path / "b")


def test_a_trained_base_is_not_left_behind(tiny_host: TinyHost, tmp_path: Path) -> None:
    model = trained(tiny_host, "llama")
    layer = model.model.layers[0].mlp.down_proj
    layer.weight = torch.nn.Parameter(layer.weight + 0.1)
    with pytest.raises(InvalidInput, match="not the model that is named"):
        save_branch(model, tmp_path / "b", tiny_host("llama"))
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_cannot_be_kept(tiny_host: TinyHost, value: float, tmp_path: Path) -> None:
    model = trained(tiny_host, "llama")
    model.branches()[0].gate.bias.data[0] = value
    with pytest.raises(InvalidInput, match="not finite"):
        save_branch(model, tmp_path, tiny_host("llama"), dtype=torch.float16)
    with pytest.raises(InvalidInput, match="float16 or float32"):
        save_branch(model, tmp_path, tiny_host("llama"), dtype=torch.bfloat16)


def test_what_is_no_branch(tiny_host: TinyHost, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no memory branches"):
        read_branch(tmp_path)
    save_arrays(tmp_path / FILE, {}, {"kind": "cheese"})
    with pytest.raises(FolderError, match="mag-branch"):
        read_branch(tmp_path)
    save_branch(trained(tiny_host, "llama"), tmp_path, tiny_host("llama"))
    arrays, header = load_arrays(tmp_path / FILE)
    save_arrays(tmp_path / FILE, arrays, {**header, "version": "2"})
    with pytest.raises(FolderError, match="version 2"):
        read_branch(tmp_path)
    save_arrays(tmp_path / FILE, arrays, {**header, "about": "{}"})
    with pytest.raises(FolderError, match="cannot read"):
        read_branch(tmp_path)
    name = next(iter(arrays))
    del arrays[name]
    save_arrays(tmp_path / FILE, arrays, header)
    with pytest.raises(FolderError, match=name):
        load_branch(tmp_path, tiny_host("llama"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_under_the_branches(tiny_host: TinyHost, kind: str) -> None:
    host = tiny_host(kind)
    model = trained(tiny_host, kind, replace(LINEAR, window=4))
    assert base_fingerprint(model) == host.fingerprint
    base = base_of(model)
    assert type(base) is type(host.model)
    ids = words(length=8)  # no longer than the window that Mistral has by itself
    close(base(ids).logits, host.model(ids).logits)
