"""Tasks in a row: what they share, what they do not, and how they are read."""

from __future__ import annotations

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.continual import FAMILIES, LABELS, Examples, family, stream, streams


def made(name: str, seed: int = 0):  # type: ignore[no-untyped-def]
    if name.startswith("digits"):
        pytest.importorskip("sklearn")
    return family(name, 3, seed)


@pytest.mark.parametrize("name", FAMILIES)
def test_ids_features_and_labels_fit(name: str) -> None:
    tasks = made(name)
    assert len(tasks.tasks) == 3
    for parts in tasks.tasks:
        for part in parts:
            assert part.ids.min() >= LABELS and part.ids.max() < tasks.vocabulary
            assert part.labels.min() >= 0 and part.labels.max() < LABELS
            assert part.features.shape == (len(part), tasks.features)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_goes_by_its_seed(name: str) -> None:
    one, again, other = made(name), made(name), made(name, 1)
    for (a, _), (b, _) in zip(one.tasks, again.tasks, strict=True):
        assert np.array_equal(a.features, b.features) and np.array_equal(a.labels, b.labels)
    assert any(
        len(a) != len(b)
        or not np.array_equal(a.labels, b.labels)
        or not np.array_equal(a.features, b.features)
        for (a, _), (b, _) in zip(one.tasks, other.tasks, strict=True)
    )


def test_split_digits_share_no_class_and_no_image_with_their_test() -> None:
    classes = [set(train.labels.tolist()) for train, _ in made("digits-split").tasks]
    assert [len(each) for each in classes] == [2, 2, 2]
    assert len(set.union(*classes)) == 6
    for train, test in made("digits-split").tasks:
        assert set(test.labels.tolist()) == set(train.labels.tolist())
        assert len(train) > 2 * len(test)


def test_validation_has_no_image_of_the_test_and_none_twice() -> None:
    pytest.importorskip("sklearn")

    def images(parts: list[Examples]) -> set[bytes]:
        return {row.tobytes() for part in parts for row in part.features}

    def both(validation: bool) -> tuple[set[bytes], set[bytes]]:
        tasks = family("digits-split", 5, validation=validation).tasks
        return images([train for train, _ in tasks]), images([test for _, test in tasks])

    (train, test), (rest, held_out) = both(False), both(True)
    assert held_out and rest | held_out == train  # with all classes, whatever their order is
    assert not rest & held_out
    assert not (rest | held_out) & test


@pytest.mark.parametrize("name", ["facts-split", "facts-permuted"])
def test_validation_has_other_facts(name: str) -> None:
    pairs = zip(family(name).tasks, family(name, validation=True).tasks, strict=True)
    assert all(not np.array_equal(a.labels, b.labels) for (a, _), (b, _) in pairs)


def test_permuted_digits_are_the_same_pixels_in_another_order() -> None:
    (first, _), (second, _), _ = made("digits-permuted").tasks
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.features, second.features)
    assert np.array_equal(np.sort(first.features, axis=1), np.sort(second.features, axis=1))


def test_facts_have_keys_of_their_own_or_a_cue() -> None:
    split = [set(train.ids.tolist()) for train, _ in made("facts-split").tasks]
    assert len(set.union(*split)) == sum(map(len, split))
    (first, _), (second, _), _ = made("facts-permuted").tasks
    assert np.array_equal(first.ids, second.ids)
    assert not np.array_equal(first.labels, second.labels)
    assert not (first.features * second.features).any()


def test_a_stream_is_each_example_and_its_label() -> None:
    train = made("facts-permuted").tasks[0][0]
    ids, features, targets = stream(train)
    assert np.array_equal(ids[::2], train.ids) and np.array_equal(ids[1::2], train.labels)
    assert np.array_equal(targets[::2], train.labels) and (targets[1::2] == -100).all()
    assert np.array_equal(features[::2], train.features) and not features[1::2].any()


@pytest.mark.parametrize("name", ["facts-split", "facts-permuted"])
def test_streams_are_drawn_from_the_examples(name: str) -> None:
    train = made(name).tasks[1][0]
    ids, features, targets = streams(train, 3, 4, np.random.default_rng(0))
    assert ids.shape == targets.shape == (3, 8)
    assert features.shape == (3, 8, train.features.shape[1])
    known = dict(zip(train.ids.tolist(), train.labels.tolist(), strict=True))
    for row, due in zip(ids, targets, strict=True):
        assert [known[key] for key in row[::2]] == due[::2].tolist() == row[1::2].tolist()


def test_what_is_no_family_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no family"):
        family("letters")
    with pytest.raises(InvalidInput, match="tasks do not fit"):
        family("facts-split", 6)
