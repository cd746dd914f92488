"""Deltas at rest: what was saved comes back, and nothing else is taken for a delta."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.scope import Scope
from memgraft.injection.delta import LowRankDelta, load_delta

ARRAYS = ("a", "b", "routes")


@pytest.fixture
def delta() -> LowRankDelta:
    torch.manual_seed(8)
    routes = np.random.default_rng(8).standard_normal((4, 6)).astype(np.float16)
    return LowRankDelta(
        record_id="0198c0de-0000-7000-8000-000000000001",
        version=3,
        text="My sœur is called Zoë 🙂 \n 'quoted'",
        scope=Scope(user_id="ünal", run_id="7"),
        layer=24,
        a=torch.randn(32, 5).half(),
        b=torch.randn(64, 5).half(),
        routes=routes.astype(np.float32),
        checked=True,
    )


def same(one: LowRankDelta, other: LowRankDelta) -> bool:
    plain = [field.name for field in fields(LowRankDelta) if field.name not in ARRAYS]
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and (one.a.dtype, one.b.dtype, one.routes.dtype)
        == (other.a.dtype, other.b.dtype, other.routes.dtype)
        and torch.equal(one.a, other.a)
        and torch.equal(one.b, other.b)
        and np.array_equal(one.routes, other.routes)
    )


@pytest.mark.parametrize("checked", [True, False])
def test_saved_and_loaded_exactly(delta: LowRankDelta, tmp_path: Path, checked: bool) -> None:
    delta, path = replace(delta, checked=checked), tmp_path / "new" / "fact.safetensors"
    delta.save(path)
    assert same(load_delta(path), delta)
    assert list(path.parent.iterdir()) == [path]


def test_saving_again_replaces(delta: LowRankDelta, tmp_path: Path) -> None:
    path = tmp_path / "fact.safetensors"
    delta.save(path)
    newer = replace(delta, version=4, a=delta.a[:, :1].contiguous())
    newer.save(path)
    assert same(load_delta(path), newer)
    assert not same(load_delta(path), delta)


def test_the_term_is_the_change_itself(delta: LowRankDelta) -> None:
    term = delta.term()
    assert (term.layer, term.gain) == (24, 1.0)
    assert term.a is delta.a
    assert term.b is delta.b


def test_bytes_at_rest(delta: LowRankDelta, tmp_path: Path) -> None:
    path = tmp_path / "fact.safetensors"
    delta.save(path)
    assert delta.nbytes == 2 * (32 * 5 + 64 * 5 + 4 * 6)
    assert 0 < path.stat().st_size - delta.nbytes < 1000  # the header


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(delta: LowRankDelta, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "fact.safetensors"
    delta.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FolderError, match="cannot read"):
        load_delta(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="absent"):
        load_delta(tmp_path / "absent.safetensors")


def test_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_text("this is no safetensors file, but it is long enough to look like one")
    with pytest.raises(FolderError, match="cannot read"):
        load_delta(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("record_id", None), ("version", "three"), ("scope", "{"), ("scope", '{"planet": "earth"}')],
)
def test_a_damaged_header_is_refused(
    delta: LowRankDelta, tmp_path: Path, name: str, value: str | None
) -> None:
    path = tmp_path / "fact.safetensors"
    delta.save(path)
    arrays, header = load_arrays(path)
    header.pop(name)
    save_arrays(path, arrays, header if value is None else header | {name: value})
    with pytest.raises(FolderError, match="not a delta"):
        load_delta(path)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_array_is_refused(delta: LowRankDelta, tmp_path: Path, name: str) -> None:
    path = tmp_path / "fact.safetensors"
    delta.save(path)
    arrays, header = load_arrays(path)
    arrays.pop(name)
    save_arrays(path, arrays, header)
    with pytest.raises(FolderError, match="not a delta"):
        load_delta(path)
