"""Hash-hop and dependency tracing: answerable, sized, placed, seeded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.checker import check
from memgraft.data.dependency import WORDINGS, DependencyConfig, dependency
from memgraft.data.fitting import TokenCount
from memgraft.data.hash_hop import STYLES, HashHopConfig, hash_hop
from memgraft.data.samples import Sample

HOPS = (1, 2, 3, 4, 5)
KINDS = [*STYLES, *WORDINGS]


def made(style: str, tokenizer: Any, seed: int = 0, **settings: Any) -> Iterator[Sample]:
    if style in STYLES:
        return hash_hop(HashHopConfig(style=style, **settings), tokenizer, seed)
    return dependency(DependencyConfig(style=style, **settings), tokenizer, seed)


def lines_of(sample: Sample) -> list[str]:
    assert isinstance(sample.input, str)
    return re.split(r"\n(?:COMPLETION:|\nQuestion:)", sample.input)[0].split("\n")


@pytest.mark.parametrize("style", KINDS)
@pytest.mark.parametrize("cot", [False, True])
def test_every_sample_is_answerable(style: str, cot: bool, tokenizers: dict[str, Any]) -> None:
    """3,200 samples in all, over seeds, hops, sizes and placements."""
    tokenizer = tokenizers["chunks"]
    for seed, hops, tokens in product(range(4), HOPS, (220, 400)):
        config = {"hops": (hops,), "tokens": tokens, "cot": cot, "depths": (0.0, 0.4, 1.0)}
        if seed % 2:
            config |= {"depths": (), "tokens": tokens + seed}
        for sample in islice(made(style, tokenizer, seed, **config), 10):
            check(sample, TokenCount(tokenizer))
            assert sample.metadata["hops"] == hops


@pytest.mark.parametrize("style", KINDS)
@pytest.mark.parametrize("name", ["bytes", "chunks", "merged"])
def test_sizes_are_kept_to_within_a_line(style: str, name: str, tokenizers: dict[str, Any]) -> None:
    count = TokenCount(tokenizers[name])
    for tokens in (500, 1201):
        for sample in islice(made(style, tokenizers[name], hops=(2,), tokens=tokens), 8):
            assert isinstance(sample.input, str) and isinstance(sample.target, str)
            total = count(sample.input) + count(sample.target)
            longest = max(count.each([line + "\n" for line in lines_of(sample)]))
            # A line of names can be longer than any that is there by a few letters.
            assert tokens - longest - 8 <= total <= tokens
            told = sample.metadata["tokens"] + sample.metadata["target_tokens"]
            assert told == total


@pytest.mark.parametrize("style", KINDS)
def test_the_same_seed_gives_the_same_samples(style: str, byte_tokenizer: Any) -> None:
    def some(seed: int) -> list[Sample]:
        return list(islice(made(style, byte_tokenizer, seed, tokens=700, hops=(1, 3)), 6))

    assert some(1) == some(1)
    texts = {str(sample.input) for seed in (1, 2) for sample in some(seed)}
    assert len(texts) == 12


def test_a_stream_can_be_taken_up_anywhere(byte_tokenizer: Any) -> None:
    config = HashHopConfig(tokens=600)
    assert list(islice(hash_hop(config, byte_tokenizer, 3), 4, 6)) == list(
        islice(hash_hop(config, byte_tokenizer, 3, start=4), 2)
    )


@pytest.mark.parametrize("style", KINDS)
@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 1.0])
def test_the_needle_lies_where_it_is_told_to(style: str, depth: float, byte_tokenizer: Any) -> None:
    settings: dict[str, Any] = {"tokens": 3000, "hops": (2,), "depths": (depth,)}
    for sample in islice(made(style, byte_tokenizer, **settings), 5):
        text = str(sample.input)
        context = "\n".join(lines_of(sample))
        for offset, told in zip(sample.metadata["offsets"], sample.metadata["depths"], strict=True):
            assert abs(offset / len(context) - depth) < 0.06
            assert abs(told - depth) < 0.06
            assert offset == 0 or text[offset - 1] == "\n"
        assert text[sample.metadata["offsets"][0] :].startswith(
            next(
                line for line in lines_of(sample) if sample.metadata["start"] in line.split(" ")[:3]
            )
        )
    assert abs(sample.metadata["depth"] - depth) < 0.06


def test_distances_are_tokens_to_the_end(byte_tokenizer: Any) -> None:
    """Bytes are tokens, so that they can be counted in the text."""
    for sample in islice(made("magic", byte_tokenizer, tokens=900, hops=(3,)), 5):
        text = str(sample.input)
        for offset, distance in zip(
            sample.metadata["offsets"], sample.metadata["distances"], strict=True
        ):
            after = text[text.index("\n", offset) + 1 :]
            assert abs(len(after) - distance) <= 1


def test_without_depths_the_needle_is_scattered(byte_tokenizer: Any) -> None:
    depths = [
        depth
        for sample in islice(made("magic", byte_tokenizer, tokens=1500, hops=(2,)), 60)
        for depth in sample.metadata["depths"]
    ]
    assert min(depths) < 0.15 and max(depths) > 0.85
    assert 0.35 < sum(depths) / len(depths) < 0.65


def test_the_format_of_magic(byte_tokenizer: Any) -> None:
    [sample] = islice(made("magic", byte_tokenizer, tokens=900, hops=(3,), length=8), 1)
    lines = lines_of(sample)
    assert all(re.fullmatch(r"[A-Za-z]{8} = ([A-Za-z]{8}|'[A-Za-z]{8}')", line) for line in lines)
    assert re.search(r"\nCOMPLETION:\nHops=3\n\nCoT=False\n\n[A-Za-z]{8} =$", str(sample.input))
    assert re.fullmatch(r" '[A-Za-z]{8}'", str(sample.target))
    [thought] = islice(made("magic", byte_tokenizer, tokens=900, hops=(3,), cot=True), 1)
    assert re.fullmatch(r" '\w{16} = \w{16} = \w{16}'", str(thought.target))


def test_how_often_a_component_is_met_does_not_tell_the_answer(tokenizers: dict[str, Any]) -> None:
    """Branches lead into every chain, not only into the one that is asked for."""
    most_met = 0
    for sample in islice(made("components", tokenizers["chunks"], tokens=900, hops=(3,)), 100):
        ends = Counter(line.split(" ")[-1].rstrip(".") for line in lines_of(sample))
        most_met += ends[sample.metadata["answer"]] == max(ends.values())
        starts = {line.split(" ")[2] for line in lines_of(sample)}
        roots = set(ends) - starts
        assert len(roots) >= 4 and sample.metadata["answer"] in roots
    assert most_met < 60


def test_every_chain_has_as_many_hops_but_for_the_last_ones(byte_tokenizer: Any) -> None:
    [sample] = islice(made("magic", byte_tokenizer, tokens=4000, hops=(4,)), 1)
    pairs = [line.split(" = ") for line in lines_of(sample)]
    follows = dict(map(tuple, pairs))
    starts = set(follows) - set(follows.values())

    def hops(name: str) -> int:
        return 1 + hops(follows[name]) if name in follows else 0

    lengths = Counter(hops(start) for start in starts)
    assert lengths[4] >= len(starts) - 3 and max(lengths) == 4


@pytest.mark.parametrize(
    "bad",
    [
        {"tokens": 0},
        {"hops": ()},
        {"hops": (0, 2)},
        {"depths": (1.5,)},
        {"style": "haiku"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("config", [HashHopConfig, DependencyConfig])
def test_settings_that_cannot_be(config: Any, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        config(**bad)
    with pytest.raises(InvalidInput):
        HashHopConfig(length=0)
    with pytest.raises(InvalidInput):
        DependencyConfig(branches=-1)


def test_a_needle_is_never_cut(byte_tokenizer: Any) -> None:
    with pytest.raises(InvalidInput, match="at least 250 tokens"):
        next(made("magic", byte_tokenizer, tokens=200, hops=(5,)))
    [exact] = islice(made("magic", byte_tokenizer, tokens=250, hops=(5,)), 1)
    check(exact)
    assert len(lines_of(exact)) == 5


def test_short_hashes_grow_where_they_run_out(byte_tokenizer: Any) -> None:
    for sample in islice(made("magic", byte_tokenizer, tokens=2000, length=1), 20):
        check(sample)
