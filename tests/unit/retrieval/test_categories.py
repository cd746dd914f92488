"""The category map: numbers stay with their records, and what is saved comes back exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.nn.art import Vigilance
from memgraft.retrieval.categories import CategoryMap

WIDTH = 64
TOPICS = np.linalg.qr(np.random.default_rng(0).standard_normal((WIDTH, WIDTH)))[0]


def about(topic: int, seed: int, noise: float = 0.5) -> NDArray[np.float64]:
    """A vector near the topic's; two of one topic have 1 / (1 + noise²) in common."""
    rng = np.random.default_rng([topic, seed])
    return TOPICS[topic] + noise * rng.standard_normal(WIDTH) / np.sqrt(WIDTH)


def filled(topics: int = 3, each: int = 6) -> CategoryMap:
    """Records t0s0, t1s0, ... of several topics in turn."""
    made = CategoryMap(WIDTH)
    for seed in range(each):
        for topic in range(topics):
            made.add(f"t{topic}s{seed}", about(topic, seed))
    return made


def grouped(categories: CategoryMap) -> dict[int, list[str]]:
    return {number: categories.members(number) for number in categories.statistics()}


def same(one: CategoryMap, other: CategoryMap) -> bool:
    mine, its = one.arrays(), other.arrays()
    return mine.keys() == its.keys() and all(
        np.array_equal(mine[name], its[name]) and mine[name].dtype == its[name].dtype
        for name in mine
    )


def test_records_join_those_that_they_resemble() -> None:
    categories = CategoryMap(WIDTH)
    assert [categories.add("a", about(0, 1)), categories.add("b", about(1, 1))] == [0, 1]
    assert categories.add("c", 7 * about(0, 2)) == 0
    assert categories.category_of("c") == 0
    assert categories.members(0) == ["a", "c"]
    assert len(categories) == 3
    assert "c" in categories
    assert "d" not in categories


def test_statistics_are_those_of_the_members() -> None:
    categories = filled()
    statistics = categories.statistics()
    assert list(statistics) == [0, 1, 2]
    for number, said in statistics.items():
        vectors = np.array([about(number, seed) for seed in range(6)])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = (vectors @ vectors.T)[np.triu_indices(6, 1)]
        nearest = int((vectors @ vectors.sum(axis=0)).argmax())
        assert said.size == 6
        assert said.cohesion == pytest.approx(cosines.mean(), abs=1e-6)
        assert said.representative == f"t{number}s{nearest}"


def test_numbers_are_stable_and_never_used_again() -> None:
    categories = filled(topics=3, each=2)
    categories.remove("t1s0")
    assert grouped(categories) == {0: ["t0s0", "t0s1"], 1: ["t1s1"], 2: ["t2s0", "t2s1"]}
    categories.remove("t1s1")
    assert grouped(categories) == {0: ["t0s0", "t0s1"], 2: ["t2s0", "t2s1"]}
    assert categories.add("again", about(1, 0)) == 3
    assert categories.add("more", about(2, 9)) == 2


def test_a_record_that_was_removed_leaves_no_trace() -> None:
    categories = CategoryMap(WIDTH)
    never = CategoryMap(WIDTH)
    for seed in range(5):
        categories.add(f"{seed}", about(0, seed))
        if seed != 2:
            never.add(f"{seed}", about(0, seed))
    categories.remove("2")
    assert np.array_equal(categories.arrays()["sums"], never.arrays()["sums"])
    assert categories.statistics() == never.statistics()
    assert "2" not in categories


def test_adding_a_known_record_moves_it() -> None:
    categories = filled(topics=2, each=3)
    assert categories.add("t0s1", about(1, 7)) == 1
    assert grouped(categories) == {0: ["t0s0", "t0s2"], 1: ["t1s0", "t1s1", "t1s2", "t0s1"]}
    assert len(categories) == 6


def test_the_nearest_categories_come_first() -> None:
    categories = filled()
    between = 2 * TOPICS[2] + TOPICS[0]
    found = categories.nearest(between, 2)
    assert [number for number, _ in found] == [2, 0]
    sums = {t: sum(about(t, s) / np.linalg.norm(about(t, s)) for s in range(6)) for t in (0, 2)}
    for number, cosine in found:
        mean = sums[number] / np.linalg.norm(sums[number])
        assert cosine == pytest.approx(mean @ between / np.sqrt(5), abs=1e-6)
    assert len(categories.nearest(between, 99)) == 3
    assert CategoryMap(WIDTH).nearest(between) == []
    with pytest.raises(InvalidInput, match="at least 1"):
        categories.nearest(between, 0)


