"""From a teacher and a corpus to the weights of a small encoder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.core.folder import load_arrays, replaced, save_arrays
from memgraft.data.texts import Group, groups
from memgraft.text.characters import load_network, save_network
from memgraft.text.encoder import Encoder
from memgraft.text.networks import Network, NetworkConfig, begin, new_network
from memgraft.text.ngrams import grams, words
from memgraft.text.packed import load_packed
from memgraft.text.static import save_static
from memgraft.train.bag import gram_vectors, principal, vocabulary, word_vectors
from memgraft.train.loop import CHECKPOINT, LoopConfig, Progress, train
from memgraft.train.static import StaticModel
from memgraft.train.teacher import taught
from memgraft.train.text import TextTask, TextTraining

LONGEST = 32  # words of a text in training
SMOOTHING = 36_864  # n-grams that the static encoder's words begin as


@dataclass(frozen=True)
class StaticSizes(Config):
    """Of the static encoder; the defaults make 7 MB of int8."""

    words: int = 24_000
    buckets: int = 12_288
    embedding: int = 192


SIZES: dict[str, NetworkConfig | StaticSizes] = {
    "char_transformer": NetworkConfig(body="transformer", layers=4),
    "char_conv": NetworkConfig(body="conv", layers=3),
    "static": StaticSizes(),
}
KINDS = tuple(SIZES)


@dataclass(frozen=True)
class Corpus:
    """Groups of texts and who teaches their vectors."""

    teacher: Encoder
    groups: Sequence[Group]
    settings: dict[str, Any]

    @classmethod
    def make(
        cls,
        teacher: Encoder,
        seed: int,
        scale: int,
        wordnet: Path | None = None,
        aiml: Path | None = None,
        without: Iterable[str] = (),
    ) -> Corpus:
        """Of `groups`, which says what is what."""
        barred = list(without)
        settings = {
            "seed": seed,
            "scale": scale,
            "wordnet": wordnet is not None,
            "aiml": aiml is not None,
            "without": len(barred),
            "teacher": teacher.id,
        }
        return cls(teacher, groups(seed, scale, wordnet, aiml, barred), settings)

    @property
    def texts(self) -> list[str]:
        return [text for group in self.groups for text in group]


class Reader(nn.Module):
    """A network that takes texts instead of lists of words."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, texts: Sequence[str]) -> Tensor:
        return self.network([words(text)[:LONGEST] for text in texts])


def distil(
    kind: str,
    corpus: Corpus,
    out: Path,
    cache: Path,
    training: TextTraining,
    loop: LoopConfig,
    progress: Progress | None = None,
    sizes: NetworkConfig | StaticSizes | None = None,
    start: Path | None = None,
) -> dict[str, float]:
    """Train an encoder of a kind into `out`/KIND.safetensors; its held-out figures.

    Args:
        cache: folder of what runs of several kinds share: the teacher's vectors, and the word
            vectors that the networks begin with.
        start: weights of this kind to begin with instead, of as many layers or fewer.

    Raises:
        InvalidInput: no such kind, a cache of other texts, or a start that does not fit.
    """
    if kind not in KINDS:
        raise InvalidInput("no such kind", expected=", ".join(KINDS), got=kind)
    vectors = taught(corpus.teacher, corpus.texts, cache / "teacher.safetensors", progress)
    sizes = sizes or SIZES[kind]
    resumed = (out / CHECKPOINT).is_file()
    run = {"steps": loop.steps, "lr": loop.lr, **training.to_dict(), "sizes": sizes.to_dict()}
    if start and isinstance(sizes, StaticSizes):
        raise InvalidInput("the static encoder begins with its words", got=f"a start, {start}")
    card = {**corpus.settings, **run, "start": None if start is None else start.name}
    path = out / f"{kind}.safetensors"
    if isinstance(sizes, StaticSizes):
        known, model = _static(corpus, vectors, sizes)
        figures = train(TextTask(model, corpus.groups, vectors, training), loop, out, progress)
        save_static(path, known, model.arrays(), card | {"figures": figures})
    else:
        network = new_network(sizes, training.seed)
        if start and not resumed:
            continue_from(network, load_network(start, kind)[0])
        elif not resumed:
            begin(network, *_beginning(corpus, vectors, sizes, cache))
        task = TextTask(Reader(network), corpus.groups, vectors, training)
        figures = train(task, loop, out, progress)
        save_network(network, kind, path, card | {"figures": figures})
    _save_card(out / "card.json", card | {"figures": figures})
    return figures


