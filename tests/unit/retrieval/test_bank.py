"""The slot bank: what is nearest by brute force is nearest, with an index and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.retrieval.bank import BLOCK, SlotBank

WIDTH = 32


def vectors(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def filled(count: int, ann_above: int = 1 << 40) -> SlotBank:
    bank = SlotBank(WIDTH, ann_above)
    for vector in vectors(count):
        bank.add(vector)
    assert (bank.wait_for_index() is not None) == (count > ann_above)
    return bank


@pytest.mark.parametrize("ann_above", [1 << 40, 50])
def test_the_nearest_are_those_of_highest_cosine(ann_above: int) -> None:
    bank, rows = filled(400, ann_above), vectors(400)
    shares = []
    for query in vectors(20, seed=1):
        expected = np.argsort(-(rows @ query), kind="stable")[:10]
        found = bank.nearest(query, 10)
        shares.append(np.isin(expected, found).mean())
        assert list(rows[found] @ query) == sorted(rows[found] @ query, reverse=True)
    assert np.mean(shares) == 1.0 if ann_above > 400 else np.mean(shares) >= 0.98


@pytest.mark.parametrize("ann_above", [1 << 40, 50])
def test_what_is_not_allowed_is_left_out_before_the_search(ann_above: int) -> None:
    bank, rows = filled(400, ann_above), vectors(400)
    for share in (0.02, 0.4):
        allowed = np.random.default_rng(2).random(400) < share
        for query in vectors(5, seed=3):
            expected = [n for n in np.argsort(-(rows @ query)) if allowed[n]][:5]
            found = bank.nearest(query, 5, allowed)
            assert len(found) == 5
            assert allowed[found].all()
            assert len(set(found.tolist()) & set(expected)) >= 4
    assert len(bank.nearest(rows[0], 5, np.zeros(400, bool))) == 0


def test_cosines_are_with_every_slot_and_zero_for_empty_ones() -> None:
    bank, rows = filled(30), vectors(30)
    bank.remove(7)
    cosines = bank.cosines(rows[0])
    assert cosines[7] == 0
    np.testing.assert_allclose(np.delete(cosines, 7), np.delete(rows @ rows[0], 7), atol=1e-6)
    assert SlotBank(WIDTH).cosines(rows[0]).shape == (0,)


def test_gathering_keeps_the_order_asked_for() -> None:
    bank, rows = filled(2 * BLOCK + 5), vectors(2 * BLOCK + 5)
    wanted = np.array([2 * BLOCK, 3, BLOCK - 1, BLOCK, 0, 3])
    assert np.array_equal(bank.gathered(wanted), np.stack([bank.get(n) for n in wanted]))
    np.testing.assert_allclose(bank.gathered(wanted), rows[wanted], atol=1e-6)
    assert bank.gathered(np.zeros(0, np.intp)).shape == (0, WIDTH)


def test_slots_are_never_moved_reused_or_evicted() -> None:
    bank = SlotBank(WIDTH)
    before = {}
    for number, vector in enumerate(vectors(3 * BLOCK + 1)):
        assert bank.add(vector) == number
        before[number] = bank.get(number).tobytes()
        if number % 7 == 0:
            bank.remove(number)
            del before[number]
    assert bank.blocks >= 4
    assert len(bank) == len(before)
    assert bank.slots == 3 * BLOCK + 1
    assert all(bank.get(number).tobytes() == bits for number, bits in before.items())


@pytest.mark.parametrize("ann_above", [1 << 40, 50])
def test_a_removed_slot_is_empty_and_found_no_more(ann_above: int) -> None:
    bank, rows = filled(200, ann_above), vectors(200)
    assert bank.nearest(rows[11], 1).tolist() == [11]
    bank.remove(11)
    assert 11 not in bank.nearest(rows[11], 199)
    assert not bank.alive[11]
    assert not bank.gathered(np.array([11])).any()
    for ask in (bank.get, bank.remove):
        with pytest.raises(NotFound, match="slot 11"):
            ask(11)
    with pytest.raises(NotFound):
        bank.put(11, rows[0])
    assert len(bank) == 199


@pytest.mark.parametrize("ann_above", [1 << 40, 50])
def test_writing_a_slot_anew_touches_no_other(ann_above: int) -> None:
    bank, rows = filled(200, ann_above), vectors(200)
    others = np.delete(np.arange(200), 5)
    before = bank.gathered(others).tobytes()
    bank.nearest(rows[0], 3)
    bank.put(5, -rows[9])
    assert bank.gathered(others).tobytes() == before
    assert bank.nearest(-rows[9], 1).tolist() == [5]
    assert 5 not in bank.nearest(rows[5], 5)


def test_what_is_added_after_a_search_is_found() -> None:
    bank = filled(100, ann_above=50)
    bank.nearest(vectors(1)[0], 3)
    new = vectors(1, seed=9)[0]
    slot = bank.add(new)
    assert bank.nearest(new, 1).tolist() == [slot]


def test_lengths_do_not_matter_and_unit_vectors_keep_their_bits() -> None:
    bank, row = SlotBank(WIDTH), vectors(1)[0]
    bank.add(5 * row)
    np.testing.assert_allclose(bank.get(0), row, atol=1e-6)
    again = SlotBank(WIDTH)
    again.add(bank.get(0))
    assert again.get(0).tobytes() == bank.get(0).tobytes()


@pytest.mark.parametrize(
    "vector",
    [
        np.ones(WIDTH - 1),
        np.ones((1, WIDTH)),
        np.zeros(WIDTH),
        np.full(WIDTH, np.nan),
        np.where(np.arange(WIDTH) == 3, np.inf, 1.0),
    ],
)
def test_a_vector_that_cannot_be_compared_is_refused_and_changes_nothing(vector: Any) -> None:
    bank = filled(3)
    for use in (bank.add, bank.cosines, lambda v: bank.put(1, v), lambda v: bank.nearest(v, 1)):
        with pytest.raises(InvalidInput):
            use(vector)
    assert (bank.slots, len(bank)) == (3, 3)
    np.testing.assert_allclose(bank.gathered(np.arange(3)), vectors(3), atol=1e-6)
