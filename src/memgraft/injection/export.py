"""Facts as files that other programs load: a PEFT adapter, or a merged checkpoint.

Neither has a gate: everything exported is always awake, at every position. A handful of facts,
refined for that together (`InjectionHome.exported`), bear it; more want the router.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.core.recall import LowRankTerm
from memgraft.host.anatomy import mlp_out, mlp_out_path, transposed
from memgraft.host.load import Host
from memgraft.nn.low_rank import side_by_side


def export_adapter(host: Host, terms: Sequence[LowRankTerm], folder: Path) -> None:
    """Write a LoRA adapter of the terms; `PeftModel.from_pretrained` loads it.

    Raises:
        MissingExtra: peft is not installed. InvalidInput: there are no terms.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingExtra("exporting adapters", "export") from error
    merged = _by_layer(host, terms)
    paths = {layer: mlp_out_path(host.model, layer) for layer in merged}
    ranks = {paths[layer]: a.shape[1] for layer, (a, _) in merged.items()}
    top = max(ranks.values())
    config = LoraConfig(
        r=top,
        lora_alpha=top,
        target_modules=list(paths.values()),
        rank_pattern=ranks,
        alpha_pattern=ranks,  # a scale of one everywhere
        fan_in_fan_out=transposed(mlp_out(host.model, next(iter(merged)))),
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(copy.deepcopy(host.model), config)
    with torch.no_grad():
        for layer, (a, b) in merged.items():
            adapted = model.get_base_model().get_submodule(paths[layer])
            adapted.lora_A["default"].weight.copy_(b.T)
            adapted.lora_B["default"].weight.copy_(a)
    model.save_pretrained(str(folder))


def export_merged(host: Host, terms: Sequence[LowRankTerm], folder: Path) -> None:
    """Write the model with the terms added to its weights, and its tokenizer."""
    model = copy.deepcopy(host.model)
    with torch.no_grad():
        for layer, (a, b) in _by_layer(host, terms).items():
            projection = mlp_out(model, layer)
            change = a @ b.T
            projection.weight += change.T if transposed(projection) else change
    model.save_pretrained(str(folder))
    host.tokenizer.save_pretrained(str(folder))


def _by_layer(host: Host, terms: Sequence[LowRankTerm]) -> dict[int, tuple[Tensor, Tensor]]:
    """All terms of a layer as one: a (d_model, rank), b (d_intermediate, rank)."""
    if not terms:
        raise InvalidInput("there are no facts to export")
    like = next(host.model.parameters())
    grouped: dict[int, list[LowRankTerm]] = defaultdict(list)
    for term in terms:
        grouped[term.layer].append(term)
    return {
        layer: side_by_side([(t.a.to(like), t.b.to(like), t.gain) for t in group])
        for layer, group in sorted(grouped.items())
    }
