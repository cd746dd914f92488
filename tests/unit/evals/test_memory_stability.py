"""Repeated keys: what is bounded stays bounded, and what is not is seen to blow up."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.evals.memory_stability import MEMORIES, Repetition, course, draw_courses
from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearState, linear_memory_oracle


def test_the_linear_course_is_that_of_the_token_loop() -> None:
    repetition = Repetition(tokens=12, keys=2, width=4, length=3.0, momentum=0.5, chunk=6)
    told = course("linear", repetition)
    generator = torch.Generator().manual_seed(repetition.seed)
    k, v = (torch.randn(1, 1, 2, 4, generator=generator) for _ in range(2))
    k, v = k / k.norm(dim=-1, keepdim=True), 3 * v / v.norm(dim=-1, keepdim=True)
    gates = Gates(*(torch.full((1, 1, 12), value) for value in (0.5, 0.5, 0.0)))
    turns = torch.arange(12) % 2
    key, value = k[:, :, turns], v[:, :, turns]
    weight = linear_memory_oracle(
        key, key, value, gates, LinearState.empty((1, 1, 4, 4))
    ).state.weight
    assert told.tokens == [6, 12]
    assert told.norm[-1] == pytest.approx(float(weight.norm()), rel=1e-4)
    error = (k[0, 0] @ weight[0, 0] - v[0, 0]).norm(dim=-1).mean() / 3
    assert told.error[-1] == pytest.approx(float(error), rel=1e-3)


def test_what_is_divided_by_the_chunk_stays_bounded() -> None:
    few = Repetition(tokens=1024, keys=4)
    told = {memory: course(memory, few) for memory in MEMORIES}
    assert told["linear"].error[-1] < 1e-4
    assert told["mlp"].error[-1] < told["mlp"].error[0]
    assert max(told["mlp"].norm) < 1.1 * told["mlp"].norm[0]
    assert max(told["mlp_undivided"].norm) > 3 * max(told["mlp"].norm)


def test_it_draws_even_what_has_overflown(tmp_path: Path) -> None:
    told = course("mlp", Repetition(tokens=128))
    told.norm[-1] = math.inf
    draw_courses({"one key": {"mlp": told}}, tmp_path / "courses.png")
    assert (tmp_path / "courses.png").stat().st_size > 5000


@pytest.mark.parametrize("values", [{"keys": 0}, {"keys": 17}, {"tokens": 100}])
def test_what_cannot_be_written_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        Repetition(**values)