def average(kind: str, paths: Sequence[Path], out: Path) -> None:
    """The mean of the weights of several stages of one training (Izmailov et al., arXiv 1803.05407)
    into a file; what they were trained with is that of the last.

    Raises:
        InvalidInput: fewer than two files, or of networks of different sizes.
        FolderError: a file is none of this kind.
    """
    if len(paths) < 2:
        raise InvalidInput("there is nothing to average", expected="two files or more")
    networks = [load_network(path, kind)[0] for path in paths]
    last = networks[-1]
    if any(network.config != last.config for network in networks):
        raise InvalidInput(
            "networks of different sizes cannot be averaged",
            expected=str(last.config),
            got="; ".join(str(network.config) for network in networks[:-1]),
        )
    states = [network.state_dict() for network in networks]
    last.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    settings = load_packed(paths[-1], kind)[1]
    save_network(last, kind, out, {**settings["card"], "average_of": len(paths)})


def continue_from(network: Network, known: Network) -> None:
    """Give an untrained network the weights of another one, in place. Layers beyond that one's stay
    untrained, and change nothing so far: see `TransformerBody` and `ConvBody`.

    Raises:
        InvalidInput: it has more layers, or other sizes.
    """
    if replace(known.config, layers=network.config.layers) != network.config or (
        known.config.layers > network.config.layers
    ):
        raise InvalidInput(
            "these weights are no start for such a network",
            expected=f"{network.config}, or fewer layers",
            got=str(known.config),
        )
    network.load_state_dict(known.state_dict(), strict=False)


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.float() for tensor in tensors]).mean(dim=0).to(tensors[0].dtype)


def _beginning(
    corpus: Corpus, vectors: NDArray[np.float16], sizes: NetworkConfig, cache: Path
) -> tuple[Tensor, Tensor]:
    """Vectors of n-grams and the basis they are in, from the cache if they are there."""
    path = cache / f"words-{sizes.buckets}-{sizes.embedding}.safetensors"
    if path.is_file():
        arrays, _ = load_arrays(path)
        return torch.from_numpy(arrays["grams"]), torch.from_numpy(arrays["basis"])
    known, found, basis = _words(corpus, vectors, sizes.embedding)
    table = gram_vectors(known, found, sizes.buckets)
    save_arrays(path, {"grams": table.numpy(), "basis": basis.numpy()}, {})
    return table, basis


def _static(
    corpus: Corpus, vectors: NDArray[np.float16], sizes: StaticSizes
) -> tuple[list[str], StaticModel]:
    """The vocabulary, and a model that begins with each word as the sum of its n-grams: rare words
    are learned too much by heart otherwise."""
    known, found, basis = _words(corpus, vectors, sizes.embedding)
    smooth = gram_vectors(known, found, SMOOTHING)
    known = known[: sizes.words]
    sums = torch.stack([smooth[list(grams(word, SMOOTHING))].sum(dim=0) for word in known])
    return known, StaticModel(known, sums, gram_vectors(known, sums, sizes.buckets), basis)


def _words(
    corpus: Corpus, vectors: NDArray[np.float16], size: int
) -> tuple[list[str], Tensor, Tensor]:
    """The words of the corpus, their vectors, and the basis these are in."""
    due = torch.from_numpy(vectors)
    basis = principal(due, size)
    texts = [words(text) for text in corpus.texts]
    known = vocabulary(texts)
    return known, word_vectors(texts, due.float() @ basis.T, known), basis


def _save_card(path: Path, card: dict[str, Any]) -> None:
    with replaced(path) as part:
        part.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
