"""Errors: one tree, and messages that say what, expected, got, next."""

from __future__ import annotations

import pytest

from memgraft.core import errors
from memgraft.core.errors import (
    InvalidInput,
    MemgraftError,
    MissingExtra,
    NotFound,
    StoreBusy,
    StoreError,
)


def every_error() -> list[type[MemgraftError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, MemgraftError)]


def test_the_message_has_all_four_parts_in_order() -> None:
    error = MemgraftError("it broke", expected="whole", got="halves", next_step="glue it")
    assert str(error) == "it broke; expected: whole; got: halves; next: glue it"
    assert (error.what, error.expected) == ("it broke", "whole")
    assert (error.got, error.next_step) == ("halves", "glue it")


def test_parts_that_are_missing_are_left_out() -> None:
    assert str(MemgraftError("it broke")) == "it broke"
    assert str(MemgraftError("it broke", next_step="glue it")) == "it broke; next: glue it"


@pytest.mark.parametrize("kind", every_error())
def test_every_error_is_of_the_tree_and_documented(kind: type[MemgraftError]) -> None:
    assert kind.__doc__
    assert kind.exit_code in (1, 2)


def test_errors_can_be_caught_as_their_builtin_kin() -> None:
    assert issubclass(InvalidInput, ValueError)
    assert issubclass(NotFound, KeyError)
    assert issubclass(MissingExtra, ImportError)
    assert issubclass(StoreBusy, StoreError)


def test_not_found_prints_without_quotes() -> None:
    assert str(NotFound("no such memory", got="x")) == "no such memory; got: x"


def test_only_wrong_use_exits_with_2() -> None:
    assert InvalidInput("bad").exit_code == 2
    assert StoreBusy("busy").exit_code == 1


def test_a_missing_extra_says_what_to_install() -> None:
    assert str(MissingExtra("the server", "server")) == (
        "the server needs packages that are not installed; next: pip install 'memgraft[server]'"
    )
