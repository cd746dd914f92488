"""The needle in prose: answerable, of the asked size and depth, and held out where it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.checker import check
from memgraft.data.filler import sentences, split_of
from memgraft.data.fitting import TokenCount
from memgraft.data.needle import FORMS, VALUES, WORDINGS, NeedleConfig, needle
from memgraft.data.samples import Sample

ALL = NeedleConfig(tokens=1200, values=tuple(VALUES), wordings=tuple(WORDINGS), distractors=3)


def made(config: NeedleConfig, tokenizer: Any, count: int = 20, seed: int = 1) -> list[Sample]:
    return list(islice(needle(config, tokenizer, seed), count))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_sample_is_answerable(form: str, split: str, tokenizers: dict[str, Any]) -> None:
    for tokenizer in tokenizers.values():
        count = TokenCount(tokenizer)
        samples = made(replace(ALL, form=form, split=split), tokenizer)
        for sample in samples:
            check(sample, count)
            assert count(str(sample.input)) + count(str(sample.target)) <= 1200
        assert {sample.metadata["style"] for sample in samples} == set(WORDINGS)
        assert {sample.metadata["value"] for sample in samples} == set(VALUES)


def test_samples_are_nearly_as_long_as_asked(byte_tokenizer: Any) -> None:
    for tokens in (1000, 8000):
        for sample in made(NeedleConfig(tokens=tokens), byte_tokenizer, 3):
            used = sample.metadata["tokens"] + sample.metadata["target_tokens"]
            assert tokens - 60 < used <= tokens


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_the_fact_lies_where_it_was_asked_to(depth: float, byte_tokenizer: Any) -> None:
    config = NeedleConfig(tokens=4000, depths=(depth,), distractors=4)
    for sample in made(config, byte_tokenizer, 5):
        assert abs(sample.metadata["depth"] - depth) < 0.04
        [offset] = sample.metadata["offsets"]
        line = str(sample.input)[offset:].split("\n")[0]
        assert sample.metadata["start"] in line
        assert sample.metadata["answer"] in line


def test_the_same_seed_gives_the_same_samples(byte_tokenizer: Any) -> None:
    first = made(ALL, byte_tokenizer, 5)
    assert first == made(ALL, byte_tokenizer, 5)
    assert first != made(ALL, byte_tokenizer, 5, seed=2)
    assert first[3:] == list(islice(needle(ALL, byte_tokenizer, 1, start=3), 2))


def test_nothing_held_out_is_in_the_training_split(byte_tokenizer: Any) -> None:
    def parts(split: str) -> tuple[set[str], set[str]]:
        samples = made(replace(ALL, split=split, distractors=0), byte_tokenizer, 60)
        told = {sample.metadata[name] for sample in samples for name in ("start", "answer")}
        lines = {
            line
            for sample in samples
            for line in str(sample.input).split("\n")[:-1]
            if sample.metadata["answer"] not in line
        }
        return told, lines

    (train, train_lines), (test, test_lines) = parts("train"), parts("test")
    assert train and not train & test
    assert train_lines and not train_lines & test_lines
    assert all(split_of(text) == "test" for text in test)


def test_the_docstrings_of_the_two_splits() -> None:
    train, test = set(sentences("train")), set(sentences("test"))
    assert not train & test
    assert len(train) > 5 * 10**3 / 2 and len(test) > 500
    assert not any(character.isdigit() for sentence in train for character in sentence)


def test_no_sentence_comes_twice(byte_tokenizer: Any) -> None:
    [sample] = made(NeedleConfig(tokens=60000), byte_tokenizer, 1)
    lines = str(sample.input).split("\n")
    assert len(lines) > 600
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda fact, text: text.replace(f"{fact}\n", ""), "no sentence tells"),
        (lambda fact, text: f"{fact}\n{text}", "more than one sentence"),
        (lambda fact, text: text.replace(fact, fact.replace(" is ", " is 1")), "target is wrong"),
        (lambda fact, text: f"It was {fact[-6:]}\n{text}", "times that the answer"),
        (lambda fact, text: text[:-4], "end with a question"),
        (lambda fact, text: f"Hello.\n{text}", "offsets"),
    ],
)
def test_damage_is_found(
    damage: Callable[[str, str], str], reason: str, byte_tokenizer: Any
) -> None:
    for sample in made(NeedleConfig(tokens=900, depths=(0.5,)), byte_tokenizer, 5):
        text = str(sample.input)
        fact = text[sample.metadata["offsets"][0] :].split("\n")[0]
        with pytest.raises(InvalidInput, match=reason):
            check(replace(sample, input=damage(fact, text)))


def test_wrong_metadata_is_found(byte_tokenizer: Any) -> None:
    [sample] = made(NeedleConfig(tokens=900, distractors=1), byte_tokenizer, 1)
    for name, value in {"start": "x", "answer": "x", "distractors": 0, "style": "haiku"}.items():
        with pytest.raises(InvalidInput):
            check(replace(sample, metadata=sample.metadata | {name: value}))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"values": ("cheese",)}, "kind of value"),
        ({"values": ()}, "kind of value"),
        ({"wordings": ("haiku",)}, "haiku"),
        ({"form": "riddle"}, "riddle"),
        ({"split": "dev"}, "dev"),
        ({"distractors": -1}, "distractors"),
        ({"depths": (1.5,)}, "depth"),
    ],
)
def test_configs_that_make_no_sense(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        NeedleConfig(**wrong)


def test_too_small(byte_tokenizer: Any) -> None:
    with pytest.raises(InvalidInput, match="longer than the sample"):
        next(needle(NeedleConfig(tokens=40), byte_tokenizer))
