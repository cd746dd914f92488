"""Short convolutions look back, and on across calls."""

from __future__ import annotations

import pytest
import torch

from memgraft.mag.convolution import ShortConvolution


def made(size: int) -> ShortConvolution:
    torch.manual_seed(0)
    return ShortConvolution(5, size)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_it_is_a_causal_depthwise_convolution(size: int) -> None:
    convolution = made(size)
    x = torch.randn(2, 9, 5)
    filtered, tail = convolution(x, torch.zeros(2, size - 1, 5))
    expected = torch.nn.functional.conv1d(
        torch.nn.functional.pad(x.mT, (size - 1, 0)), convolution.weight[:, None], groups=5
    ).mT
    torch.testing.assert_close(filtered, expected)
    assert torch.equal(tail, x[:, 9 - (size - 1) :])


def test_calls_shorter_than_the_filter_go_on() -> None:
    convolution, x = made(4), torch.randn(1, 6, 5)
    whole, end = convolution(x, torch.zeros(1, 3, 5))
    tail, parts = torch.zeros(1, 3, 5), []
    for piece in x.split([1, 2, 1, 2], dim=1):
        part, tail = convolution(piece, tail)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    assert torch.equal(tail, end)


def test_pads_at_the_end_do_not_enter_the_tail() -> None:
    convolution, x = made(4), torch.randn(2, 6, 5)
    before = torch.randn(2, 3, 5)
    _, tail = convolution(x, before, torch.tensor([0, 5]))
    assert torch.equal(tail[0], before[0])
    assert torch.equal(tail[1], x[1, 2:5])
