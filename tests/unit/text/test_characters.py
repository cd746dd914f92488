"""Character-level encoders, with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.text.characters import (
    Characters,
    CharConv,
    CharTransformer,
    load_network,
    save_network,
)
from memgraft.text.networks import WINDOW, Network, NetworkConfig, begin, new_network
from memgraft.text.ngrams import grams

KINDS = {"transformer": CharTransformer, "conv": CharConv}
ODD = [
    "",
    "   ",
    "\x00",
    "👩‍🚀",
    "日本語の文章",
    "العربية",
    "?",
    "\ud800",
    "x" * 100_000,
    "a b " * 50_000,
]


def sizes(body: str) -> NetworkConfig:
    return NetworkConfig(body=body, buckets=97, embedding=8, width=16, layers=2, dimension=12)


def trained(body: str) -> Network:
    """A network in which every weight counts: untrained ones begin as a mean of words."""
    network = new_network(sizes(body), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture(params=list(KINDS))
def encoder(request: pytest.FixtureRequest, tmp_path: Path) -> Characters:
    kind = KINDS[request.param]
    save_network(trained(request.param), kind.kind, tmp_path / "a.safetensors", {})
    return kind(tmp_path / "a.safetensors")


def test_every_text_has_a_unit_vector(encoder: Characters) -> None:
    vectors = encoder.encode(ODD)
    assert vectors.dtype == np.float32 and vectors.shape == (len(ODD), encoder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], vectors[1])
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_a_text_is_encoded_alike_in_any_company(encoder: Characters) -> None:
    texts = ["Where do I work?", "Who?", "My sister Oona lives in Utrecht and restores organs."]
    together = encoder.encode([*texts, *ODD])[: len(texts)]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)


def test_order_of_words_tells(encoder: Characters) -> None:
    one, other = encoder.encode(["dog bites man", "man bites dog"])
    assert one @ other < 0.9999


def test_windows_of_a_long_text_are_averaged_by_their_words(encoder: Characters) -> None:
    first, second = " ".join(["red"] * WINDOW), " ".join(["blue"] * (WINDOW // 2))
    parts = encoder.encode([first, second])
    due = WINDOW * parts[0] + WINDOW // 2 * parts[1]
    assert np.allclose(
        encoder.encode([f"{first} {second}"])[0], due / np.linalg.norm(due), atol=1e-5
    )


@pytest.mark.parametrize("body", KINDS)
def test_an_untrained_network_is_the_mean_of_its_words(body: str) -> None:
    network = new_network(sizes(body), 3)
    table = torch.randn(97, 8, generator=torch.Generator().manual_seed(0))
    basis = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))
    begin(network, table, basis)
    network.body.out.weight.data[:, 8:] = 0
    said = ["who", "owns", "it"]
    due = sum(table[list(grams(word, 97))].sum(dim=0) for word in said) @ basis
    assert torch.allclose(network([said])[0], due / due.norm(), atol=1e-5)


def test_weights_of_another_kind_or_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_network(trained("conv"), "char_conv", path, {})
    with pytest.raises(FolderError, match="of another kind"):
        CharTransformer(path)
    network = trained("conv")
    network.config = sizes("transformer")
    save_network(network, "char_conv", path, {})
    with pytest.raises(FolderError, match="does not fit its own sizes"):
        load_network(path, "char_conv")
    with pytest.raises(InvalidInput, match="unknown body"):
        Network(NetworkConfig(body="recurrent"))
