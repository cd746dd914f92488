"""Static words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memgraft.core.errors import FolderError
from memgraft.text.ngrams import grams
from memgraft.text.packed import save_packed
from memgraft.text.static import StaticWords, save_static


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"words": (3, 8), "grams": (31, 8), "basis": (8, 12)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def path(arrays: dict[str, np.ndarray], tmp_path: Path) -> Path:
    save_static(tmp_path / "a.safetensors", ["tea", "cup", "?"], arrays, {})
    return tmp_path / "a.safetensors"


def test_a_text_is_the_sum_of_its_words(path: Path, arrays: dict[str, np.ndarray]) -> None:
    unknown = arrays["grams"][list(grams("green", 31))].sum(axis=0)
    due = (unknown + arrays["words"][0] + arrays["words"][2]) @ arrays["basis"]
    (found,) = StaticWords(path).encode(["Green TEA?"])
    assert found @ due / np.linalg.norm(due) > 0.999


def test_every_text_has_a_unit_vector(path: Path, arrays: dict[str, np.ndarray]) -> None:
    texts = ["", " ", "👩‍🚀", "日本語", "x" * 100_000, "tea " * 50_000]
    vectors = StaticWords(path).encode(texts)
    assert vectors.dtype == np.float32 and vectors.shape == (6, 12)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    save_static(path, ["tea"], {**arrays, "words": arrays["words"][:1] * 0}, {})
    assert np.allclose(np.linalg.norm(StaticWords(path).encode(["tea"]), axis=1), 1, atol=1e-5)


def test_incomplete_weights_are_refused(path: Path) -> None:
    save_packed(path, "static", {"words": np.zeros((2, 2), np.float32)}, {})
    with pytest.raises(FolderError, match="incomplete"):
        StaticWords(path)


def test_no_torch_is_loaded(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from memgraft.text.static import StaticWords;"
        f"StaticWords(Path({str(path)!r})).encode(['tea']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
