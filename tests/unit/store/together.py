"""What every store must do when threads and processes share it, or die. Mix into a test class."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from memgraft.core.errors import Conflict
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.store.base import Store
from memgraft.store.open import open_store

WRITER = """
import sys
from memgraft.core.records import Record
from memgraft.store.open import open_store
store = open_store(sys.argv[1])
number = 0
while True:
    record, _ = store.add(Record.new(f"{sys.argv[2]} fact number {number}"))
    print(record.id, flush=True)
    number += 1
"""


def add_fifty(location: str, name: str, barrier: Any) -> None:
    """Run in a child process: open the store when the other child does, and write to it."""
    barrier.wait(60)
    with closing(open_store(location)) as store:
        for number in range(50):
            store.add(Record.new(f"{name} remembers number {number}"))


def killed_writer(location: str, name: str, at_least: int) -> list[str]:
    """The ids that a child reported before SIGKILL."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, location, name], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        seen = [child.stdout.readline().strip() for _ in range(at_least)]
    finally:
        child.kill()
    rest = child.stdout.read().split("\n")[:-1]  # a line that was cut off was not reported
    child.wait()
    child.stdout.close()
    assert all(seen), "the writer died before it was killed"
    return seen + rest


class StoreTogether:
    """Needs the fixtures `make_store` and `store`; see `conformance`."""

    def test_threads_share_one_store(self, store: Store) -> None:
        errors: list[Exception] = []

        def write(name: str) -> None:
            try:
                for number in range(25):
                    record, _ = store.add(Record.new(f"{name} keeps number {number}"))
                    assert store.get(record.id) == record
                    store.search_text(f"number {number}", Scope(), 3)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(f"thread{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert store.count() == store.sequence() == 100

    def test_two_handles_race_for_one_version(self, make_store: Callable[[], Store]) -> None:
        one, two = make_store(), make_store()
        record, _ = one.add(Record.new("I like tea"))
        assert two.get(record.id) == record
        one.update(record.id, {"text": "I like coffee"}, expected_version=1)
        with pytest.raises(Conflict):
            two.update(record.id, {"text": "I like milk"}, expected_version=1)
        assert two.add(Record.new("I like coffee"))[1] is False

    def test_two_processes_write_at_once(self, make_store: Callable[[], Store]) -> None:
        location = self.unopened(make_store)
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(2)
        children = [
            context.Process(target=add_fifty, args=(location, name, barrier))
            for name in ("one", "two")
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(120)
        assert [child.exitcode for child in children] == [0, 0]
        store = make_store()
        texts = {record.text for record in store.list()}
        assert texts == {f"{n} remembers number {i}" for n in ("one", "two") for i in range(50)}
        assert store.sequence() == 100

    @pytest.mark.parametrize("at_least", [1, 7, 40])
    def test_what_a_killed_writer_reported_is_there(
        self, make_store: Callable[[], Store], at_least: int
    ) -> None:
        location = self.unopened(make_store)
        reported = [
            record_id
            for name in ("one", "two")
            for record_id in killed_writer(location, name, at_least)
        ]
        store = make_store()
        held = {record.id for record in store.list()}
        assert set(reported) <= held
        assert len(held) <= len(reported) + 2  # one each may be written and not reported
        assert {found for found, _ in store.search_text("fact", Scope(), 100_000)} == held
        self.check_integrity(store)

    def unopened(self, make_store: Callable[[], Store]) -> str:
        """The location that `make_store` uses, before anything is there if that can be."""
        store = make_store()
        store.close()
        return store.location

    def check_integrity(self, store: Store) -> None:
        """Override with what the backend can check about itself."""
