"""Written facts at rest: what was saved comes back, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.scope import Scope
from memgraft.injection.delta import Delta, LatentDelta, LowRankDelta
from memgraft.injection.written import WrittenFact, load_fact, rounded


def low_rank(rank: int = 5) -> LowRankDelta:
    return LowRankDelta.rounded(
        {layer: (torch.randn(32, rank), torch.randn(64, rank)) for layer in (3, 24)}
    )


def latent() -> LatentDelta:
    return LatentDelta(torch.randint(-127, 128, (6, 8)).to(torch.int8), torch.arange(7) * 9000)


@pytest.fixture(params=[low_rank, latent])
def fact(request: pytest.FixtureRequest) -> WrittenFact:
    torch.manual_seed(8)
    return WrittenFact(
        record_id="0198c0de-0000-7000-8000-000000000001",
        version=3,
        text="My sœur is called Zoë 🙂 \n 'quoted'",
        scope=Scope(user_id="ünal", run_id="7"),
        key=rounded(np.random.default_rng(8).standard_normal(6).astype(np.float32)),
        checked=True,
        delta=request.param(),
    )


def same(one: WrittenFact, other: WrittenFact) -> bool:
    plain = ("record_id", "version", "text", "scope", "checked")
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and one.key.dtype == other.key.dtype
        and np.array_equal(one.key, other.key)
        and same_delta(one.delta, other.delta)
    )


def same_delta(one: Delta, other: Delta) -> bool:
    mine, theirs = one.arrays(), other.arrays()
    return (
        type(one) is type(other)
        and mine.keys() == theirs.keys()
        and all(mine[name].dtype == theirs[name].dtype for name in mine)
        and all(np.array_equal(mine[name], theirs[name]) for name in mine)
    )


@pytest.mark.parametrize("checked", [True, False])
def test_saved_and_loaded_exactly(fact: WrittenFact, tmp_path: Path, checked: bool) -> None:
    fact, path = replace(fact, checked=checked), tmp_path / "new" / "fact.safetensors"
    fact.save(path)
    assert same(load_fact(path), fact)
    assert list(path.parent.iterdir()) == [path]


def test_saving_again_replaces(fact: WrittenFact, tmp_path: Path) -> None:
    path = tmp_path / "fact.safetensors"
    fact.save(path)
    newer = replace(fact, version=4, delta=low_rank(1))
    newer.save(path)
    assert same(load_fact(path), newer)
    assert not same(load_fact(path), fact)


def test_keys_are_rounded_once() -> None:
    for key in np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32):
        once = rounded(key)
        assert np.array_equal(rounded(once), once)
        assert np.abs(once - key).max() <= np.abs(key).max() / 127


def test_a_key_of_zeros() -> None:
    assert not rounded(np.zeros(6, dtype=np.float32)).any()


def test_bytes_at_rest(fact: WrittenFact, tmp_path: Path) -> None:
    path = tmp_path / "fact.safetensors"
    fact.save(path)
    numbers = 6 * 8 + 4 * 7 if fact.delta.form == "latent" else 2 * 2 * (32 * 5 + 64 * 5)
    assert fact.nbytes == numbers + 6 + 2
    assert 0 < path.stat().st_size - fact.nbytes < 1000  # the header


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(fact: WrittenFact, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "fact.safetensors"
    fact.save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FolderError, match="cannot read"):
        load_fact(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="absent"):
        load_fact(tmp_path / "absent.safetensors")


def test_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_text("this is no safetensors file, but it is long enough to look like one")
    with pytest.raises(FolderError, match="cannot read"):
        load_fact(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("record_id", None),
        ("form", "jelly"),
        ("version", "three"),
        ("scope", "{"),
        ("scope", '{"planet": "earth"}'),
    ],
)
def test_a_damaged_header_is_refused(
    fact: WrittenFact, tmp_path: Path, name: str, value: str | None
) -> None:
    path = tmp_path / "fact.safetensors"
    fact.save(path)
    arrays, header = load_arrays(path)
    header.pop(name)
    save_arrays(path, arrays, header if value is None else header | {name: value})
    with pytest.raises(FolderError, match="not a written fact"):
        load_fact(path)


def test_a_missing_array_is_refused(fact: WrittenFact, tmp_path: Path) -> None:
    path = tmp_path / "fact.safetensors"
    fact.save(path)
    arrays, header = load_arrays(path)
    for name in arrays:
        save_arrays(path, {n: array for n, array in arrays.items() if n != name}, header)
        with pytest.raises(FolderError, match="not a written fact"):
            load_fact(path)
