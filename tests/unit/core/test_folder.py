"""Folders: whole files or none, and clear errors for what is not one of ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, load_config, replaced, save_arrays, save_config


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    for content in ("one", "two"):
        with replaced(path) as part:
            assert part.parent == path.parent
            part.write_text(content)
        assert path.read_text() == content
    assert names(path.parent) == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replaced(path) as part:
        part.write_text("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr("os.link", refuse)
    path = tmp_path / "file.txt"
    with replaced(path, overwrite=False) as part:
        part.write_text("mine")
    assert path.read_text() == "mine"
    with pytest.raises(FileExistsError), replaced(path, overwrite=False) as part:
        part.write_text("another")
    assert path.read_text() == "mine"
    assert names(tmp_path) == ["file.txt"]


def refuse(*_: object) -> None:
    raise PermissionError


def test_arrays_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "empty": np.zeros((0, 4), dtype=np.int64),
        "half": np.array([1.5, np.nan], dtype=np.float16),
    }
    save_arrays(path, arrays, {"ids": '["é"]'})
    loaded, header = load_arrays(path)
    assert header == {"ids": '["é"]'}
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_no_header_is_an_empty_one(tmp_path: Path) -> None:
    save_arrays(tmp_path / "x", {"a": np.ones(1)}, {})
    assert load_arrays(tmp_path / "x")[1] == {}


@pytest.mark.parametrize("content", [b"", b"not tensors", b"\xff" * 100])
def test_damaged_arrays_are_a_folder_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.safetensors"
    path.write_bytes(content)
    with pytest.raises(FolderError, match="a safetensors file"):
        load_arrays(path)


def test_cut_off_and_missing_arrays_are_a_folder_error(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    with pytest.raises(FolderError):
        load_arrays(path)
    save_arrays(path, {"a": np.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FolderError):
        load_arrays(path)


def test_a_configuration_comes_back(tmp_path: Path) -> None:
    save_config(tmp_path / "home", "retrieval", 2, {"width": 3, "name": "é"})
    assert load_config(tmp_path / "home", "retrieval", 2) == {"width": 3, "name": "é"}
    assert load_config(tmp_path / "home", "retrieval", 3) == {"width": 3, "name": "é"}
    assert names(tmp_path / "home") == ["config.json"]


@pytest.mark.parametrize(("kind", "version"), [("injection", 2), ("retrieval", 1)])
def test_another_kind_or_a_newer_version_is_refused(
    tmp_path: Path, kind: str, version: int
) -> None:
    save_config(tmp_path, "retrieval", 2, {})
    with pytest.raises(FolderError, match="got: retrieval of version 2; next: upgrade"):
        load_config(tmp_path, kind, version)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "null", "{}", '{"kind": "x"}', '{"kind": "x", "version": null}', "\x00"],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(FolderError, match="is not a memgraft folder"):
        load_config(tmp_path, "x", 1)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is not a memgraft folder"):
        load_config(tmp_path / "missing", "x", 1)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    save_config(tmp_path, "x", 1, {"b": 1, "a": 2})
    content = (tmp_path / "config.json").read_text()
    assert json.loads(content) == {"kind": "x", "version": 1, "a": 2, "b": 1}
    assert content.endswith("}\n")
