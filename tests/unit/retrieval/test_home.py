"""The passages home: both signals nominate, scopes are kept apart, files can be rebuilt."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import save_config
from memgraft.core.recall import Passages, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory
from memgraft.retrieval.ann import SlotIndex
from memgraft.retrieval.config import WEIGHTS, RetrievalConfig
from memgraft.retrieval.home import PassagesHome
from memgraft.retrieval.memory import Asked
from memgraft.retrieval.slot_file import SlotRow
from memgraft.store.base import Entry
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

POOL = RetrievalConfig().pool
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
    assert item.signals["words"] > 0
    assert home.held() == {record.id: 1 for record in records}
    assert (home.stats()["facts"], home.stats()["encoder"]) == (2, "toy")
    assert home.stats()["bytes"] == 2 * 4 * ToyEncoder.dimension


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
    assert best.signals["words"] > 0


def test_found_by_meaning_alone(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(same={"automobile": "car"}), folder)
    [car] = home.encoder.encode(["car"])
    decoys = [f"tea number {n}" for n in range(POOL + 40)]
    # Without those that the hash takes for cars.
    decoys = [text for text in decoys if not home.encoder.encode([text])[0] @ car]
    filled(home, ["automobile repainted red", *decoys])
    found = home.read(Query("car", ME, limit=1))
    assert texts(found) == ["automobile repainted red"]
    assert found.items[0].signals["words"] == 0.0
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
    assert len(home.read(Query(query, Scope(), limit=400)).items) == POOL + 22


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
    home.save()
    again = PassagesHome(store, ToyEncoder(), folder)
    assert again.held() == home.held()
    for text in ("tea", "boats 3", "something else"):
        before = home.tenant("me").search(text, Asked(now=2e9))
        assert again.tenant("me").search(text, Asked(now=2e9)) == before


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _garble(path: Path) -> None:
    path.write_bytes(b"not a database" * 500)


def _other_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE slots (id TEXT)")
        connection.commit()


@pytest.mark.parametrize("damage", [_truncate, _garble, _other_tables, Path.unlink])
def test_a_damaged_file_is_rebuilt(store: SQLiteStore, folder: Path, damage: Any) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, ["tea is green", "boats are blue"])
    home.close()
    damage(folder / "slots.sqlite")
    again = PassagesHome(store, ToyEncoder(), folder)
    with Memory(store, [again]) as memory:
        assert memory.search("green tea", user_id="me")["results"][0]["memory"] == "tea is green"
        assert len(again.held()) == 2


def test_vectors_of_another_length_are_made_anew(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    (record,) = filled(home, ["tea is green"])
    short = np.ones(3, np.float32)
    home._file.put([SlotRow(record.id, 1, short, short, 0.0, 1, 0.5)])
    assert PassagesHome(store, ToyEncoder(), folder).held() == {}


def test_another_encoder_is_refused(store: SQLiteStore, folder: Path) -> None:
    filled(PassagesHome(store, ToyEncoder(), folder), ["tea is green"])
    with pytest.raises(FolderError, match=r"made with something else.*encoder other.*encoder toy"):
        PassagesHome(store, ToyEncoder("other"), folder)
    assert len(PassagesHome(store, ToyEncoder(), folder).held()) == 1


def test_forget_leaves_nothing_behind(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    gone, kept = filled(home, ["tea is green", "boats are blue"])
    home.read(Query("tea", ME))
    receipts = home.forget([gone.id, "unknown"])
    assert [(r.record_id, r.outcome) for r in receipts] == [
        (gone.id, "exact"),
        ("unknown", "exact"),
    ]
    assert texts(home.read(Query("green tea", ME))) == ["boats are blue"]
    assert PassagesHome(store, ToyEncoder(), folder).held() == {kept.id: 1}
    home.close()
    assert gone.id.encode() not in (folder / "slots.sqlite").read_bytes()


def test_who_follows_a_forgotten_turn_forgets_it_too(store: SQLiteStore, folder: Path) -> None:
    run = Scope(user_id="me", run_id="r")
    home = PassagesHome(store, ToyEncoder(), folder)
    first, second, third = filled(home, ["secret plan", "tell me", "no"], run)
    assert home.read(Query("secret plan", ME)).items[0].signals["context"] > 0
    store.delete(first.id)
    home.forget([first.id])
    alone = PassagesHome(store, ToyEncoder(), folder)
    for reading in (home, alone):
        found = {item.record_id: item.signals for item in reading.read(Query("secret", ME)).items}
        assert set(found) == {second.id, third.id}
        assert all(signals["context"] == pytest.approx(0) for signals in found.values())


def test_the_same_user_in_other_runs_is_one_memory(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, ["tea in the morning"], Scope(user_id="me", run_id="1"))
    filled(home, ["tea at night"], Scope(user_id="me", run_id="2"))
    assert len(home.read(Query("tea", ME)).items) == 2
    assert texts(home.read(Query("tea", Scope(user_id="me", run_id="2")))) == ["tea at night"]


def test_a_record_that_changes_its_owner_moves(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    (record,) = filled(home, ["tea is green"])
    home.write([replace(record, scope=YOU, version=2)])
    assert not home.read(Query("tea", ME))
    assert texts(home.read(Query("tea", YOU))) == ["tea is green"]


def test_reading_strengthens_and_is_remembered(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, ["tea is green", "boats are blue"])
    before = home.read(Query("green tea", ME)).items[0].signals
    after = home.read(Query("green tea", ME)).items[0].signals
    assert after["strength"] > before["strength"]
    assert after["activation"] > before["activation"]
    home.close()
    again = PassagesHome(store, ToyEncoder(), folder)
    assert again.read(Query("green tea", ME)).items[0].signals["strength"] > before["strength"]


def uses_on_disk(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "slots.sqlite")) as connection:
        return dict(connection.execute("SELECT id, uses FROM slots"))


def test_uses_are_written_with_the_next_record_or_when_there_are_many(
    store: SQLiteStore, folder: Path
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    [tea, boats] = filled(home, ["tea is green", "boats are blue"])
    home.read(Query("green tea", ME))
    assert uses_on_disk(folder)[tea.id] == 1, "reading writes nothing"
    filled(home, ["cake is sweet"])
    assert uses_on_disk(folder)[tea.id] == 2
    many = filled(home, [f"note {number} of the log" for number in range(70)])
    for record in many:
        home.read(Query(record.text, ME))
    assert sum(uses > 1 for uses in uses_on_disk(folder).values()) > 64
    home.read(Query("blue boats", ME))
    store.delete(boats.id)  # by another process: this home was not told
    home._file.remove([boats.id])
    home.save()
    assert boats.id not in uses_on_disk(folder), "what is gone does not come back"


def test_associations_survive_a_save(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    tea, boats = filled(home, ["tea is green", "boats are blue"])
    home.save()
    again = PassagesHome(store, ToyEncoder(), folder)
    edges = again.tenant("me").associations.neighbours(tea.id)
    assert edges == home.tenant("me").associations.neighbours(tea.id)
    assert boats.id in edges
    again.forget([boats.id])
    assert boats.id not in PassagesHome(store, ToyEncoder(), folder).tenant("me").associations


def test_filters_come_before_the_search(store: SQLiteStore, folder: Path) -> None:
    with Memory(store, [PassagesHome(store, ToyEncoder(), folder)]) as memory:
        for number in range(POOL + 20):
            memory.add(f"green tea {number}", user_id="me", metadata={"kind": "note"})
        memory.add("water", user_id="me", metadata={"kind": "rare"})
        found = memory.search("green tea", user_id="me", filters={"metadata.kind": "rare"})
        assert [result["memory"] for result in found["results"]] == ["water"]
        with pytest.raises(InvalidInput, match=r"no filter is called 'kind'.*metadata\.kind"):
            memory.search("tea", user_id="me", filters={"kind": "rare"})
        with pytest.raises(InvalidInput, match="so many memories cannot be found"):
            memory.search("tea", user_id="me", limit=0)


def test_a_threshold_keeps_out_what_is_not_sure(store: SQLiteStore, folder: Path) -> None:
    with Memory(store, [PassagesHome(store, ToyEncoder(), folder)]) as memory:
        for text in ("tea is green", "boats are blue"):
            memory.add(text, user_id="me")
        found = memory.search("green tea", user_id="me", threshold=0.5)["results"]
        assert [result["memory"] for result in found] == ["tea is green"]


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
    assert set(WEIGHTS) - {"category"} <= set(results[0]["signals"])


def test_a_dream_puts_duplicates_to_rest_and_can_be_undone(
    store: SQLiteStore, folder: Path
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    # Texts that the store does not take for one.
    first, second, _ = filled(home, ["a red bus stops here", "a  red bus stops, here", "cats"])
    plan = home.consolidate(10, dry_run=True)
    assert any("says the same as" in change for change in plan.changes)
    assert home.stats()["asleep"] == 0
    home.consolidate(10)
    assert home.stats()["asleep"] > 0
    found = texts(home.read(Query("red bus stops here", ME)))
    assert len({first.text, second.text} & set(found)) == 1
    again = PassagesHome(store, ToyEncoder(), folder)
    assert again.stats()["asleep"] == home.stats()["asleep"]
    assert again.wake().figures["woken"] == home.stats()["asleep"]
    assert {first.text, second.text} <= set(texts(again.read(Query("red bus stops here", ME))))


def test_who_follows_a_changed_turn_follows_the_new_text(store: SQLiteStore, folder: Path) -> None:
    run = Scope(user_id="me", run_id="r")
    home = PassagesHome(store, ToyEncoder(), folder)
    first, second = filled(home, ["secret plan", "tell me"], run)
    home.write([store.update(first.id, {"text": "garden party"})])
    for reading in (home, PassagesHome(store, ToyEncoder(), folder)):
        memory = reading.tenant("me")
        context = memory.contexts.get(memory.slot(second.id))
        old, new = ToyEncoder().encode(["secret plan", "garden party"])
        assert context @ old == pytest.approx(0)
        assert context @ new > 0.5


def test_a_folder_of_version_1_is_embedded_anew(store: SQLiteStore, folder: Path) -> None:
    save_config(folder, "memgraft-passages", 1, {"encoder": "toy"})
    (folder / "records").mkdir()
    (folder / "records" / "old.safetensors").write_bytes(b"old")
    store.add(Record.new("tea is green", ME))
    with Memory(store, [PassagesHome(store, ToyEncoder(), folder)]) as memory:
        assert memory.search("tea", user_id="me")["results"][0]["memory"] == "tea is green"
    assert not (folder / "records").exists()


@pytest.fixture
def few() -> RetrievalConfig:
    """So few that the approximate index is used."""
    return RetrievalConfig(ann_above=10)


def indexed(home: PassagesHome) -> None:
    assert home.tenant("me").bank.wait_for_index() is not None


def indexes(folder: Path) -> list[Path]:
    return list(folder.glob("index-*"))


def test_the_index_is_kept_between_starts_and_brought_up_to_date(
    store: SQLiteStore, folder: Path, few: RetrievalConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder, few)
    records = filled(home, [f"word{n} tea" for n in range(30)])
    indexed(home)
    home.save()
    assert len(indexes(folder)) == 1
    # Told to the store and to another home meanwhile: the index on disk lacks them.
    other = PassagesHome(store, ToyEncoder(), folder, few)
    filled(other, ["coffee"])
    store.update(records[3].id, {"text": "cocoa"})
    other._file.close()
    again = PassagesHome(store, ToyEncoder(), folder, few)
    index = again.tenant("me").bank.index
    assert index is not None
    assert len(index) == 29
    Memory(store, [again]).catch_up()
    for query in ("word7", "coffee", "cocoa"):
        [best] = again.read(Query(query, ME, limit=1)).items
        assert query in best.text
    assert again.tenant("me").bank.index is index


def test_what_is_forgotten_is_in_no_index_on_disk(
    store: SQLiteStore, folder: Path, few: RetrievalConfig
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder, few)
    gone, *_ = filled(home, [f"word{n} tea" for n in range(30)])
    indexed(home)
    home.save()
    assert indexes(folder)
    home.forget([gone.id])
    assert not indexes(folder)
    home.save()
    assert not indexes(folder)
    assert gone.id not in [item.record_id for item in home.read(Query("word0", ME, 30)).items]


@pytest.mark.parametrize("damage", [_truncate, _garble])
def test_a_damaged_index_is_made_anew(
    store: SQLiteStore, folder: Path, few: RetrievalConfig, damage: Any
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder, few)
    filled(home, [f"word{n} tea" for n in range(30)])
    indexed(home)
    home.close()
    [path] = indexes(folder)
    damage(path)
    again = PassagesHome(store, ToyEncoder(), folder, few)
    assert again.read(Query("word7", ME)).items[0].text == "word7 tea"


def test_a_search_neither_waits_for_the_index_nor_does_closing(
    store: SQLiteStore, folder: Path, few: RetrievalConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder, few)
    filled(home, [f"word{n} tea" for n in range(80)])
    begun, add = threading.Event(), SlotIndex.add

    def slow(self: SlotIndex, *given: Any) -> None:
        begun.set()
        assert cast(Any, threading.current_thread()).stopped.wait(60)
        add(self, *given)

    monkeypatch.setattr(SlotIndex, "add", slow)
    for _ in range(2):
        assert home.read(Query("word7", ME)).items[0].text == "word7 tea"
    assert begun.wait(60)
    home.save()
    assert not indexes(folder)  # not by half
    home.close()
    assert not indexes(folder)
    assert not [one for one in threading.enumerate() if one.name == "memgraft-index"]


@pytest.mark.parametrize("changed", [True, False])
def test_who_stood_for_another_and_no_longer_can_wakes_it_on_disk_too(
    store: SQLiteStore, folder: Path, changed: bool
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    filled(home, ["a red bus stops here", "a  red bus stops, here"])
    home.consolidate(10)
    [(sleeper, representative)] = home.tenant("me").asleep.items()
    if changed:
        home.write([store.update(representative, {"text": "cats are grey"})])
    else:
        store.delete(representative)
        home.forget([representative])
    for reading in (home, PassagesHome(store, ToyEncoder(), folder)):
        found = [item.record_id for item in reading.read(Query("red bus", ME)).items]
        assert sleeper in found


def test_closing_twice(store: SQLiteStore, folder: Path) -> None:
    memory = Memory(store, [PassagesHome(store, ToyEncoder(), folder)])
    memory.add("tea is green", user_id="me")
    memory.close()
    memory.close()


def test_what_is_deleted_or_changed_elsewhere_leaves_no_context(
    store: SQLiteStore, folder: Path
) -> None:
    run = Scope(user_id="me", run_id="r")
    home = PassagesHome(store, ToyEncoder(), folder)
    first, second, third, fourth = filled(home, ["secret alpha", "bravo", "charlie", "delta"], run)
    home.close()
    store.delete(first.id)
    store.update(third.id, {"text": "echo"})
    with Memory(store, [PassagesHome(store, ToyEncoder(), folder)]) as memory:
        memory.catch_up()
        slots = memory.homes[0].tenant("me")  # type: ignore[attr-defined]
        secret, old = ToyEncoder().encode(["secret alpha", "charlie"])
        for record in (second, third, fourth):
            context = slots.contexts.get(slots.slot(record.id))
            assert context @ secret == pytest.approx(0)
            assert context @ old == pytest.approx(0)
        window = slots.episodes.window(slots.slot(fourth.id), 2)
        assert [slots.at(place).id for place in window] == [second.id, third.id]


def test_an_index_on_disk_goes_with_what_was_deleted_elsewhere(
    store: SQLiteStore, folder: Path, few: RetrievalConfig
) -> None:
    home = PassagesHome(store, ToyEncoder(), folder, few)
    gone, kept, *_ = filled(home, [f"word{n} tea" for n in range(30)])
    home.read(Query("word7", ME))
    indexed(home)
    home.close()
    assert indexes(folder)
    store.delete(gone.id)
    PassagesHome(store, ToyEncoder(), folder, few).close()
    assert not indexes(folder)
    again = PassagesHome(store, ToyEncoder(), folder, few)
    again.read(Query("word7", ME))
    indexed(again)
    again.save()
    assert indexes(folder)
    again.write([store.update(kept.id, {"text": "another"})])
    assert not indexes(folder)
    store.reset()
    PassagesHome(store, ToyEncoder(), folder, few)
    assert not indexes(folder)


class Failing(ToyEncoder):
    """Fails on texts with a word."""

    def encode(self, texts: Any) -> Any:
        if any("alpha" in text and "bravo" in text for text in texts):
            raise MemoryError
        return super().encode(texts)


def test_a_write_that_fails_half_way_leaves_nothing(store: SQLiteStore, folder: Path) -> None:
    run = Scope(user_id="me", run_id="r")
    home = PassagesHome(store, Failing(), folder)
    filled(home, ["alpha"], run)
    with Memory(store, [home]) as memory:
        [result] = memory.add("bravo", user_id="me", run_id="r")["results"]
        assert [receipt["outcome"] for receipt in result["receipts"]] == ["refused"]
        found = memory.search("bravo", user_id="me")["results"]
        assert [one["memory"] for one in found] == ["alpha"]
        memory.delete(result["id"])
        assert len(home.tenant("me")) == 1


def test_graphs_of_others_are_left_alone(store: SQLiteStore, folder: Path) -> None:
    early = PassagesHome(store, ToyEncoder(), folder)
    late = PassagesHome(store, ToyEncoder(), folder)
    filled(late, ["tea", "boats"])
    late.close()
    early.close()
    assert len(PassagesHome(store, ToyEncoder(), folder).tenant("me").associations)


def test_many_users_share_one_budget(store: SQLiteStore, folder: Path) -> None:
    home = PassagesHome(store, ToyEncoder(), folder)
    for number in range(5):
        filled(home, ["green tea is fine"], Scope(user_id=f"user{number}"))
    assert len(home.read(Query("green tea", limit=5)).items) == 5
    assert len(home.read(Query("green tea", limit=5, tokens=10)).items) == 2
    assert not home.read(Query("  "))


def test_an_id_that_comes_back_with_another_text_is_read_anew(
    store: SQLiteStore, folder: Path
) -> None:
    """Deleted, and put back out of a file, by another process: the version is the same."""
    record, _ = store.add(Record.new("tea is green"))
    with Memory(store, [PassagesHome(store, ToyEncoder(), folder)]) as memory:
        assert len(memory.search("tea")["results"]) == 1
        store.delete(record.id)
        store.restore([Entry(replace(record, text="boats are blue"))])
        [found] = memory.search("blue boats")["results"]
        assert found["memory"] == "boats are blue"
        assert found["score"] > 0.5
