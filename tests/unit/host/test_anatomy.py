"""Where the parts of each architecture are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from memgraft.core.errors import ModelError
from memgraft.host.anatomy import ANATOMIES, anatomy_of, final_norm, layers, mlp_out
from memgraft.host.load import Host


def test_every_architecture_is_tried(tiny_hosts: dict[str, Host]) -> None:
    # Those with a memory branch are tried in tests/unit/mag.
    bare = {kind for kind in ANATOMIES if not kind.startswith("mag-")}
    assert set(tiny_hosts) == bare
    assert {host.model.config.model_type for host in tiny_hosts.values()} == bare


def test_layers(each_host: Host) -> None:
    found = layers(each_host.model)
    assert len(found) == each_host.model.config.num_hidden_layers == 4
    assert len({type(layer) for layer in found}) == 1


def test_mlp_projection_maps_inner_width_to_model_width(each_host: Host) -> None:
    for layer in range(4):
        projection = mlp_out(each_host.model, layer)
        assert projection(torch.zeros(2, 64)).shape == (2, 32)
        assert any(projection is module for module in layers(each_host.model)[layer].modules())


def test_mlp_projection_counts_from_the_first_layer(each_host: Host) -> None:
    seen: list[int] = []
    handles = [
        mlp_out(each_host.model, layer).register_forward_hook(
            lambda *_, layer=layer: seen.append(layer)
        )
        for layer in range(4)
    ]
    each_host.model(torch.tensor([[1, 2, 3]]))
    for handle in handles:
        handle.remove()
    assert seen == [0, 1, 2, 3]


def test_final_norm_feeds_the_head(each_host: Host) -> None:
    model, normed = each_host.model, []
    handle = final_norm(model).register_forward_hook(lambda *call: normed.append(call[2]))
    with torch.no_grad():
        logits = model(torch.tensor([[1, 2, 3]])).logits
    handle.remove()
    torch.testing.assert_close(model.get_output_embeddings()(normed[0]), logits)


def test_an_unknown_kind_names_the_known_ones() -> None:
    class Odd(nn.Module):
        class config:
            model_type = "odd"

    with pytest.raises(ModelError, match="'odd'") as caught:
        anatomy_of(Odd())
    assert all(kind in str(caught.value) for kind in ANATOMIES)


def test_a_module_without_a_config_is_no_model() -> None:
    with pytest.raises(ModelError, match="Linear"):
        anatomy_of(nn.Linear(2, 2))
