"""Every loss has a gradient where it should, and is least where it says."""

from __future__ import annotations

import math

import pytest
import torch

from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.losses import (
    entropy,
    hallucination_loss,
    sparsity_loss,
    task_loss,
    total,
    utilization_loss,
)
from memgraft.memnet.model import MemNet

from .small import ids, net, used

WRITE = {"bank.gate", "bank.value", "bank.erase", "bank.bottleneck.0", "bank.before"}
READ = {"bank.address", "bank.sharpness", "bank.vividness", "bank.recency", "bank.policy.choice"}
GRAPH = {"graph.potentiation", "graph.depression", "graph.decay", "graph.influence"}
USE = {"bank.familiar", "bank.retention", "bank.gate"}
# What each loss must be able to change.
REACHED = {
    "task": WRITE | READ | GRAPH | USE | {"synthesizer.refine", "controller.take", "head"},
    "hallucination": (WRITE - {"bank.gate"}) | {"bank.address", "hallucinate.0", "synthesizer"},
    "utilization": READ | GRAPH | {"bank.gate", "bank.familiar"},
    "sparsity": READ | GRAPH | {"bank.gate", "bank.before"},
}
# What a loss must leave alone: it does not come from there.
LEFT = {
    "task": {"hallucinate"},
    "hallucination": {"head", "controller.take", "controller.above"},
    "utilization": {"head", "hallucinate", "controller.above"},
    "sparsity": {"head", "hallucinate", "controller.above"},
}


@pytest.fixture(scope="module")
def gradients() -> dict[str, dict[str, float]]:
    """The size of each parameter's gradient by loss; after some steps, as some start at zero."""
    model = used(net()).train()
    with torch.no_grad():  # so that some slots are merged, by use
        model.config = MemNetConfig.from_dict(model.config.to_dict() | {"merge_threshold": 0.5})
    model.synthesizer.config = model.config
    read = ids(4, 24)
    output = model(read, auxiliary=True)
    losses = {"task": task_loss(output.logits[:, 12:], read[:, :12]), **output.losses}
    found = {}
    for name, loss in losses.items():
        grads = torch.autograd.grad(
            loss, list(model.parameters()), retain_graph=True, allow_unused=True
        )
        names = (name for name, _ in model.named_parameters())
        found[name] = {
            n: 0.0 if g is None else float(g.abs().sum()) for n, g in zip(names, grads, strict=True)
        }
    return found


@pytest.mark.parametrize("loss", REACHED)
def test_a_loss_reaches_what_it_should(loss: str, gradients: dict[str, dict[str, float]]) -> None:
    for part in REACHED[loss]:
        reached = [size for name, size in gradients[loss].items() if name.startswith(part)]
        assert reached, part
        assert sum(reached) > 0, f"{loss} does not reach {part}"


@pytest.mark.parametrize("loss", LEFT)
def test_a_loss_leaves_the_rest(loss: str, gradients: dict[str, dict[str, float]]) -> None:
    for part in LEFT[loss]:
        assert not any(size for name, size in gradients[loss].items() if name.startswith(part))


def test_every_parameter_is_reached_by_some_loss(gradients: dict[str, dict[str, float]]) -> None:
    for name in gradients["task"]:
        assert any(found[name] for found in gradients.values()), name


@pytest.mark.parametrize("loss", ["hallucination", "utilization", "sparsity"])
def test_a_loss_falls_when_it_is_minimised(loss: str) -> None:
    model: MemNet = net()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    course = []
    for _ in range(15):
        found = model(ids(), auxiliary=True).losses[loss]
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        course.append(float(found.detach()))
    assert course[-1] < 0.97 * course[0]


def test_gradients_run_through_writes_of_earlier_segments() -> None:
    model = net()
    embedded: list[torch.Tensor] = []
    hook = model.embedding.register_forward_hook(
        lambda _, __, made: embedded.append(made) or made.retain_grad()
    )
    logits = model(ids(1)).logits
    hook.remove()
    logits[:, -1].sum().backward()
    assert embedded[0].grad is not None
    assert bool((embedded[0].grad[0, :4].abs().sum(dim=-1) > 0).all())


def test_utilization_is_least_when_all_slots_are_used_alike() -> None:
    even, one = torch.ones(2, 3, 8), torch.eye(8)[:1].expand(2, 3, 8)
    assert float(utilization_loss(even)) == pytest.approx(0.0, abs=1e-6)
    assert float(utilization_loss(one)) == pytest.approx(math.log(8))


def test_sparsity_is_least_for_one_slot_and_no_write() -> None:
    gate = torch.zeros(1, 2, 4)
    assert float(sparsity_loss(torch.eye(8)[:4].expand(1, 2, 4, 8), gate)) == pytest.approx(0.0)
    spread_out = torch.full((1, 2, 4, 8), 0.125)
    assert float(sparsity_loss(spread_out, gate + 1)) == pytest.approx(math.log(8) + 1)


def test_entropy_has_a_gradient_at_zero_weights() -> None:
    weights = torch.tensor([0.5, 0.5, 0.0], requires_grad=True)
    entropy(weights).backward()
    assert weights.grad is not None
    assert bool(weights.grad.isfinite().all())


def test_hallucination_counts_what_was_written() -> None:
    rebuilt, original = torch.zeros(1, 2, 3), torch.tensor([[[1.0] * 3, [9.0] * 3]])
    gate = torch.tensor([[[1.0, 0.0]]])
    assert float(hallucination_loss(rebuilt, original, gate)) == pytest.approx(1.0)


def test_the_parts_are_weighted() -> None:
    config = MemNetConfig(hallucination=0.5, utilization=0.0, sparsity=2.0)
    parts = dict.fromkeys(("task", "hallucination", "utilization", "sparsity"), torch.tensor(1.0))
    assert float(total(parts, config)) == pytest.approx(3.5)
