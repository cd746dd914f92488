"""Exports: unmodified peft and transformers compute what the attached patch does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import layers, mlp_out
from memgraft.host.attach import attach
from memgraft.host.load import Host
from memgraft.injection.export import export_adapter, export_merged

IDS = torch.tensor([[5, 9, 33, 70, 12, 41]])


def some_terms(host: Host) -> tuple[LowRankTerm, ...]:
    """Two facts of different rank in one layer, one of them in a second layer too."""
    noise = torch.Generator().manual_seed(0)
    last = len(layers(host.model)) - 1
    weight = mlp_out(host.model, 0).weight
    d_model = host.model.config.hidden_size
    d_inner = weight.numel() // d_model

    def term(layer: int, rank: int, gain: float = 1.0) -> LowRankTerm:
        a = 0.3 * torch.randn(d_model, rank, generator=noise)
        return LowRankTerm(layer, a, torch.randn(d_inner, rank, generator=noise), gain)

    return term(1, 3), term(1, 2, 0.5), term(last, 4)


def patched(host: Host, terms: tuple[LowRankTerm, ...]) -> torch.Tensor:
    with torch.no_grad(), attach(host.model, Patch(terms)):
        return host.model(input_ids=IDS).logits


def test_the_adapter_gives_the_same_logits(tiny_hosts: dict[str, Host], tmp_path: Path) -> None:
    from peft import PeftModel

    for kind, host in tiny_hosts.items():
        terms = some_terms(host)
        export_adapter(host, terms, tmp_path / kind / "adapter")
        host.model.save_pretrained(tmp_path / kind / "base")
        base = type(host.model).from_pretrained(tmp_path / kind / "base")
        loaded = PeftModel.from_pretrained(base, str(tmp_path / kind / "adapter")).eval()
        with torch.no_grad():
            logits = loaded(input_ids=IDS).logits
        assert torch.allclose(logits, patched(host, terms), atol=1e-4), kind


def test_the_merged_folder_gives_the_same_logits(
    tiny_hosts: dict[str, Host], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for kind, host in tiny_hosts.items():
        terms = some_terms(host)
        bare = host.model(input_ids=IDS).logits
        export_merged(host, terms, tmp_path / kind)
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / kind).eval()
        with torch.no_grad():
            logits = loaded(input_ids=IDS).logits
        assert torch.allclose(logits, patched(host, terms), atol=1e-4), kind
        assert torch.equal(host.model(input_ids=IDS).logits, bare), "the base itself stays"
        assert AutoTokenizer.from_pretrained(tmp_path / kind)("ab").input_ids


@pytest.mark.parametrize("export", [export_adapter, export_merged])
def test_nothing_to_export(export: object, tiny_hosts: dict[str, Host], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        export(tiny_hosts["llama"], (), tmp_path)  # type: ignore[operator]
