"""The passages home: both signals nominate, scopes are kept apart, files can be rebuilt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays
from memgraft.core.recall import Passages, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory
from memgraft.retrieval import home as module
from memgraft.retrieval.home import POOL, PassagesHome
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

ME, YOU = Scope(user_id="me"), Scope(user_id="you")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "m.db", synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "passages"


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraft.core.folder.os.fsync", lambda handle: None)


def filled(home: PassagesHome, texts: list[str], scope: Scope = ME) -> list[Record]:
    """Records of these texts, in the store and in the home."""
    records = [Record.new(text, scope) for text in texts]
    for record in records:
        home.store.add(record)
    home.write(records)
    return records


def texts(passages: Passages) -> list[str]:
    return [item.text for item in passages.items]


def test_write_gives_receipts_and_read_finds(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    records = [Record.new(text, ME) for text in ("tea is green", "boats are blue")]
    for record in records:
        store.add(record)
    receipts = home.write(records)
    assert [(r.record_id, r.home, r.outcome) for r in receipts] == [
        (record.id, "passages", "exact") for record in records
    ]
    found = home.read(Query("blue boats", ME, limit=1))
    assert texts(found) == ["boats are blue"]
    [item] = found.items
    assert item.record_id == records[1].id
    assert item.signals["cosine"] == pytest.approx(1.0)
    assert item.signals["bm25"] > 0
    assert home.held() == {record.id: 1 for record in records}
    assert home.stats() == {"facts": 2, "bytes": 2 * 4 * ToyEncoder.dimension, "encoder": "toy"}


def test_nothing_held_nothing_found(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    assert not home.read(Query("tea", ME))
    assert home.write([]) == []
    filled(home, ["tea is green"])
    assert not home.read(Query("tea", YOU))


def test_found_by_words_alone(store: SQLiteStore, folder: Path) -> None:
    # The encoder takes a handbook for a manual, and has never heard of the machine.
    home = PassagesHome(store, ToyEncoder(same={"handbook": "manual"}, deaf="zx81"), folder)
    decoys = [f"handbook {' '.join(f'w{n}x{i}' for i in range(n % 7))}" for n in range(POOL + 20)]
    filled(home, ["zx81 stored upstairs", *decoys])
    query = Query("zx81 manual", ME, limit=3)
    found = home.read(query)
    assert "zx81 stored upstairs" in texts(found)
    best = next(item for item in found.items if item.text == "zx81 stored upstairs")
    assert best.signals["cosine"] == pytest.approx(0.0, abs=0.01)
    assert best.signals["bm25"] > 0


def test_found_by_meaning_alone(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(same={"automobile": "car"}), folder)
    filled(home, ["automobile repainted red", *(f"tea number {n}" for n in range(POOL + 20))])
    found = home.read(Query("car", ME, limit=1))
    assert texts(found) == ["automobile repainted red"]
    assert found.items[0].signals["bm25"] == 0.0
    assert found.items[0].signals["cosine"] > 0.5


def test_what_the_home_has_not_caught_up_with_is_left_out(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, ["tea is green"])
    store.add(Record.new("tea is black", ME))
    assert texts(home.read(Query("tea", ME))) == ["tea is green"]


def test_what_was_deleted_meanwhile_is_left_out(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    gone, _ = filled(home, ["tea is green", "tea is black"])
    store.delete(gone.id)
    assert texts(home.read(Query("tea", ME))) == ["tea is black"]


def test_scopes_are_kept_apart_before_the_search(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    mine = Scope(user_id="me", run_id="r")
    filled(home, [f"green tea {n}" for n in range(POOL + 20)], YOU)
    filled(home, ["coffee with a little tea"], mine)
    filled(home, ["water"], ME)
    query = "green tea"
    assert texts(home.read(Query(query, ME))) == ["coffee with a little tea", "water"]
    assert texts(home.read(Query(query, mine))) == ["coffee with a little tea"]
    assert len(home.read(Query(query, YOU, limit=7)).items) == 7
    assert not home.read(Query(query, Scope(user_id="nobody")))
    assert len(home.read(Query(query, Scope(), limit=200)).items) == POOL + 22


def test_an_update_moves_the_vector(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    record, _ = filled(home, ["tea is green", "boats are blue"])
    home.read(Query("tea", ME))  # what is computed for a search is not kept too long
    home.write([store.update(record.id, {"text": "cats are grey"})])
    assert home.held()[record.id] == 2
    [best, _] = home.read(Query("grey cats", ME)).items
    assert best.text == "cats are grey"
    assert best.signals["cosine"] == pytest.approx(1.0)


def test_reopened_it_answers_the_same(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, [f"{'tea ' * n} and {n} boats" for n in range(1, 9)])
    again = PassagesHome(store, ToyEncoder(), folder)
    assert again.held() == home.held()
    for text in ("tea", "boats 3", "something else"):
        before = {item.record_id: item for item in home.read(Query(text, ME)).items}
        after = {item.record_id: item for item in again.read(Query(text, ME)).items}
        assert before.keys() == after.keys()
        for record_id, item in before.items():
            assert after[record_id].score == pytest.approx(item.score, abs=1e-5)
            assert after[record_id].signals == pytest.approx(dict(item.signals), abs=1e-6)
    first = home.read(Query("boats 3", ME)).items[0]
    assert again.read(Query("boats 3", ME)).items[0].record_id == first.record_id


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_content(path: Path) -> None:
    save_file({"other": np.zeros(3)}, path, metadata={"version": "1", "scope": "{}"})


def _other_header(path: Path) -> None:
    vector = {"vector": np.zeros(ToyEncoder.dimension, np.float32)}
    save_file(vector, path, metadata={"version": "one", "scope": json.dumps({"who": "me"})})


@pytest.mark.parametrize("damage", [_truncate, _empty, _other_content, _other_header])
def test_a_damaged_file_is_rebuilt(store: SQLiteStore, folder: Path, damage: Any) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    hurt, whole = filled(home, ["tea is green", "boats are blue"])
    path = folder / "records" / f"{hurt.id}.safetensors"
    intact = load_arrays(path)[0]["vector"]
    damage(path)
    again = PassagesHome(store, ToyEncoder(), folder)
    assert again.held() == {whole.id: 1}
    assert not path.exists()
    memory = Memory(store, [again])
    assert memory.search("green tea", user_id="me")["results"][0]["memory"] == "tea is green"
    assert np.array_equal(load_arrays(path)[0]["vector"], intact)
    assert PassagesHome(store, ToyEncoder(), folder).held() == {hurt.id: 1, whole.id: 1}


def test_a_file_that_goes_while_the_folder_is_read(
    store: SQLiteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, kept = filled(PassagesHome(store, ToyEncoder(), folder), ["tea", "boats"])
    load = module.load_arrays

    def late(path: Path) -> Any:
        if path.stem == gone.id:
            path.unlink()
        return load(path)

    monkeypatch.setattr(module, "load_arrays", late)
    assert PassagesHome(store, ToyEncoder(), folder).held() == {kept.id: 1}


def test_another_encoder_is_refused(store: SQLiteStore, folder: Path) -> None:
    filled(PassagesHome(store, ToyEncoder(), folder), ["tea is green"])
    with pytest.raises(FolderError, match=r"made with something else.*encoder other.*encoder toy"):
        PassagesHome(store, ToyEncoder("other"), folder)
    assert len(PassagesHome(store, ToyEncoder(), folder).held()) == 1


def test_forget_removes_the_file(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    gone, kept = filled(home, ["tea is green", "boats are blue"])
    home.read(Query("tea", ME))
    receipts = home.forget([gone.id, "unknown"])
    assert [(r.record_id, r.outcome) for r in receipts] == [
        (gone.id, "exact"),
        ("unknown", "exact"),
    ]
    assert [path.stem for path in (folder / "records").iterdir()] == [kept.id]
    assert texts(home.read(Query("green tea", ME))) == ["boats are blue"]
    assert PassagesHome(store, ToyEncoder(), folder).held() == {kept.id: 1}


def test_a_forgetting_that_fails_half_way_mixes_nothing_up(
    store: SQLiteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    records = filled(home, ["tea is green", "boats are blue", "cats are grey"])
    home.read(Query("tea", ME))
    remove = home._files.remove

    def failing(record_id: str) -> None:
        if record_id == records[1].id:
            raise PermissionError("read-only")
        remove(record_id)

    monkeypatch.setattr(home._files, "remove", failing)
    with pytest.raises(PermissionError):
        home.forget([records[0].id, records[1].id])
    best, other = home.read(Query("grey cats", ME)).items
    assert (best.text, best.signals["cosine"]) == ("cats are grey", pytest.approx(1.0))
    assert other.signals["cosine"] == pytest.approx(0.0, abs=0.01)


def test_nothing_to_tidy(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    assert home.consolidate().home == "passages"
    home.save()


def test_search_scores_lie_between_zero_and_one(store: SQLiteStore, folder: Path) -> None:
    memory = Memory(store, [PassagesHome(store, ToyEncoder(), folder)])
    for text in ("tea is green", "boats are blue", "tea"):
        memory.add(text, user_id="me")
    results = memory.search("tea", user_id="me", explain=True)["results"]
    assert results[0]["memory"] == "tea"
    assert all(0.0 <= result["score"] <= 1.0 for result in results)
    assert set(results[0]["signals"]) == {"cosine", "bm25"}
