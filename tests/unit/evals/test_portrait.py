"""Pictures of a memory: they are made, and of what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.portrait import DAY, portrait
from memgraft.retrieval.memory import SlotMemory
from memgraft.retrieval.trace import Trace
from toys import ToyEncoder

NOW = 100 * DAY


def test_a_memory_is_drawn(tmp_path: Path) -> None:
    memory = SlotMemory(ToyEncoder())
    memory.add([Trace(f"t{i}", f"tea number {i} is green", NOW - i * DAY) for i in range(5)])
    made = portrait(memory, tmp_path, 10, NOW)
    assert [path.name for path in made] == ["activation.png", "categories.png"]
    memory.observe(["t1"], NOW)
    memory.observe(["t2"], NOW + 1)
    made = portrait(memory, tmp_path, 10, NOW + 1)
    assert [path.name for path in made][2:] == ["associations.png"]
    assert all(path.stat().st_size > 5_000 for path in made)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing to draw"):
        portrait(SlotMemory(ToyEncoder()), tmp_path / "none", 10)
    assert not (tmp_path / "none").exists()