def test_consolidating_makes_one_of_what_is_one_and_says_so() -> None:
    categories = CategoryMap(WIDTH, Vigilance("fixed", 0.93))
    for seed in range(12):
        for topic in range(2):
            categories.add(f"t{topic}s{seed}", about(topic, seed))
    before = grouped(categories)
    assert len(before) > 4
    moved = categories.consolidate()
    after = grouped(categories)
    assert [sorted(members) for members in after.values()] == [
        sorted(f"t{topic}s{seed}" for seed in range(12)) for topic in range(2)
    ]
    assert moved.keys() == before.keys()
    for old, new in moved.items():
        assert set(before[old]) <= set(after[new])
    for number, members in after.items():
        parts = [old for old, new in moved.items() if new == number]
        assert len(before[number]) == max(len(before[old]) for old in parts), "the largest lives on"
        assert all(categories.category_of(record_id) == number for record_id in members)


def test_consolidating_what_is_settled_changes_nothing() -> None:
    categories = filled()
    before = grouped(categories)
    assert categories.consolidate() == {0: 0, 1: 1, 2: 2}
    assert grouped(categories) == before


def test_what_comes_apart_gets_a_new_number() -> None:
    categories = CategoryMap(WIDTH, Vigilance("fixed", 0.0))
    for seed in range(12):
        categories.add(f"t0s{seed}", about(0, seed))
        # Unlike enough, but asked for nothing.
        categories.add(f"t1s{seed}", about(1, seed) + 0.3 * TOPICS[0])
    assert list(grouped(categories)) == [0]
    categories.vigilance = Vigilance()
    assert categories.consolidate() == {0: 0}
    assert [len(members) for members in grouped(categories).values()] == [12, 12]
    assert sorted(grouped(categories)) == [0, 1]
    assert categories.add("new", about(5, 0)) == 2


def test_consolidating_nothing() -> None:
    categories = CategoryMap(WIDTH)
    assert categories.consolidate() == {}
    assert categories.statistics() == {}
    categories.add("one", about(0, 0))
    assert categories.consolidate() == {0: 0}


def test_saved_and_loaded_it_is_the_same_and_goes_on_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.core.folder.os.fsync", lambda handle: None)
    categories = filled()
    categories.add("käse, 乳酪", about(4, 0))
    for gone in ("t1s3", "t2s0"):
        categories.remove(gone)
    save_arrays(tmp_path / "categories.safetensors", categories.arrays(), {})
    loaded = CategoryMap.from_arrays(load_arrays(tmp_path / "categories.safetensors")[0])
    assert same(loaded, categories)
    assert loaded.statistics() == categories.statistics()
    for both in (categories, loaded):
        both.add("later", about(2, 77))
        both.remove("t0s0")
        both.consolidate()
        both.add("latest", about(9, 0))
    assert same(loaded, categories)
    assert grouped(loaded) == grouped(categories)


def test_an_empty_map_is_saved_too(tmp_path: Path) -> None:
    save_arrays(tmp_path / "empty.safetensors", CategoryMap(WIDTH).arrays(), {})
    loaded = CategoryMap.from_arrays(load_arrays(tmp_path / "empty.safetensors")[0])
    assert same(loaded, CategoryMap(WIDTH))
    assert loaded.add("a", about(0, 0)) == 0


def changed(name: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    arrays = filled(topics=2, each=2).arrays()
    return arrays | {name: change(arrays[name])}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ids", lambda a: a[:-1]),
        ("ids", lambda a: np.concatenate([a[:4], a[:4], a[8:]])),
        ("id_ends", lambda a: a[:-1]),
        ("vectors", lambda a: a[:-1]),
        ("vectors", lambda a: a[:, :-1]),
        ("vectors", lambda a: a * np.nan),
        ("vectors", lambda a: a[::-1]),
        ("categories", lambda a: a + 1),
        ("categories", lambda a: 0 * a),
        ("numbers", lambda a: 0 * a),
        ("numbers", lambda a: a - 1),
        ("sums", lambda a: a + 0.01),
        ("sums", lambda a: a[:1]),
        ("sums", lambda a: a.ravel()),
        ("counts", lambda a: a + 1),
        ("seen", lambda a: a[:0]),
        ("next", lambda a: 0 * a),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, change: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        CategoryMap.from_arrays(changed(name, change))
    assert caught.value.next_step


def test_arrays_that_miss_one_are_refused() -> None:
    arrays = filled().arrays()
    del arrays["counts"]
    with pytest.raises(InvalidInput, match="counts"):
        CategoryMap.from_arrays(arrays)


@pytest.mark.parametrize(
    ("record_id", "vector"),
    [
        ("", about(0, 0)),
        (7, about(0, 0)),
        ("new", np.ones(WIDTH - 1)),
        ("t0s0", np.full(WIDTH, np.nan)),
        ("t0s0", np.zeros(WIDTH)),
    ],
)
def test_what_cannot_be_added_changes_nothing(record_id: Any, vector: NDArray[Any]) -> None:
    categories = filled()
    with pytest.raises(InvalidInput):
        categories.add(record_id, vector)
    assert same(categories, filled())


def test_what_is_not_there_is_not_found() -> None:
    categories = filled()
    for ask in (categories.remove, categories.category_of):
        with pytest.raises(NotFound, match="t9s9"):
            ask("t9s9")
    with pytest.raises(NotFound, match="no category 9"):
        categories.members(9)
