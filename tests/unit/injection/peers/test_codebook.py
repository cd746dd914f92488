"""GRACE's codebook: when a ball is added, expanded, split, and what lies in none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from memgraft.injection.peers.codebook import Codebook


def at(x: float, y: float = 0.0) -> Tensor:
    return torch.tensor([x, y])


@pytest.fixture
def book() -> Codebook:
    made = Codebook()
    made.place(at(0), "red", 1.0).value = at(5)
    return made


def radii(book: Codebook) -> list[float]:
    return [round(entry.radius, 3) for entry in book.entries]


def test_an_empty_one_finds_nothing() -> None:
    assert Codebook().find(at(0)) is None


def test_only_what_lies_in_a_ball_is_found(book: Codebook) -> None:
    [entry] = book.entries
    assert book.find(at(0.6, 0.7)) is entry
    assert book.find(at(0.8, 0.7)) is None


@pytest.mark.parametrize("reply", ["red", "blue"])
def test_far_away_a_ball_is_added(book: Codebook, reply: str) -> None:
    entry = book.place(at(2.5), reply, 1.0)
    assert radii(book) == [1.0, 1.0]
    assert entry is book.find(at(3.4))
    assert entry.value is None


def test_near_the_same_reply_the_ball_expands(book: Codebook) -> None:
    [entry] = book.entries
    assert book.place(at(1.5), "red", 1.0) is entry
    assert radii(book) == [1.5]
    assert book.find(at(-1.4)) is entry
    assert book.place(at(0.5), "red", 1.0) is entry, "and never shrinks"
    assert radii(book) == [1.5]


def test_near_another_reply_the_distance_is_split(book: Codebook) -> None:
    new = book.place(at(1.5), "blue", 1.0)
    assert radii(book) == [0.75, 0.75]
    assert book.find(at(0.7)) is book.entries[0]
    assert book.find(at(0.8)) is new
    assert book.find(at(-0.9)) is None


def test_the_later_word_counts(book: Codebook) -> None:
    [entry] = book.entries
    assert book.place(at(0), "blue", 1.0) is entry
    assert (entry.reply, entry.value, radii(book)) == ("blue", None, [1.0])


def test_bytes_at_rest(book: Codebook) -> None:
    [entry] = book.entries
    entry.value = at(5).half()
    assert entry.nbytes == 2 * 2 + 2 * 2 + 4
