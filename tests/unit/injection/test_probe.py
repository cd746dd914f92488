"""The cut-open pass computes what the whole model computes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from memgraft.host.anatomy import mlp_out
from memgraft.host.load import Host
from memgraft.injection.probe import ReplyPass, projection_inputs, recorded_inputs

RAGGED = [
    [72, 105, 32, 116, 104, 101, 114, 101, 33, 10, 79, 107],
    [65, 66],
    [9, 8, 7, 6, 5, 4, 3],
]
REPLY = [90, 91, 92, 93, 256]


def double(host: Host) -> Host:
    return replace(host, model=copy.deepcopy(host.model).double())


def whole_logits(host: Host, layer: int, change: Tensor) -> Tensor:
    """One plain forward pass per prompt; a hook adds the change where the reply is predicted."""

    def add(_module: object, _inputs: object, output: Tensor) -> Tensor:
        output = output.clone()
        output[0, -len(REPLY) :] += change
        return output

    handle = mlp_out(host.model, layer).register_forward_hook(add)
    try:
        with torch.no_grad():
            return torch.stack(
                [
                    host.model(torch.tensor([prompt + REPLY[:-1]]), use_cache=False).logits[
                        0, -len(REPLY) :
                    ]
                    for prompt in RAGGED
                ]
            )
    finally:
        handle.remove()


def run(host: Host, layer: int) -> ReplyPass:
    return ReplyPass.run(host, layer, RAGGED, REPLY)


@pytest.mark.parametrize("layer", [0, 2])
def test_without_a_change_it_is_the_model(each_host: Host, layer: int) -> None:
    nothing = torch.zeros(len(REPLY), 32)
    found = run(each_host, layer).logits(nothing)
    assert found.shape == (len(RAGGED), len(REPLY), 257)
    expected = whole_logits(each_host, layer, nothing)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [0, 2])
def test_a_change_acts_as_if_the_projection_made_it(each_host: Host, layer: int) -> None:
    torch.manual_seed(5)
    passed = run(each_host, layer)
    for scale in (1.0, 10.0):  # twice, since a call must not depend on the one before
        change = scale * torch.randn(len(REPLY), 32)
        expected = whole_logits(each_host, layer, change)
        torch.testing.assert_close(passed.logits(change), expected, rtol=1e-4, atol=1e-4)
    nothing = torch.zeros_like(change)
    assert (passed.logits(nothing) - expected).abs().max() > 0.1


def test_prompts_do_not_feel_their_neighbours(each_host: Host) -> None:
    together = run(each_host, 2)
    for row, prompt in enumerate(RAGGED):
        alone = ReplyPass.run(each_host, 2, [prompt], REPLY)
        torch.testing.assert_close(together.keys[row], alone.keys[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together.hidden[row], alone.hidden[0], rtol=1e-4, atol=1e-4)


def test_keys_are_the_inputs_of_the_projection(each_host: Host) -> None:
    passed = run(each_host, 2)
    assert passed.keys.shape == (len(RAGGED), len(REPLY), 64)
    for row, prompt in enumerate(RAGGED):
        inputs = projection_inputs(each_host.model, 2, prompt + REPLY[:-1])
        assert inputs.shape == (len(prompt) + len(REPLY) - 1, 64)
        torch.testing.assert_close(passed.keys[row], inputs[-len(REPLY) :], rtol=1e-4, atol=1e-4)
        weighed = mlp_out(each_host.model, 2)(inputs)
        assert weighed.shape == (len(inputs), 32)


def test_the_gradient_matches_finite_differences(each_host: Host) -> None:
    host = double(each_host)
    passed = run(host, 1)
    torch.manual_seed(6)
    weights = torch.randn(len(RAGGED), len(REPLY), 257, dtype=torch.float64)
    change = torch.randn(len(REPLY), 32, dtype=torch.float64, requires_grad=True)

    def value(at: Tensor) -> Tensor:
        return (weights * passed.logits(at)).sum()

    (gradient,) = torch.autograd.grad(value(change), change)
    # The first token reaches the later ones through attention, the last only itself.
    for token, coordinate in [(0, 0), (2, 17), (4, 31)]:
        step = torch.zeros_like(change)
        step[token, coordinate] = 1e-2  # large, since norms compute in single precision
        with torch.no_grad():
            slope = (value(change + step) - value(change - step)) / 2e-2
        torch.testing.assert_close(gradient[token, coordinate], slope, rtol=1e-2, atol=5e-3)
        assert slope.abs() > 0.05


def test_an_optimiser_can_follow_it(tiny_host: Callable[[str], Host]) -> None:
    passed = run(tiny_host("llama"), 2)
    change = torch.zeros(len(REPLY), 32, requires_grad=True)
    targets = torch.tensor(REPLY).expand(len(RAGGED), -1)
    optimiser = torch.optim.Adam([change], lr=0.5)
    losses = []
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(passed.logits(change).transpose(1, 2), targets)
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.8 * losses[0]


def test_nothing_is_left_on_the_model(each_host: Host) -> None:
    ids = torch.tensor([RAGGED[0]])
    with torch.no_grad():
        before = each_host.model(ids).logits
        run(each_host, 2).logits(torch.ones(len(REPLY), 32))
        assert torch.equal(each_host.model(ids).logits, before)
    assert not any(module._forward_pre_hooks for module in each_host.model.modules())


def test_recording_ends_when_the_body_raises(tiny_host: Callable[[str], Host]) -> None:
    module = mlp_out(tiny_host("llama").model, 0)
    with pytest.raises(ZeroDivisionError), recorded_inputs(module) as calls:
        module(torch.zeros(1, 64))
        raise ZeroDivisionError
    module(torch.zeros(1, 64))
    assert len(calls) == 1
