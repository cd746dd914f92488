"""Distilling small encoders from a toy teacher."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.data.texts import fact_groups
from memgraft.text.characters import CharConv, CharTransformer, load_network, save_network
from memgraft.text.networks import NetworkConfig, new_network
from memgraft.text.static import StaticWords
from memgraft.train.distil import Corpus, Reader, StaticSizes, average, continue_from, distil
from memgraft.train.loop import LoopConfig
from memgraft.train.teacher import taught
from memgraft.train.text import TextTask, TextTraining, noised
from toys import ToyEncoder

LOOP = LoopConfig(steps=6, lr=3e-3, warmup=1, decay=3, save_every=3, measure_every=6)
TRAINING = TextTraining(texts=16, keys=32, measured=20, half=False)
NETWORK = {"buckets": 499, "embedding": 16, "width": 24, "layers": 1, "dimension": 512}
SIZES = {
    "char_transformer": NetworkConfig(body="transformer", **NETWORK),
    "char_conv": NetworkConfig(body="conv", **NETWORK),
    "static": StaticSizes(words=50, buckets=97, embedding=16),
}
OPENED = {"char_transformer": CharTransformer, "char_conv": CharConv, "static": StaticWords}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(ToyEncoder(), list(fact_groups("train", 0, 60)), {"seed": 0})


@pytest.mark.parametrize("kind", list(SIZES))
def test_a_kind_is_trained_and_opens(kind: str, corpus: Corpus, tmp_path: Path) -> None:
    figures = distil(kind, corpus, tmp_path, tmp_path, TRAINING, LOOP, None, SIZES[kind])
    encoder = OPENED[kind](tmp_path / f"{kind}.safetensors")
    texts = corpus.texts[:100]
    likeness = (encoder.encode(texts) * corpus.teacher.encode(texts)).sum(axis=1).mean()
    assert figures.keys() == {"recall"} and likeness > 0.2
    assert (tmp_path / "card.json").is_file()


@pytest.mark.parametrize("kind", ["char_conv", "static"])
def test_a_resumed_run_is_the_uninterrupted_one(
    kind: str, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(name: str, done: int, total: int, note: str) -> None:
        if name == "training" and done == 4:
            raise KeyboardInterrupt

    whole, parted = tmp_path / "whole", tmp_path / "parted"
    distil(kind, corpus, whole, tmp_path, TRAINING, LOOP, None, SIZES[kind])
    with pytest.raises(KeyboardInterrupt):
        distil(kind, corpus, parted, tmp_path, TRAINING, LOOP, stopped, SIZES[kind])
    distil(kind, corpus, parted, tmp_path, TRAINING, LOOP, None, SIZES[kind])
    encoders = [OPENED[kind](folder / f"{kind}.safetensors") for folder in (whole, parted)]
    assert encoders[0].id == encoders[1].id


def test_steps_lower_every_loss(corpus: Corpus) -> None:
    vectors = corpus.teacher.encode(corpus.texts).astype(np.float16)
    model = Reader(new_network(SIZES["char_transformer"], 0))
    task = TextTask(model, corpus.groups, vectors, TRAINING)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    before = task.loss(1000)[1]
    for step in range(60):
        optimiser.zero_grad()
        task.loss(step)[0].backward()
        optimiser.step()
    after = task.loss(1000)[1]
    assert after["cosine"] > before["cosine"] + 0.1
    assert after["matching"] < before["matching"] and after["pairs"] < before["pairs"]


def test_the_teacher_is_asked_once(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    first = taught(corpus.teacher, corpus.texts, path)
    assert np.allclose(first, corpus.teacher.encode(corpus.texts), atol=1e-3)

    class Silent(ToyEncoder):
        encode = None  # type: ignore[assignment]

    assert np.array_equal(taught(Silent(), corpus.texts, path), first)
    with pytest.raises(InvalidInput, match="of other texts"):
        taught(corpus.teacher, corpus.texts[1:], path)
    with pytest.raises(InvalidInput, match="of other texts"):
        taught(ToyEncoder("another"), corpus.texts, path)


def test_typos_are_few(corpus: Corpus) -> None:
    rng = random.Random(0)
    for text in ("", "abc", *corpus.texts[:50]):
        slipped = noised(text, rng)
        assert abs(len(slipped) - len(text)) <= 2
        assert (slipped == text) if len(text) < 4 else slipped


def test_unknown_kinds_and_short_vectors_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such kind"):
        distil("recurrent", corpus, tmp_path, tmp_path, TRAINING, LOOP)
    with pytest.raises(InvalidInput, match="of other texts"):
        TextTask(torch.nn.Identity(), corpus.groups, np.zeros((3, 4), np.float16), TRAINING)


def test_weights_of_stages_are_averaged(tmp_path: Path) -> None:
    sizes = NetworkConfig(body="conv", layers=1, buckets=64, embedding=8, width=16, dimension=8)
    networks = [new_network(sizes, seed) for seed in (1, 2)]
    paths = [tmp_path / f"{number}.safetensors" for number in (1, 2)]
    for network, path in zip(networks, paths, strict=True):
        save_network(network, "char_conv", path, {"steps": 1})
    average("char_conv", paths, tmp_path / "mean.safetensors")
    mean, _ = load_network(tmp_path / "mean.safetensors", "char_conv")
    for name, array in mean.state_dict().items():
        one, other = (network.state_dict()[name] for network in networks)
        assert torch.allclose(array.float(), (one + other) / 2, atol=0.05)
    with pytest.raises(InvalidInput, match="nothing to average"):
        average("char_conv", paths[:1], tmp_path / "none")


def test_a_network_grows_from_a_smaller_one_that_it_equals(corpus: Corpus, tmp_path: Path) -> None:
    for kind in ("char_transformer", "char_conv"):
        small = new_network(replace(SIZES[kind], layers=1), 3)
        with torch.no_grad():
            for part in small.parameters():
                part.add_(0.02)
        large = new_network(replace(SIZES[kind], layers=3), 4)
        texts = [["my", "cat"], ["a", "long", "walk", "home"]]
        before = large(texts)
        continue_from(large, small)
        assert torch.allclose(large(texts), small(texts), atol=1e-6)
        assert not torch.allclose(large(texts), before, atol=1e-3)
        with pytest.raises(InvalidInput, match="no start"):
            continue_from(small, large)


def test_training_goes_on_from_given_weights(corpus: Corpus, tmp_path: Path) -> None:
    kind = "char_conv"
    loop = replace(LOOP, steps=1, lr=1e-9)
    sizes = SIZES[kind]
    known = new_network(sizes, 9)
    save_network(known, kind, tmp_path / "known.safetensors", {})
    distil(
        kind, corpus, tmp_path / "out", tmp_path, TRAINING, loop, sizes=sizes,
        start=tmp_path / "known.safetensors",
    )  # fmt: skip
    made, _ = load_network(tmp_path / "out" / f"{kind}.safetensors", kind)
    texts = [["my", "cat"], ["a", "walk"]]
    assert torch.allclose(made(texts), known(texts), atol=0.02)
