"""Memories that are opened, used by one at a time, and closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from memgraft.core.errors import StoreError
from memgraft.memory import Memory
from memgraft.serve.tenants import Tenants
from memgraft.store.sqlite import SQLiteStore


class Counted(Memory):
    """Knows how many of its tenant are open at once."""

    open: ClassVar[dict[str, int]] = {}
    most: ClassVar[int] = 0
    failing: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        super().__init__(SQLiteStore(path))
        self.name = path.name
        Counted.open[self.name] = Counted.open.get(self.name, 0) + 1
        Counted.most = max(Counted.most, Counted.open[self.name])

    def close(self) -> None:
        super().close()
        Counted.open[self.name] -= 1
        if Counted.failing:
            raise StoreError("the disk is full")


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    Counted.open, Counted.most, Counted.failing = {}, 0, False
    return Tenants(lambda name: Counted(tmp_path / f"{name}.db"), most=2)


def test_the_one_that_rests_longest_is_closed(tenants: Tenants) -> None:
    for name in ("a", "b", "a", "c"):
        with tenants.use(name) as memory:
            memory.add(f"My cat is {name}", user_id="u")
    assert Counted.open == {"a.db": 1, "b.db": 0, "c.db": 1}
    with tenants.use("b") as memory:
        assert memory.get_all()["results"][0]["memory"] == "My cat is b"
    tenants.close()
    assert set(Counted.open.values()) == {0}
    with pytest.raises(StoreError), tenants.use("a"):
        pass


def test_closing_badly_is_nobodys_failure(tenants: Tenants) -> None:
    Counted.failing = True
    for name in "abcd":
        with tenants.use(name) as memory:
            memory.add("I like tea", user_id="u")
    tenants.close()
    assert set(Counted.open.values()) == {0}


def test_a_tenant_is_open_once_and_used_by_one(tenants: Tenants) -> None:
    inside: dict[str, int] = dict.fromkeys("abcdef", 0)
    lock = threading.Lock()

    def work(number: int) -> None:
        name = "abcdef"[number % 6]
        with tenants.use(name) as memory:
            with lock:
                inside[name] += 1
                assert inside[name] == 1
            memory.add(f"Fact {number}", user_id="u")
            with lock:
                inside[name] -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(180)))
    assert Counted.most == 1
    total = 0
    for name in inside:
        with tenants.use(name) as memory:
            total += memory.store.count()
    assert total == 180
