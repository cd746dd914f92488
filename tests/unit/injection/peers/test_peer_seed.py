"""The prototype's hypernetwork: sizes, padding, files, and what its writer gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.host.load import Host
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.encoding import OWN
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.peers.seed import (
    SeedConfig,
    SeedEncoder,
    SeedWriter,
    load_seed,
    new_seed,
    save_seed,
)
from memgraft.injection.pretrained import load_encoder, new_encoder, save_encoder

SIZES = {"rank": 2, "embedding": 8, "width": 12, "heads": 2, "feed_forward": 16, "head": 4}
FACTS = ["I live in Lisbon", "My sister's dog is called Pip, of all names"]


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def encoder(host: Host) -> SeedEncoder:
    """One that changes something: untrained, A is zero."""
    made = new_seed(SeedConfig.for_model(host.model.config, **SIZES))
    generator = torch.Generator().manual_seed(0)
    for head in made.heads.values():
        torch.nn.init.normal_(head.a.weight, std=0.1, generator=generator)
    return made


def test_the_size_of_the_memory_encoder() -> None:
    from transformers import LlamaConfig

    base = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30
    )
    config = SeedConfig.for_model(base)
    assert config.layers == MnemeConfig.for_model(base).layers
    with torch.device("meta"):
        size = sum(p.numel() for p in SeedEncoder(config).parameters())
    assert size == pytest.approx(7.6e6, rel=0.01)


def test_untrained_it_changes_nothing(host: Host) -> None:
    config = SeedConfig.for_model(host.model.config, **SIZES)
    for a, b in new_seed(config).read(host, FACTS).values():
        assert not a.any()
        assert b.any()


def test_a_batch_gives_each_fact_what_it_would_get_alone(host: Host, encoder: SeedEncoder) -> None:
    together = encoder.read(host, FACTS)
    for row, fact in enumerate(FACTS):
        for layer, parts in encoder.read(host, [fact]).items():
            for mine, ours in zip(parts, together[layer], strict=True):
                assert torch.allclose(mine[0], ours[row], atol=1e-5)
    (a, _), *_ = together.values()
    assert not torch.allclose(a[0], a[1])


def test_the_writer_gives_a_checked_low_rank_change(host: Host, encoder: SeedEncoder) -> None:
    asked = ["Where do I live?", "Which town is mine?", "Who am I?"]
    attempt = SeedWriter(host, encoder).attempt(FACTS[0], "You live in Lisbon.", asked)
    assert isinstance(attempt.delta, LowRankDelta)
    assert [term.layer for term in attempt.delta.terms] == list(encoder.config.layers)
    assert {(*t.a.shape, *t.b.shape) for t in attempt.delta.terms} == {(32, 2, 64, 2)}
    assert attempt.failed == tuple(asked[:OWN])


def test_saved_and_loaded_it_writes_the_same(
    host: Host, encoder: SeedEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "encoder.safetensors"
    save_seed(encoder.half().float(), path, host.fingerprint, steps=0)
    assert load_seed(host, path).config == encoder.config
    given = ("I live in Lisbon", "You live in Lisbon.", ["Where do I live?"])
    before = SeedWriter(host, encoder).attempt(*given)
    after = SeedWriter.load(host, path).attempt(*given)
    assert isinstance(before.delta, LowRankDelta)
    assert isinstance(after.delta, LowRankDelta)
    for one, other in zip(before.delta.terms, after.delta.terms, strict=True):
        assert torch.equal(one.a, other.a)
        assert torch.equal(one.b, other.b)


def test_a_file_of_another_base_or_kind_is_refused(
    host: Host, encoder: SeedEncoder, tiny_host: Callable[[str], Host], tmp_path: Path
) -> None:
    mine, ours = tmp_path / "seed.safetensors", tmp_path / "encoder.safetensors"
    save_seed(encoder, mine, host.fingerprint)
    with pytest.raises(FolderError, match="another base model"):
        SeedWriter.load(tiny_host("qwen3"), mine)
    with pytest.raises(FolderError, match="is no memgraft-memory-encoder"):
        load_encoder(host, mine)
    sizes = {"width": 16, "heads": 2, "feed_forward": 32, "code": 8, "token": 8, "head": 16}
    other = new_encoder(host, MnemeConfig.for_model(host.model.config, **sizes))
    save_encoder(other, ours, host.fingerprint)
    with pytest.raises(FolderError, match="is no memgraft-seed-encoder"):
        load_seed(host, ours)
