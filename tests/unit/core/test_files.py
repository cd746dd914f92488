"""One file per record: what a folder was made with, and what killed writes leave behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from memgraft.core.errors import FolderError
from memgraft.core.files import STALE, RecordFiles

MADE_WITH = {"encoder": "toy"}


def opened(folder: Path, **identity: str) -> RecordFiles:
    return RecordFiles(folder, "test-records", 1, identity or MADE_WITH)


def test_paths_are_found_again_in_order_of_creation(tmp_path: Path) -> None:
    files = opened(tmp_path / "a" / "b")
    for record_id in ("02", "01", "03"):
        files.path(record_id).touch()
    files.remove("03")
    files.remove("unknown")
    again = opened(tmp_path / "a" / "b")
    assert [path.stem for path in again.paths()] == ["01", "02"]


def test_another_identity_kind_or_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(FolderError, match=r"encoder other.*got: encoder toy"):
        opened(tmp_path, encoder="other")
    with pytest.raises(FolderError, match="cannot use"):
        RecordFiles(tmp_path, "other-records", 1, MADE_WITH)
    with pytest.raises(FolderError, match="version 0 or older"):
        RecordFiles(tmp_path, "test-records", 0, MADE_WITH)


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="cannot write to"):
        opened(tmp_path / "file" / "folder")


def test_leftovers_of_killed_writes_are_never_read_and_swept_when_stale(tmp_path: Path) -> None:
    opened(tmp_path)
    records = tmp_path / "records"
    stale = [tmp_path / ".config.json.x.part", records / ".01.safetensors.x.part"]
    fresh = records / ".02.safetensors.y.part"
    record = records / "03.safetensors"
    for path in (*stale, fresh, record):
        path.touch()
    long_ago = time.time() - STALE - 10
    for path in (*stale, record):
        os.utime(path, (long_ago, long_ago))
    files = opened(tmp_path)
    assert [path.exists() for path in stale] == [False, False]
    assert fresh.exists(), "another process may be writing it just now"
    assert list(files.paths()) == [record]
