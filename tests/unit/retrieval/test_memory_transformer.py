"""Texts in trained slots: the presets of the Memory Transformer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.retrieval import HierarchicalMemoryModel, MemoryTransformer
from memgraft.retrieval.at_rest import ARRAYS, TRACES
from memgraft.text.packed import shipped
from toys import ToyEncoder

FACTS = ["Alice enjoys coffee and hiking", "Bob collects old stamps", "Carla plays the cello"]


def made(slots: int = 8, **options: Any) -> MemoryTransformer:
    return MemoryTransformer(slots, **{"encoder": ToyEncoder(), **options})


def texts(found: list[Any]) -> list[str]:
    return [item.text for _, item in found]


def state(model: MemoryTransformer) -> list[tuple[Any, ...]]:
    vectors = [model.memory.bank.get(model.memory.slot(i.key)).tobytes() for i in model.items()]
    return list(zip(model.items(), vectors, strict=True))


def test_the_readme_example_of_the_transformer() -> None:
    mt = made(1024)
    key = mt.add_memory("Alice enjoys coffee and hiking", user_id="alice")
    results = mt.query("coffee", user_id="alice", top_k=5)
    [(score, item)] = results
    assert item.text == "Alice enjoys coffee and hiking"
    assert item.key == key
    assert item.user_id == "alice"
    assert 0 < score <= 1


def test_the_readme_example_of_the_hierarchical_model() -> None:
    hmm = HierarchicalMemoryModel(max_slots=2048, encoder=ToyEncoder())
    key = hmm.add_memory("Remember to call Bob tomorrow", user_id="me")
    hmm.add_memory("Buy oat milk", user_id="me")
    assert hmm.query("call Bob", user_id="me", top_k=3)[0][1].key == key


@pytest.mark.parametrize("kind", [MemoryTransformer, HierarchicalMemoryModel])
def test_default_capacity(kind: Any) -> None:
    assert kind(encoder=ToyEncoder()).capacity == kind.slots_at_first >= 1024


def test_a_full_bank_grows_and_evicts_nothing() -> None:
    model = made(4)
    keys = [model.add_memory(f"fact number{n} about thing{n}") for n in range(11)]
    assert (len(model), model.capacity, model.grown) == (11, 12, 2)
    assert [item.key for item in model.items()] == keys
    for n, key in enumerate(keys):
        assert model.query(f"number{n} thing{n}", top_k=1)[0][1].key == key


def test_slots_at_the_edge_do_not_grow() -> None:
    model = made(3)
    model.add_memories(FACTS)
    assert (model.capacity, model.grown) == (3, 0)


def test_scores_fall_and_lie_between_nothing_and_one() -> None:
    model = made()
    model.add_memories([*FACTS, "coffee", "hiking with coffee in the old town"])
    scores = [score for score, _ in model.query("old coffee", top_k=5)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_top_k_cuts_and_gives_all_when_it_is_large() -> None:
    model = made()
    model.add_memories(FACTS)
    assert len(model.query("coffee", top_k=2)) == 2
    assert sorted(texts(model.query("coffee", top_k=1000))) == sorted(FACTS)


@pytest.mark.parametrize("top_k", [0, -1, True, 1.5])
def test_a_top_k_that_is_no_count_is_refused(top_k: Any) -> None:
    with pytest.raises(InvalidInput):
        made().query("coffee", top_k=top_k)


@pytest.mark.parametrize("text", ["", " \n\t", None, 7, "half \ud83d"])
def test_what_is_no_text_is_refused(text: Any) -> None:
    model = made()
    with pytest.raises(InvalidInput):
        model.add_memory(text)
    with pytest.raises(InvalidInput):
        model.query(text)
    assert len(model) == 0


@pytest.mark.parametrize(
    "text",
    [
        "我最喜欢的颜色是蓝色",
        "أحب القهوة",
        "Ich heiße Jörg",
        "👩‍🚀 🚀",
        "नमस्ते दुनिया",
        "a\x00b\u2028c",
    ],
)
def test_text_of_any_script_comes_back_as_it_was(text: str, tmp_path: Path) -> None:
    model = made()
    key = model.add_memory(text, metadata={"said": text})
    model.save(tmp_path)
    item = MemoryTransformer.load(tmp_path, encoder=ToyEncoder()).recall_by_key(key)
    assert item is not None
    assert (item.text, item.metadata) == (text, {"said": text})


def test_a_very_long_text() -> None:
    model = made()
    text = "word " * 20_000
    key = model.add_memory(text)
    item = model.recall_by_key(key)
    assert item is not None and item.text == text


def test_scopes_keep_apart() -> None:
    model = made()
    model.add_memory("I drink coffee", user_id="a", run_id="1")
    model.add_memory("I drink coffee daily", user_id="b", run_id="1")
    assert texts(model.query("coffee", user_id="a")) == ["I drink coffee"]
    assert len(model.query("coffee")) == 2
    # Runs that are called alike are not one episode.
    assert model.memory.episodes.before.tolist() == [-1, -1]


@pytest.mark.parametrize("user_id", [5, "", ["a"]])
def test_ids_must_be_text(user_id: Any) -> None:
    model = made()
    with pytest.raises(InvalidInput):
        model.add_memory("I drink coffee", user_id=user_id)
    assert len(model) == model.memory.bank.slots == 0


def test_keys_of_the_users_own() -> None:
    model = made()
    assert model.add_memory(FACTS[0], key="mine") == "mine"
    assert model.add_memory(FACTS[1], key="mine") == "mine"
    assert len(model) == 1
    item = model.recall_by_key("mine")
    assert item is not None and item.text == FACTS[1]
    with pytest.raises(InvalidInput):
        model.add_memory(FACTS[2], key="")


def test_metadata_is_a_copy_and_must_be_json() -> None:
    model = made()
    metadata = {"tags": ["a"]}
    key = model.add_memory(FACTS[0], metadata=metadata)
    metadata["tags"].append("b")
    item = model.recall_by_key(key)
    assert item is not None and item.metadata == {"tags": ["a"]}
    for bad in ({"x": object()}, {"x": float("nan")}, "text"):
        with pytest.raises(InvalidInput):
            model.add_memory(FACTS[1], metadata=bad)  # type: ignore[arg-type]
    assert len(model) == 1


def test_forgetting() -> None:
    model = made()
    key, other = model.add_memories(FACTS[:2])
    assert model.forget(key) is True
    assert model.forget(key) is False
    assert model.recall_by_key(key) is None
    assert [item.key for _, item in model.query("Alice coffee stamps")] == [other]
    assert model.compact() == 1
    assert [item.key for _, item in model.query("stamps")] == [other]


def test_delete_all_is_of_a_scope() -> None:
    model = made()
    model.add_memories(FACTS[:2], user_id="a")
    kept = model.add_memory(FACTS[2], user_id="b", agent_id="x")
    assert model.delete_all(user_id="a") == 2
    assert model.delete_all(user_id="a") == 0
    assert [item.key for item in model.items()] == [kept]
    with pytest.raises(InvalidInput, match="reset"):
        model.delete_all()
    model.reset()
    assert len(model) == 0


def test_use_strengthens_and_looking_does_not() -> None:
    model = made()
    key = model.add_memory("Alice enjoys coffee")
    first = model.recall_by_key(key)
    model.query("Alice enjoys coffee", learn=False)
    assert model.recall_by_key(key) == first
    model.query("Alice enjoys coffee")
    later = model.recall_by_key(key)
    assert first is not None and later is not None
    assert later.synaptic_strength > first.synaptic_strength
    assert (first.uses, later.uses) == (1, 2)


def test_replay_strengthens_what_has_faded_most() -> None:
    model = made()
    weak, strong, _ = model.add_memories(FACTS)
    for _ in range(3):
        model.memory.observe([strong])
    before = {item.key: item.synaptic_strength for item in model.items()}
    assert model.memory_replay(2) == [key for key in before if key != strong]
    after = {item.key: item.synaptic_strength for item in model.items()}
    assert after[weak] > before[weak]
    assert after[strong] == before[strong]
    assert made().memory_replay() == []
    with pytest.raises(InvalidInput):
        model.memory_replay(0)


def test_writing_trains_the_new_slot_and_no_other() -> None:
    copied, trained = made(write_steps=0), made()
    for model in (copied, trained):
        model.add_memory("My brother Tom lives in Oslo", key="a")
    first = trained.memory.bank.get(0).copy()
    for model in (copied, trained):
        model.add_memory("My brother Jim lives in Rome", key="b")
    assert copied.memory.bank.get(1) @ trained.memory.bank.get(1) < 0.9999
    assert (trained.memory.bank.get(0) == first).all()
    assert trained.write_steps > copied.write_steps == 0


@pytest.mark.parametrize("slots", [0, -3, 1.5, True])
def test_slots_that_are_no_count_are_refused(slots: Any) -> None:
    with pytest.raises(InvalidInput):
        made(slots)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    model = made(2)
    model.add_memories(FACTS, user_id="a", run_id="r", metadata={"n": 1})
    model.query("Alice enjoys coffee and hiking")
    model.save(str(tmp_path))
    loaded = MemoryTransformer.load(str(tmp_path), encoder=ToyEncoder())
    assert state(loaded) == state(model)
    assert loaded.stats() == model.stats()
    found = [[(score, item.key) for score, item in m.query("coffee")] for m in (loaded, model)]
    assert found[0] == found[1]
    # Over an earlier state, and into an object that is there already.
    model.add_memory("Dora bakes bread")
    model.save(tmp_path)
    other = made()
    assert other.load(tmp_path) is other
    assert state(other) == state(model)


def test_a_folder_of_another_encoder_is_refused(tmp_path: Path) -> None:
    model = made()
    model.add_memories(FACTS)
    model.save(tmp_path)
    with pytest.raises(FolderError, match="another encoder"):
        MemoryTransformer.load(tmp_path, encoder=ToyEncoder("other"))
    other = made(encoder=ToyEncoder("other"))
    other.add_memory("kept")
    with pytest.raises(FolderError):
        other.load(tmp_path)
    assert [item.text for item in other.items()] == ["kept"]
    with pytest.raises(FolderError, match="something else"):
        HierarchicalMemoryModel.load(tmp_path, encoder=ToyEncoder())


@pytest.mark.parametrize("name", [TRACES, ARRAYS, "config.json"])
def test_a_truncated_file_is_told(tmp_path: Path, name: str) -> None:
    model = made()
    model.add_memories(FACTS)
    model.save(tmp_path)
    [path] = tmp_path.rglob(name)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FolderError):
        MemoryTransformer.load(tmp_path, encoder=ToyEncoder())


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(FolderError):
        made().save(tmp_path)
    assert json.loads(config.read_text()) == {"model_type": "llama"}
    with pytest.raises(FolderError):
        MemoryTransformer.load(tmp_path / "missing", encoder=ToyEncoder())


@pytest.mark.skipif(
    not all(shipped(kind).is_file() for kind in ("char_transformer", "char_conv")),
    reason="the trained encoders are not in this checkout",
)
@pytest.mark.parametrize(
    ("kind", "text", "asked"),
    [
        (MemoryTransformer, "Alice enjoys coffee and hiking", "coffee"),
        (HierarchicalMemoryModel, "Remember to call Bob tomorrow", "call Bob"),
    ],
)
def test_with_the_encoder_that_ships(kind: Any, text: str, asked: str) -> None:
    model = kind()
    model.add_memories(["The rent is due on Friday", "Carla plays the cello"], user_id="u")
    key = model.add_memory(text, user_id="u")
    assert model.query(asked, user_id="u", top_k=5)[0][1].key == key
