"""What is evaluated: branches over their base, or a patched model that was saved whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.evals.mag_stream import read
from memgraft.evals.mag_subject import Subject, check_modes, open_subject
from memgraft.host.load import load_host
from memgraft.mag.checkpoint import save_branch
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

CONFIG = PatchConfig(memory_heads=2, memory_head_dim=4, chunk_size=8, window=4)


@pytest.fixture
def folders(tiny_host: Callable[[str], Any], tmp_path: Path) -> tuple[str, Path, str]:
    """A base, branches for it, and the two saved as one."""
    host = tiny_host("qwen3")
    host.model.save_pretrained(tmp_path / "base")
    host.tokenizer.save_pretrained(tmp_path / "base")
    loaded = load_host(str(tmp_path / "base"))
    model = patch_with_mag(loaded.model, CONFIG)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=torch.Generator().manual_seed(7))
    save_branch(model, tmp_path / "branch", loaded, {"steps": 7})
    model.save_pretrained(tmp_path / "whole")
    host.tokenizer.save_pretrained(tmp_path / "whole")
    return str(tmp_path / "base"), tmp_path / "branch", str(tmp_path / "whole")


def logits(subject: Subject, mode: str) -> torch.Tensor:
    row = torch.randint(0, 250, (40,), generator=torch.Generator().manual_seed(3)).tolist()
    with subject.reader(mode) as model:
        return read(model, [row], 16).logits.float()


def test_one_saved_whole_and_one_in_parts_are_the_same(folders: tuple[str, Path, str]) -> None:
    base, branch, whole = folders
    parts, one = open_subject(None, branch), open_subject(whole)
    for mode in ("on", "off", "write-disabled", "full"):
        torch.testing.assert_close(logits(parts, mode), logits(one, mode))
    assert parts.fingerprint == one.fingerprint
    assert parts.about["card"] == {"steps": 7} and parts.about["window"] == 4
    alone = open_subject(base)
    assert torch.equal(logits(alone, "full"), logits(parts, "full"))
    assert not torch.allclose(logits(parts, "on"), logits(parts, "off"))
    assert not torch.allclose(logits(parts, "off"), logits(parts, "full"))


@pytest.mark.parametrize("which", ["parts", "whole"])
def test_another_window(which: str, folders: tuple[str, Path, str]) -> None:
    _, branch, whole = folders
    given: tuple[Any, Any] = (None, branch) if which == "parts" else (whole, None)
    wide = open_subject(*given, window=64)
    assert wide.patched.config.patch.window == 64
    torch.testing.assert_close(logits(wide, "off"), logits(wide, "full"))
    assert not torch.allclose(logits(wide, "off"), logits(open_subject(*given), "off"))
    assert wide.fingerprint != open_subject(*given).fingerprint


def test_half_precision_is_near(folders: tuple[str, Path, str]) -> None:
    _, branch, _ = folders
    exact, half = open_subject(None, branch), open_subject(None, branch, dtype="bfloat16")
    assert half.patched.dtype == half.base.dtype == torch.bfloat16
    for mode in ("on", "full"):
        one, other = logits(exact, mode), logits(half, mode)
        assert torch.corrcoef(torch.cat([one, other]))[0, 1] > 0.95
        assert not torch.equal(one, other)
    assert half.fingerprint == exact.fingerprint
    # Converted, they still share their weights.
    for one in (exact, half):
        shared = (one.base.lm_head.weight, one.patched.lm_head.weight)
        assert shared[0].data_ptr() == shared[1].data_ptr()


def test_branches_stay_wide_where_they_say_so(
    folders: tuple[str, Path, str], tmp_path: Path
) -> None:
    host = load_host(folders[0])
    model = patch_with_mag(host.model, replace(CONFIG, branch_dtype="float32"))
    save_branch(model, tmp_path / "wide", host)
    patched = open_subject(None, tmp_path / "wide", dtype="bfloat16").patched
    assert patched.lm_head.weight.dtype == torch.bfloat16
    assert patched.branches()[0].gate.weight.dtype == torch.float32


def test_a_base_has_no_memory(folders: tuple[str, Path, str]) -> None:
    subject = open_subject(folders[0])
    with pytest.raises(InvalidInput, match="no memory branches"), subject.reader("on"):
        pass
    with pytest.raises(InvalidInput, match="without a window"):
        open_subject(folders[0], window=8)


def test_what_does_not_belong_together(
    folders: tuple[str, Path, str], tiny_host: Callable[[str], Any], tmp_path: Path
) -> None:
    _, branch, whole = folders
    with pytest.raises(InvalidInput, match="two sets of memory branches"):
        open_subject(whole, branch)
    other = tiny_host("llama")
    other.model.save_pretrained(tmp_path / "other")
    other.tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(FolderError, match="another base"):
        open_subject(str(tmp_path / "other"), branch)
    with pytest.raises(InvalidInput, match="float99"):
        open_subject(None, branch, dtype="float99")


def test_modes_are_checked_before_anything_is_loaded() -> None:
    check_modes(["on", "full"], 256)
    with pytest.raises(InvalidInput, match="half"):
        check_modes(["half"], None)
    with pytest.raises(InvalidInput, match="without a window"):
        check_modes(["full"], 256)
