"""Opening a memory by names: what is refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.open import open_memory


def test_an_unknown_home_or_writer_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "m.db"
    with pytest.raises(InvalidInput, match="home"):
        open_memory(str(store), home="attic")
    with pytest.raises(InvalidInput, match="writer"):
        open_memory(str(store), writer="poet")
    monkeypatch.setenv("MEMGRAFT_WRITER", "poet")
    with pytest.raises(InvalidInput, match="writer"):
        open_memory(str(store))
    assert not store.exists()
