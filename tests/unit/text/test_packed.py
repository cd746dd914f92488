"""Weights as int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memgraft.core.errors import FolderError
from memgraft.core.folder import save_arrays
from memgraft.text.packed import load_packed, save_packed


def test_rows_come_back_within_half_a_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "rows": rng.standard_normal((5, 4, 3)).astype(np.float32)
        * np.logspace(-4, 4, 5)[:, None, None],
        "zeros": np.zeros((2, 3), np.float32),
        "bias": rng.standard_normal(7).astype(np.float32),
        "letters": np.arange(5, dtype=np.uint8),
    }
    save_packed(tmp_path / "a.safetensors", "toy", arrays, {"width": 3})
    found, settings, name = load_packed(tmp_path / "a.safetensors", "toy")
    assert settings == {"width": 3} and name.startswith("toy:")
    steps = np.abs(arrays["rows"]).max(axis=(1, 2)) / 127
    assert (np.abs(found["rows"] - arrays["rows"]).max(axis=(1, 2)) <= 0.501 * steps).all()
    assert found["rows"].dtype == np.float32
    for same in ("zeros", "bias", "letters"):
        assert np.array_equal(found[same], arrays[same])


def test_other_weights_have_another_id(tmp_path: Path) -> None:
    names = []
    for value in (1.0, 1.0, 2.0):
        save_packed(tmp_path / "a", "toy", {"a": np.full((2, 2), value, np.float32)}, {})
        names.append(load_packed(tmp_path / "a", "toy")[2])
    assert names[0] == names[1] != names[2]


def test_what_is_not_of_the_kind_is_refused(tmp_path: Path) -> None:
    save_packed(tmp_path / "a", "toy", {"a": np.zeros(2)}, {})
    with pytest.raises(FolderError, match="expected: memgraft-text-encoder 1 of kind other"):
        load_packed(tmp_path / "a", "other")
    save_arrays(tmp_path / "b", {"a": np.zeros(2)}, {})
    with pytest.raises(FolderError, match="of another kind"):
        load_packed(tmp_path / "b", "toy")
    with pytest.raises(FolderError, match="cannot read"):
        load_packed(tmp_path / "missing", "toy")
