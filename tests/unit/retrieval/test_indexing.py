"""The index that is filled in the background: search finds the same before, meanwhile, after."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from memgraft.retrieval import indexing
from memgraft.retrieval.ann import SlotIndex
from memgraft.retrieval.bank import SlotBank

WIDTH, COUNT = 16, 200


class Gate:
    """Lets the thread that fills an index add vectors only once it is open."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.threads: set[str] = set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made, add = Gate(), SlotIndex.add

    def held(self: SlotIndex, *given: Any) -> None:
        made.threads.add(threading.current_thread().name)
        made.begun.set()
        assert made.open.wait(60)
        add(self, *given)

    monkeypatch.setattr(SlotIndex, "add", held)
    yield made
    made.open.set()


def rows(count: int = COUNT, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


@pytest.fixture
def bank() -> Iterator[SlotBank]:
    made = SlotBank(WIDTH, ann_above=50)
    for row in rows():
        made.add(row)
    yield made
    made.close()


def best(bank: SlotBank, row: np.ndarray) -> int:
    return int(bank.nearest(row, 1)[0])


def test_searches_are_exact_until_the_index_is_filled(bank: SlotBank, gate: Gate) -> None:
    query = rows(1, seed=1)[0]
    exact = np.argsort(-bank.cosines(query), kind="stable")[:10].tolist()
    for _ in range(3):
        assert bank.nearest(query, 10).tolist() == exact
    assert gate.begun.wait(60)
    assert bank.index is None
    gate.open.set()
    index = bank.wait_for_index()
    assert index is not None
    assert len(index) == COUNT
    assert bank.nearest(query, 10).tolist() == exact  # so few that it misses none
    assert gate.threads == {"memgraft-index"}


def test_what_changes_while_it_is_filled_is_found_as_it_is_now(bank: SlotBank, gate: Gate) -> None:
    old, new = rows(), rows(3, seed=2)
    best(bank, old[0])
    assert gate.begun.wait(60)
    bank.put(3, new[0])
    bank.remove(4)
    added = bank.add(new[1])
    brief = bank.add(new[2])
    bank.remove(brief)

    def holds() -> None:
        assert best(bank, new[0]) == 3
        assert best(bank, old[3]) != 3
        assert best(bank, new[1]) == added
        assert {4, brief}.isdisjoint(bank.nearest(old[4], COUNT).tolist())
        assert brief not in bank.nearest(new[2], COUNT).tolist()

    holds()
    gate.open.set()
    index = bank.wait_for_index()
    assert index is not None
    holds()
    assert len(index) == COUNT - 2
    # It was filled with what is gone by now, so it must not be saved.
    assert index.soiled


def test_what_an_index_lacks_is_compared_exactly(bank: SlotBank) -> None:
    index = bank.wait_for_index()
    new = rows(5, seed=3)
    slots = [bank.add(row) for row in new]
    assert [best(bank, row) for row in new] == slots
    assert bank.index is index
    assert index is not None
    assert len(index) == COUNT


def test_what_it_lacks_is_put_into_it_when_that_is_much(
    bank: SlotBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_FEW", 4)
    bank.wait_for_index()
    new = rows(5, seed=3)
    slots = [bank.add(row) for row in new]
    assert [best(bank, row) for row in new] == slots
    index = bank.wait_for_index()
    assert index is not None
    assert len(index) == COUNT + 5
    assert not index.soiled
    assert [best(bank, row) for row in new] == slots


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_bank_that_is_closed_or_gone_fills_no_more(
    forgotten: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def until_stopped(self: SlotIndex, *given: Any) -> None:
        begun.set()
        assert cast(Any, threading.current_thread()).stopped.wait(60)

    monkeypatch.setattr(SlotIndex, "add", until_stopped)
    bank = SlotBank(WIDTH, ann_above=50)
    for row in rows():
        bank.add(row)
    best(bank, rows()[0])
    assert begun.wait(60)
    if forgotten:
        del bank
    else:
        bank.close()
        assert bank.index is None
    assert not [one for one in threading.enumerate() if one.name == "memgraft-index"]


def test_an_index_that_cannot_be_filled_leaves_search_exact(
    bank: SlotBank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def fails(self: SlotIndex, *given: Any) -> None:
        tried.append(given)
        raise MemoryError("no room")

    monkeypatch.setattr(SlotIndex, "add", fails)
    assert bank.wait_for_index() is None
    assert "no room" in caplog.text
    bank.put(7, rows(1, seed=4)[0])
    for _ in range(2):
        assert best(bank, rows(1, seed=4)[0]) == 7
    assert len(tried) == 1


def test_the_end_of_the_process_does_not_wait_for_it_nor_break_off_inside() -> None:
    script = f"""
import numpy as np
from memgraft.retrieval.bank import SlotBank
bank = SlotBank(384, ann_above=50)
for row in np.random.default_rng(0).standard_normal((30_000, 384)).astype(np.float32):
    bank.add(row)
print(bank.nearest(bank.get({COUNT}), 1).tolist(), bank.index)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"[{COUNT}]", "None"]
