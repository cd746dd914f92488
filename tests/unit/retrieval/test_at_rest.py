"""A slot memory on disk: bit for bit, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.scope import Scope
from memgraft.nn.art import Vigilance
from memgraft.retrieval.at_rest import ARRAYS, TRACES, load, save
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from toys import ToyEncoder

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraft.core.folder.os.fsync", lambda handle: None)


def lived() -> SlotMemory:
    """One of everything: episodes, speakers, scopes, gaps, sleepers, associations, categories."""
    memory = SlotMemory(ToyEncoder(), RetrievalConfig(vigilance=Vigilance(), write_steps=2))
    words = ["boat", "lamp", "violin", "käse 乳酪", "line\u2028break", "code 4711"]
    memory.add(
        [
            Trace(
                f"{talk}{n}", f"{talk} {word} {n}", NOW + n, NOW + n, talk or None,
                "Ann" if n % 2 else None, Scope(user_id=talk or None), n / 10, {"n": n, "x": [1]},
            )
            for talk in ("a", "b", "")
            for n, word in enumerate(words)
        ]
    )  # fmt: skip
    for second, record_id in enumerate(["a0", "b1", "a2", "0"]):
        memory.observe([record_id], NOW + 100 + second)
    memory.rest("a1", "b1")
    for gone in ("a3", "b0", "5"):
        memory.remove(gone)
    memory.add([Trace("a2", "a red piano", NOW + 50, NOW + 50, "a")])
    return memory


def state(memory: SlotMemory) -> dict[str, Any]:
    arrays = {name: (a.dtype, a.shape, a.tobytes()) for name, a in memory.arrays().items()}
    return arrays | {"traces": memory.traces(), "asleep": memory.asleep, "config": memory.config}


def answers(memory: SlotMemory) -> list[Any]:
    texts = ["boat", "what did Ann say of the lamp", "red piano", "乳酪", "4711"]
    return [memory.search(text, Asked(limit=30, now=NOW + 500)) for text in texts]


def test_what_is_saved_comes_back_bit_for_bit_and_goes_on_the_same(tmp_path: Path) -> None:
    memory = lived()
    save(memory, tmp_path, {"watermark": 7})
    again, extra = load(tmp_path, ToyEncoder())
    assert extra == {"watermark": 7}
    assert state(again) == state(memory)
    assert answers(again) == answers(memory)
    for both in (memory, again):
        both.add([Trace("new", "the last boat", NOW + 60, NOW + 60, "b", "Ann")])
        both.observe(["new", "b1"], NOW + 200)
        both.remove("b2")
        both.wake("a1")
    assert state(again) == state(memory)
    assert answers(again) == answers(memory)


def test_compacting_finds_the_same() -> None:
    memory, other = lived(), lived()
    assert memory.compact() == 4
    assert memory.bank.slots == len(memory)
    assert answers(memory) == answers(other)
    assert sorted(t.id for t in memory.traces()) == sorted(t.id for t in other.traces())
    assert memory.asleep == other.asleep


def test_an_empty_memory_is_saved_too(tmp_path: Path) -> None:
    save(SlotMemory(ToyEncoder()), tmp_path)
    again, _ = load(tmp_path, ToyEncoder())
    assert len(again) == 0
    assert again.search("boat") == []


def test_saving_again_leaves_one_state(tmp_path: Path) -> None:
    memory = lived()
    for _ in range(3):
        save(memory, tmp_path)
        memory.remove(memory.traces()[0].id)
    assert len(list(tmp_path.glob("state-*"))) == 1
    assert len(load(tmp_path, ToyEncoder())[0]) == len(memory) + 1


def test_a_save_that_breaks_off_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = lived()
    save(memory, tmp_path)
    before = state(load(tmp_path, ToyEncoder())[0])
    memory.remove("a0")
    for broken in ("save_arrays", "save_config"):
        with monkeypatch.context() as patch:
            patch.setattr(f"memgraft.retrieval.at_rest.{broken}", _fail)
            with pytest.raises(OSError, match="full"):
                save(memory, tmp_path)
        assert state(load(tmp_path, ToyEncoder())[0]) == before


def _fail(*_: Any) -> None:
    raise OSError("disk full")


def test_vectors_of_another_encoder_are_refused(tmp_path: Path) -> None:
    save(lived(), tmp_path)
    with pytest.raises(FolderError) as caught:
        load(tmp_path, ToyEncoder("other"))
    assert (caught.value.expected, caught.value.got) == ("toy", "other")
    assert caught.value.next_step


def narrower(folder: Path) -> None:
    change_arrays(folder, "vectors", lambda vectors: vectors[:, :-1])


def change_arrays(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    path = next(folder.glob("state-*")) / ARRAYS
    arrays, header = load_arrays(path)
    save_arrays(path, arrays | {name: np.ascontiguousarray(change(arrays[name]))}, header)


def change_text(folder: Path, name: str, change: Callable[[str], str]) -> None:
    path = next(folder.rglob(name))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def truncate(folder: Path, name: str) -> None:
    path = next(folder.rglob(name))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "config cut off": lambda f: truncate(f, "config.json"),
    "traces cut off": lambda f: truncate(f, TRACES),
    "arrays cut off": lambda f: truncate(f, ARRAYS),
    "traces gone": lambda f: next(f.rglob(TRACES)).unlink(),
    "arrays gone": lambda f: next(f.rglob(ARRAYS)).unlink(),
    "a trace missing": lambda f: change_text(f, TRACES, lambda t: t.split("\n", 1)[1]),
    "a trace twice": lambda f: change_text(f, TRACES, lambda t: t + t.split("\n", 1)[0] + "\n"),
    "no traces": lambda f: change_text(f, TRACES, lambda t: "[1]\n" * t.count("\n")),
    "not a number": lambda f: change_arrays(f, "vectors", lambda v: v * np.nan),
    "another dimension": narrower,
    "a vector missing": lambda f: change_arrays(f, "vectors", lambda v: v[:-1]),
    "use of one": lambda f: change_arrays(f, "uses", lambda u: u[:1]),
    "links of nobody": lambda f: change_arrays(f, "before", lambda b: b + 99),
    "associations": lambda f: change_arrays(f, "associations.weights", lambda w: w - 9),
    "categories": lambda f: change_arrays(f, "categories.counts", lambda c: c + 1),
    "a weight for nothing": lambda f: change_text(
        f, "config.json", lambda t: json.dumps(json.loads(t) | {"retrieval": {"smell": 1}})
    ),
    "a sleeper that is gone": lambda f: change_text(
        f, "config.json", lambda t: json.dumps(json.loads(t) | {"asleep": {"a3": "b1"}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused(tmp_path: Path, damage: str) -> None:
    save(lived(), tmp_path)
    DAMAGES[damage](tmp_path)
    with pytest.raises(FolderError):
        load(tmp_path, ToyEncoder())


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        load(tmp_path / "none", ToyEncoder())
