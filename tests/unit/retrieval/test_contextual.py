"""MemoryWeave's fabric: what embeddings are found by, and what is kept of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from memgraft.core.errors import FolderError, InvalidInput, NotFound
from memgraft.retrieval import ContextualMemory
from memgraft.retrieval.at_rest import ARRAYS, TRACES
from memgraft.retrieval.contextual import STRATEGIES

DAY = 86400.0
D = 16


def axis(*places: int) -> NDArray[np.float32]:
    """A vector between axes."""
    vector = np.zeros(D, np.float32)
    vector[list(places)] = 1
    return vector


def filled(**options: Any) -> tuple[ContextualMemory, list[str]]:
    """Five memories, each on an axis of its own and a little on one that all share."""
    memory = ContextualMemory(D, **options)
    ids = [memory.add_memory(10 * axis(n) + axis(D - 1), f"memory {n}") for n in range(5)]
    return memory, ids


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_nearest_is_found_first(strategy: Any) -> None:
    memory, ids = filled()
    for n, memory_id in enumerate(ids):
        found = memory.retrieve_memories(axis(n), 3, strategy=strategy, activation_boost=False)
        assert found[0].memory_id == memory_id
        assert found[0].text == found[0].metadata["text"] == f"memory {n}"
        assert len(found) == 3
        assert [one.score for one in found] == sorted((o.score for o in found), reverse=True)


def test_similarity_is_the_order_of_cosines() -> None:
    rng = np.random.default_rng(0)
    memory = ContextualMemory(D)
    vectors = rng.normal(size=(40, D)).astype(np.float32)
    ids = [memory.add_memory(row, f"t{n}", {"session": "s"}) for n, row in enumerate(vectors)]
    asked = rng.normal(size=D).astype(np.float32)
    cosines = vectors @ asked / np.linalg.norm(vectors, axis=1)
    wanted = [ids[row] for row in np.argsort(-cosines)[:10]]
    found = memory.retrieve_memories(asked, 10, strategy="similarity", activation_boost=False)
    assert [one.memory_id for one in found] == wanted


def test_results_unpack_as_tuples() -> None:
    memory, ids = filled()
    [(memory_id, score, metadata)] = memory.retrieve_memories(axis(2), 1)
    assert memory_id == ids[2]
    assert 0.9 < score <= 1
    assert metadata["text"] == "memory 2"


def test_lists_and_tensors_are_vectors_too() -> None:
    import torch

    memory = ContextualMemory(3)
    memory.add_memory([1.0, 0.0, 0.0], "a list")
    memory.add_memory(torch.tensor([[0.0, 2.0, 0.0]], requires_grad=True), "a tensor")
    assert memory.retrieve_memories([0, 1, 0], 1)[0].text == "a tensor"


@pytest.mark.parametrize(
    "vector",
    [
        np.full(D, np.nan), np.zeros(D), np.ones(D + 1), np.ones((2, D)), np.ones(0),
        np.r_[np.inf, np.zeros(D - 1)], "text", None, 3.0,
    ],
)  # fmt: skip
def test_vectors_that_cannot_be_used(vector: Any) -> None:
    memory, _ = filled()
    with pytest.raises(InvalidInput):
        memory.add_memory(vector, "text")
    with pytest.raises(InvalidInput):
        memory.retrieve_memories(vector)
    assert len(memory) == memory.memory.bank.slots == 5
    with pytest.raises(InvalidInput):
        ContextualMemory(D).retrieve_memories(vector)


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        (" ", None),
        (None, None),
        ("text", {"x": object()}),
        ("text", {"timestamp": "the other day"}),
        ("text", {"timestamp": -5}),
        ("text", {"timestamp": float("nan")}),
        ("text", {"importance": 2}),
        ("text", {"importance": "high"}),
    ],
)
def test_memories_that_cannot_be_kept(text: Any, metadata: Any) -> None:
    memory = ContextualMemory(D)
    with pytest.raises(InvalidInput):
        memory.add_memory(axis(0), text, metadata)
    assert len(memory) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 0},
        {"top_k": -2},
        {"confidence_threshold": 2.0},
        {"confidence_threshold": float("nan")},
        {"strategy": "magic"},
    ],
)
def test_questions_that_cannot_be_asked(options: Any) -> None:
    memory, _ = filled()
    with pytest.raises(InvalidInput):
        memory.retrieve_memories(axis(0), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"embedding_dim": 0},
        {"embedding_dim": 2.5},
        {"embedding_dim": 4, "vigilance_threshold": 1.5},
        {"embedding_dim": 4, "vigilance_mode": "strict"},
        {"embedding_dim": 4, "context_window": -1},
    ],
)
def test_settings_that_cannot_be_used(options: Any) -> None:
    with pytest.raises(InvalidInput):
        ContextualMemory(**options)


def test_a_large_top_k_gives_all_and_the_threshold_leaves_out() -> None:
    memory, ids = filled()
    assert len(memory.retrieve_memories(axis(0), 100)) == 5
    sure = memory.retrieve_memories(axis(0), 100, confidence_threshold=0.5)
    assert [one.memory_id for one in sure] == ids[:1]
    assert ContextualMemory(D).retrieve_memories(axis(0)) == []


def test_what_is_used_is_preferred_among_equals() -> None:
    memory = ContextualMemory(D)
    ids = [memory.add_memory(axis(0, n), f"memory {n}") for n in (1, 2, 3, 4)]
    first = memory.retrieve_memories(axis(0), 4, activation_boost=False)
    assert first[0].memory_id == ids[0]
    before = memory.activation(ids[2])
    for _ in range(3):
        memory.retrieve_memories(axis(0, 3), 1)
    assert memory.activation(ids[2]) > before
    for strategy in ("hybrid", "fabric", "temporal"):
        found = memory.retrieve_memories(axis(0), 4, strategy=strategy, activation_boost=True)
        assert found[0].memory_id == ids[2], strategy
    calm = memory.retrieve_memories(axis(0), 4, activation_boost=False)
    assert calm[0].memory_id == ids[0]


def test_without_the_boost_nothing_changes() -> None:
    memory, ids = filled()
    before = [memory.activation(memory_id) for memory_id in ids]
    memory.retrieve_memories(axis(0), activation_boost=False)
    assert [memory.activation(memory_id) for memory_id in ids] == before


def test_the_fabric_finds_what_was_said_around_it() -> None:
    memory = ContextualMemory(D)
    for n in range(6):
        memory.add_memory(axis(n + 6), f"other {n}", {"session": "other"})
    memory.add_memory(axis(0), "we talked about Rome", {"session": "trip"})
    near = memory.add_memory(axis(1), "it was too hot", {"session": "trip"})
    alone = memory.retrieve_memories(axis(0), 8, strategy="similarity", activation_boost=False)
    woven = memory.retrieve_memories(axis(0), 8, strategy="fabric", activation_boost=False)
    assert [one.memory_id for one in woven].index(near) == 1
    assert {one.memory_id: one for one in alone}[near].score == pytest.approx(0, abs=1e-6)


def test_temporal_looks_at_the_time_that_is_named() -> None:
    memory = ContextualMemory(D)
    now = time.time()
    for days in range(5):
        memory.add_memory(axis(0, 5 - days), f"{days} days ago", {"timestamp": now - days * DAY})
    found = memory.retrieve_memories(
        axis(0), 1, strategy="temporal", text="what was yesterday?", now=now
    )
    assert found[0].text == "1 days ago"


def test_temporal_without_a_time_prefers_the_latest() -> None:
    memory = ContextualMemory(D)
    old = memory.add_memory(axis(0), "old", {"timestamp": "2020-01-01T00:00:00+00:00"})
    for n in range(70):
        memory.add_memory(axis(1 + n % 14), f"new {n}")
    found = memory.retrieve_memories(axis(0), 100, strategy="temporal")
    assert old not in [one.memory_id for one in found]


def test_words_are_heard_where_there_are_any() -> None:
    memory = ContextualMemory(D)
    memory.add_memory(axis(0, 1), "the code is B-7421")
    memory.add_memory(axis(0, 2), "the garden is green")
    found = memory.retrieve_memories(axis(0), 1, text="B-7421", strategy="hybrid")
    assert found[0].text == "the code is B-7421"


def test_forgetting_is_exact() -> None:
    memory = ContextualMemory(D)
    first = memory.add_memory(axis(0), "one", {"session": "s"})
    second = memory.add_memory(axis(1), "two", {"session": "s"})
    slot = memory.memory.slot(second)
    assert memory.memory.contexts.get(slot)[0] > 0
    assert memory.forget(first) is True
    assert memory.forget(first) is False
    assert memory.memory.contexts.get(slot) == pytest.approx(axis(1))
    assert [one.text for one in memory.retrieve_memories(axis(0))] == ["two"]
    with pytest.raises(NotFound):
        memory.get(first)


def test_categories_are_of_what_is_alike() -> None:
    memory = ContextualMemory(D, use_art_clustering=True, vigilance_threshold=0.85)
    ids = [memory.add_memory(10 * axis(n % 2) + axis(n), f"t{n}") for n in range(2, 10)]
    labels = [memory.category_of(memory_id) for memory_id in ids]
    assert labels[0::2] == [labels[0]] * 4
    assert labels[1::2] == [labels[1]] * 4
    assert labels[0] != labels[1]
    assert {found.size for found in memory.categories().values()} == {4}
    memory.consolidate_categories()
    assert len(memory.categories()) == 2
    assert memory.retrieve_memories(axis(0), 1)[0].memory_id in ids[0::2]


def test_without_clustering_there_are_no_categories() -> None:
    memory, ids = filled()
    assert memory.categories() == {}
    assert memory.category_of(ids[0]) is None
    assert memory.consolidate_categories() == {}


@pytest.mark.parametrize("clustered", [False, True])
def test_what_is_saved_comes_back(tmp_path: Path, clustered: bool) -> None:
    memory = ContextualMemory(D, use_art_clustering=clustered, vigilance_threshold=0.7)
    for n in range(6):
        memory.add_memory(axis(n, n + 1), f"t{n}", {"session": "s", "n": n})
    memory.retrieve_memories(axis(2, 3))
    memory.save(tmp_path)
    loaded = ContextualMemory.load(str(tmp_path))
    now = time.time()
    for strategy in STRATEGIES:
        asked = {"strategy": strategy, "now": now, "activation_boost": False}
        again = loaded.retrieve_memories(axis(2), 6, **asked)
        assert again == memory.retrieve_memories(axis(2), 6, **asked)
    assert loaded.categories() == memory.categories()
    assert loaded.context_window == memory.context_window
    # It goes on as before.
    loaded.add_memory(axis(9), "new", {"session": "s"})
    assert len(loaded) == 7


@pytest.mark.parametrize("name", [TRACES, ARRAYS, "config.json"])
def test_a_truncated_file_is_told(tmp_path: Path, name: str) -> None:
    memory, _ = filled()
    memory.save(tmp_path)
    [path] = tmp_path.rglob(name)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FolderError):
        ContextualMemory.load(tmp_path)


def test_an_embedding_model_is_bound_for_good(tmp_path: Path) -> None:
    memory, _ = filled()

    def one(texts: Any) -> Any:
        return np.stack([axis(len(text) % D) for text in texts])

    def other(texts: Any) -> Any:
        return np.stack([axis((len(text) + 1) % D) for text in texts])

    memory.bind(one)
    memory.bind(one)
    memory.save(tmp_path)
    loaded = ContextualMemory.load(tmp_path)
    with pytest.raises(FolderError, match="another model"):
        loaded.bind(other)
    with pytest.raises(InvalidInput, match="embedding_dim=3"):
        loaded.bind(lambda texts: np.ones((len(texts), 3), np.float32))
    loaded.bind(one)
