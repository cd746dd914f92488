"""Ids: unique, of version 7, and in the order of creation."""

from __future__ import annotations

import time
import uuid

import pytest

from memgraft.core.ids import uuid7


def test_an_id_is_a_uuid_of_version_7() -> None:
    value = uuid.UUID(uuid7())
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert str(value) == str(value).lower()


def test_the_first_48_bits_are_the_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    stamp = uuid.UUID(uuid7()).int >> 80
    assert before <= stamp <= time.time_ns() // 1_000_000


def test_ids_sort_by_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for moment in (0, 1_000_000, 255_000_000, 256_000_000, 10**18, 2 * 10**18):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        ids.append(uuid7())
    assert ids == sorted(ids)


def test_ids_do_not_repeat() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
