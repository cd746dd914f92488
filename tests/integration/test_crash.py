"""Killed at any moment, or out of disk space: what was acknowledged is there, the rest heals."""

from __future__ import annotations

import errno
import itertools
import os
import random
import select
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.files import STALE
from memgraft.core.recall import Query
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.injection.config import InjectionConfig
from memgraft.injection.home import InjectionHome
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of itself"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="a fork cannot use autograd with CUDA"),
]

ROUNDS = 200
EXAMINED_EVERY = 10
FRESH_FOLDER_EVERY = 20
LONGEST_WAIT = 0.06
ME = Scope(user_id="me")
ID_BYTES = 36
# What is tested is not how well a random model learns.
QUICK = InjectionConfig(steps=2, questions=1)


@pytest.fixture
def tiny(tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host that forks can compute with."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tiny_host("llama")
    torch.set_num_threads(threads)


def opened(host: Host, folder: Path) -> Memory:
    home = InjectionHome(host, ToyEncoder(), folder / "weights", QUICK)
    return Memory(SQLiteStore(folder / "m.db"), [home])


def add(memory: Memory, text: str) -> dict[str, Any]:
    [result] = memory.add(text, user_id="me")["results"]
    return result


def records_on_disk(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "weights" / "records").glob("*.safetensors")}


def parts_on_disk(folder: Path) -> list[Path]:
    return list((folder / "weights" / "records").glob(".*.part"))


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Run `work` in a child; it gets a pipe to write to. Returns its id and the pipe's end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        work(writing)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)  # past pytest, which belongs to the parent


def killed(child: int) -> bool:
    """Wait for the child; True if it was killed, not ended by an error of its own."""
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def add_for_ever(host: Host, folder: Path, turn: int, pipe: int) -> None:
    with opened(host, folder) as memory:
        for n in itertools.count():
            # Every other one supersedes the one before it.
            fact = f"My locker code is {turn}{n}" if n % 2 else f"Shelf {turn}x{n} holds tea"
            os.write(pipe, add(memory, fact)["id"].encode())


def interrupted_round(host: Host, folder: Path, turn: int, chance: random.Random) -> list[str]:
    """Kill a child that adds facts; returns the ids of those that it has acknowledged."""
    child, pipe = forked(lambda writing: add_for_ever(host, folder, turn, writing))
    try:
        if chance.random() < 0.7:  # else it may die while it is opening
            select.select([pipe], [], [], 60)
        time.sleep(chance.uniform(0, LONGEST_WAIT))
    finally:
        os.kill(child, signal.SIGKILL)
        assert killed(child)
    said = b""
    while piece := os.read(pipe, 1 << 16):
        said += piece
    os.close(pipe)
    assert len(said) % ID_BYTES == 0
    return [said[i : i + ID_BYTES].decode() for i in range(0, len(said), ID_BYTES)]


def examine(host: Host, folder: Path, acknowledged: list[str]) -> int:
    """Everything acknowledged is there and whole. Returns how many deltas lagged behind."""
    with closing(sqlite3.connect(folder / "m.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with opened(host, folder) as memory:
        for memory_id in acknowledged:
            assert memory.get(memory_id)["id"] == memory_id
            assert memory.history(memory_id)
        [home] = memory.homes
        before = home.held()
        memory.recall(Query("anything", ME))
        live = {record.id: record.version for record in memory.store.list()}
        assert home.held() == live
    assert records_on_disk(folder) == set(live)
    with opened(host, folder) as memory:
        assert memory.homes[0].held() == live, "as loaded, before anything is aligned"
    return len(live.items() - before.items())


def test_killed_at_random_two_hundred_times(tiny: Host, tmp_path: Path) -> None:
    with opened(tiny, tmp_path / "warm") as memory:
        add(memory, "I own a boat")  # what is measured once per model is in the cache now
    chance = random.Random(20)
    lagged = told = 0
    folder, acknowledged = tmp_path, list[str]()
    for turn in range(ROUNDS):
        if turn % FRESH_FOLDER_EVERY == 0:
            folder, acknowledged = tmp_path / str(turn), []
        new = interrupted_round(tiny, folder, turn, chance)
        acknowledged += new
        told += len(new)
        if turn % EXAMINED_EVERY == EXAMINED_EVERY - 1:
            lagged += examine(tiny, folder, acknowledged)
    # Or the kills have hit nothing that matters.
    assert told > ROUNDS / 2
    assert lagged > 0


def test_killed_with_a_file_half_written(
    tiny: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tiny, tmp_path) as memory:
        kept = add(memory, "I own a boat")["id"]

    def work(pipe: int) -> None:
        memory = opened(tiny, tmp_path)
        # The moment at which the file has its content, but not yet its name.
        monkeypatch.setattr(
            "memgraft.core.folder.os.fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL)
        )
        add(memory, "I live in Lisbon")

    child, pipe = forked(work)
    os.close(pipe)
    assert killed(child)

    [part] = parts_on_disk(tmp_path)
    with opened(tiny, tmp_path) as memory:
        assert memory.homes[0].held() == {kept: 1}
        memory.recall(Query("anything", ME))
        texts = sorted(record.text for record in memory.store.list())
        assert texts == ["I live in Lisbon", "I own a boat"]
        assert set(memory.homes[0].held()) == {record.id for record in memory.store.list()}
    assert part.exists(), "for all that is known, it is somebody else's and in use"
    long_ago = time.time() - STALE - 10
    os.utime(part, (long_ago, long_ago))
    with opened(tiny, tmp_path) as memory:
        assert len(memory.homes[0].held()) == 2
    assert parts_on_disk(tmp_path) == []


def test_killed_after_the_file_but_before_the_answer(
    tiny: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(pipe: int) -> None:
        memory = opened(tiny, tmp_path)
        monkeypatch.setattr(
            memory.homes[0], "_keep", lambda _: os.kill(os.getpid(), signal.SIGKILL)
        )
        add(memory, "I live in Lisbon")

    child, pipe = forked(work)
    os.close(pipe)
    assert killed(child)
    assert examine(tiny, tmp_path, []) == 0
    with opened(tiny, tmp_path) as memory:
        assert add(memory, "I live in Lisbon")["event"] == "NONE"


def test_a_full_disk(tiny: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(tiny, tmp_path) as memory:
        first = add(memory, "I live in Lisbon")["id"]
        with monkeypatch.context() as patched:
            patched.setattr("memgraft.core.folder.os.fsync", full)
            second = add(memory, "I own a boat")
            [receipt] = second["receipts"]
            assert receipt["outcome"] == "refused"
            assert "No space left on device" in receipt["reason"]
            changed = memory.update(first, "I live in Porto")
            assert [each["outcome"] for each in changed["receipts"]] == ["refused"]
            # Nothing outdated and nothing half-written stays behind.
            assert records_on_disk(tmp_path) == set()
            assert parts_on_disk(tmp_path) == []
            [patch] = memory.recall(Query("Where do I live?", ME))
            assert patch.considered == ()
            texts = [record["memory"] for record in memory.get_all()["results"]]
            assert texts == ["I live in Porto", "I own a boat"]

        third = add(memory, "My cat is called Tom")["id"]
        assert memory.homes[0].held() == {first: 2, second["id"]: 1, third: 1}
        [patch] = memory.recall(Query("Where do I live?", ME))
        assert [fact.text for fact in patch.awake] == ["I live in Porto"]
    assert examine(tiny, tmp_path, [first, second["id"], third]) == 0
