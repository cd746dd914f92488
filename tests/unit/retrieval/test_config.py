"""Configurations of retrieval: plain values and back, and what makes no sense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.nn.art import Vigilance
from memgraft.retrieval.config import ABSOLUTE, WEIGHTS, RetrievalConfig


def test_weights_that_are_named_replace_the_usual_ones() -> None:
    weights = RetrievalConfig(weights={"words": 0.0}).all_weights
    assert weights == {**WEIGHTS, "words": 0.0}
    assert WEIGHTS.keys() >= ABSOLUTE


def test_to_json_and_back() -> None:
    config = RetrievalConfig(weights={"cosine": 2.0}, vigilance=Vigilance("fixed", 0.7), window=0)
    again = RetrievalConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert RetrievalConfig.from_dict(RetrievalConfig().to_dict()) == RetrievalConfig()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"weights": {"smell": 1.0}}, "smell"),
        ({"pool": 0}, "pool"),
        ({"window": -1}, "window"),
        ({"write_steps": -1}, "write_steps"),
        ({"ann_above": 0}, "ann_above"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        RetrievalConfig(**fields)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(InvalidInput, match="depth"):
        RetrievalConfig.from_dict({"depth": 3})
