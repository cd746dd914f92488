"""Registries: names for parts that are imported late."""

from __future__ import annotations

import sys

import pytest

from memgraft.core.errors import NotFound
from memgraft.core.registry import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry("codec", {"json": "json:dumps", "broken": "no_such_module_here:thing"})


def test_names_are_sorted_and_import_nothing(registry: Registry) -> None:
    registry.register("late", "this_would_fail:x")
    assert registry.names() == ["broken", "json", "late"]
    assert "no_such_module_here" not in sys.modules


def test_a_part_is_loaded_by_name(registry: Registry) -> None:
    assert registry.load("json")([1]) == "[1]"
    registry.register("json", "json:loads")
    assert registry.load("json")("[1]") == [1]


def test_an_unknown_name_gets_the_choices(registry: Registry) -> None:
    with pytest.raises(NotFound, match=r"no codec is called 'yaml'; expected: broken or json"):
        registry.load("yaml")


def test_a_part_that_cannot_be_imported_says_so(registry: Registry) -> None:
    with pytest.raises(ImportError, match="no_such_module_here"):
        registry.load("broken")


def test_the_entries_given_are_copied() -> None:
    entries = {"json": "json:dumps"}
    Registry("codec", entries).register("more", "json:loads")
    assert entries == {"json": "json:dumps"}
