"""Long texts in segments: the same as at once, in room that does not grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.evals.mag_stream import forced, greedy, read
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

TinyHost = Callable[[str], Any]
WINDOW = 4
CONFIG = PatchConfig(memory_heads=2, memory_head_dim=4, chunk_size=8, window=WINDOW)
KINDS = ["llama", "mistral", "qwen3"]


def grafted(tiny_host: TinyHost, kind: str) -> Any:
    """A patched model whose memory has a say."""
    model = patch_with_mag(tiny_host(kind).model, CONFIG)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=generator)
            branch.gate.bias.zero_()
    return model


def rows(*lengths: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(0, 250, (length,), generator=generator).tolist() for length in lengths]


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["on", "off", "read"])
@pytest.mark.parametrize("segment", [1, 7, 64])
def test_segments_are_read_as_the_whole(
    tiny_host: TinyHost, kind: str, mode: str, segment: int
) -> None:
    model, [row] = grafted(tiny_host, kind), rows(40)
    with model.memories_set_to(mode), torch.no_grad():
        whole = model(torch.tensor([row])).logits[:, -1]
        close(read(model, [row], segment).logits, whole)


@pytest.mark.parametrize("segment", [3, 16])
def test_rows_of_different_lengths_do_not_disturb_each_other(
    tiny_host: TinyHost, segment: int
) -> None:
    model, some = grafted(tiny_host, "llama"), rows(40, 31, 38)
    together = read(model, some, segment)
    for number, row in enumerate(some):
        close(together.logits[number], read(model, [row], segment).logits[0])


def test_the_base_with_full_attention(tiny_host: TinyHost) -> None:
    model, [row] = tiny_host("llama").model, rows(40)
    with torch.no_grad():
        close(read(model, [row], 8).logits, model(torch.tensor([row])).logits[:, -1])


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_memory_the_window_is_all_there_is(tiny_host: TinyHost, kind: str) -> None:
    model, [row] = grafted(tiny_host, kind), rows(60)
    other = [(row[0] + 1) % 250, *row[1:]]

    def same(mode: str) -> bool:
        with model.memories_set_to(mode):
            return torch.equal(read(model, [row], 8).logits, read(model, [other], 8).logits)

    assert same("off") and same("read")
    assert not same("on")


def test_the_room_that_is_taken_does_not_grow(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host, "llama")

    def room(length: int) -> int:
        cache = read(model, rows(length), 16).cache
        assert all(layer.keys.shape[-2] < WINDOW for layer in cache.layers)
        return sum(layer.keys.numel() + layer.memory.bytes for layer in cache.layers)

    assert room(32) == room(200)


def test_greedy_is_what_generate_says(tiny_host: TinyHost) -> None:
    model, [row] = grafted(tiny_host, "llama"), rows(30)
    steps = {"max_new_tokens": 9, "do_sample": False, "eos_token_id": None}
    wanted = model.generate(torch.tensor([row]), pad_token_id=0, **steps)[0, 30:].tolist()
    assert greedy(model, read(model, [row], 8), 9) == [wanted]
    assert greedy(model, read(model, [row], 8), 9, ends={wanted[4]}) == [
        wanted[: wanted.index(wanted[4])]
    ]
    enough = greedy(model, read(model, [row], 8), 9, enough=lambda said: len(said[0]) == 3)
    assert enough == [wanted[:3]]


def test_targets_of_different_lengths(tiny_host: TinyHost) -> None:
    model, some, targets = grafted(tiny_host, "llama"), rows(30, 25), rows(6, 1)
    right = forced(model, read(model, some, 8), targets)
    for row, target, flags in zip(some, targets, right, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([row + target])).logits[0, len(row) - 1 : -1]
        assert flags == (logits.argmax(-1) == torch.tensor(target)).tolist()


def test_what_greedy_says_is_right_when_forced(tiny_host: TinyHost) -> None:
    model, some = grafted(tiny_host, "llama"), rows(30, 25)
    said = greedy(model, read(model, some, 8), 5)
    assert forced(model, read(model, some, 8), said) == [[True] * 5] * 2


def test_progress_counts_tokens(tiny_host: TinyHost) -> None:
    told: list[int] = []
    read(tiny_host("llama").model, rows(20, 18), 8, told.append)
    assert sum(told) == 38 and len(told) == 3


def test_nothing_to_read(tiny_host: TinyHost) -> None:
    nothing: list[list[list[int]]] = [[], [[]]]
    for wrong in nothing:
        with pytest.raises(InvalidInput, match="nothing to read"):
            read(tiny_host("llama").model, wrong)
