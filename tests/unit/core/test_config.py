"""Configurations: plain values in and out, unknown keys refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput


@dataclass(frozen=True)
class Oven(Config):
    """An oven."""

    degrees: int
    fan: bool = False


def test_values_go_in_and_out() -> None:
    assert Oven.from_dict({"degrees": 180}) == Oven(180, fan=False)
    assert Oven(200, fan=True).to_dict() == {"degrees": 200, "fan": True}
    assert Oven.from_dict(Oven(7).to_dict()) == Oven(7)


def test_unknown_keys_are_named_with_the_choices() -> None:
    with pytest.raises(InvalidInput) as caught:
        Oven.from_dict({"degrees": 180, "grill": True, "door": 1})
    assert caught.value.what == "Oven has no field door, grill"
    assert caught.value.expected == "degrees, fan"
    assert "degrees, door, grill" in caught.value.got
    assert caught.value.next_step


def test_the_base_itself_has_no_fields() -> None:
    assert Config.from_dict({}) == Config()
    with pytest.raises(InvalidInput):
        Config.from_dict({"a": 1})


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Oven(1).degrees = 2  # type: ignore[misc]
