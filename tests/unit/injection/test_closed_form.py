"""The closed-form writer: its keys solve the ridge problem, and its writes take."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F

from memgraft.core.recall import Patch
from memgraft.host.attach import attach
from memgraft.host.load import Host
from memgraft.injection.closed_form import ClosedFormWriter
from memgraft.injection.config import InjectionConfig
from memgraft.injection.covariance import Background
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.reading import reply_ids

QUESTIONS = ["What is my name?", "Who am I?", "Do you know my name?"]
REPLY = "Your name is Bob."


@pytest.fixture
def in_double(tiny_host: Callable[[str], Host]) -> Iterator[None]:
    tiny_host("llama")  # made before: other tests share it
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def loss_of(host: Host, question: str, reply: str) -> float:
    """Mean loss of the forced reply, as the model is now."""
    prompt = host.encode(host.prompt([{"role": "user", "content": question}]))
    ids = [*host.encode(reply), host.tokenizer.eos_token_id]
    with torch.no_grad():
        logits = host.model(torch.tensor([prompt + ids])).logits[0]
    return float(F.cross_entropy(logits[len(prompt) - 1 : -1], torch.tensor(ids)))


@pytest.mark.usefixtures("in_double")
@pytest.mark.parametrize(("prompts", "tokens", "starts"), [(1, 1, 1), (3, 5, 7), (4, 20, 2)])
def test_keys_solve_the_ridge_problem(
    tiny_host: Callable[[str], Host], prompts: int, tokens: int, starts: int
) -> None:
    """Keys B minimise |K B − S|² + tr(Bᵀ (λ C + μ I) B), here by dense normal equations."""
    torch.manual_seed(7)
    width, config = 64, InjectionConfig(covariance=0.3, ridge=0.2, gain=1.7)
    writer = ClosedFormWriter(tiny_host("llama"), config)
    ordinary = torch.randn(200, width)
    background = Background(ordinary.T @ ordinary / 200, torch.randn(starts, width))
    writer.__dict__["_background"] = background  # in place of the measured one
    inputs = torch.randn(prompts, tokens, width)

    rows = [(inputs[p, t], t) for p in range(prompts) for t in range(tokens)]
    rows += [(start, 0) for start in background.starts]
    k = torch.stack([row for row, _ in rows])
    s = torch.zeros(len(rows), tokens)
    for i, (_, token) in enumerate(rows):
        s[i, token] = 1
    a = config.covariance * background.second_moment + config.ridge * torch.eye(width)
    solution = torch.linalg.inv(k.T @ k + a) @ k.T @ s

    torch.testing.assert_close(
        writer._keys(inputs), config.gain * solution.T, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("kind", ["llama", "mistral", "gpt2", "gpt_neox"])
def test_a_written_reply_is_learnt(tiny_host: Callable[[str], Host], kind: str) -> None:
    host = tiny_host(kind)
    writer = ClosedFormWriter(host)
    bare = [loss_of(host, question, REPLY) for question in QUESTIONS]
    written = writer.write(QUESTIONS, REPLY)
    rank = len(REPLY) + 1
    [term] = written.terms
    assert (term.a.shape, term.b.shape) == ((32, rank), (64, rank))
    assert not term.a.requires_grad
    with attach(host.model, Patch(written.terms)):
        patched = [loss_of(host, question, REPLY) for question in QUESTIONS]
    assert all(after < 0.5 * before for after, before in zip(patched, bare, strict=True))
    assert [loss_of(host, question, REPLY) for question in QUESTIONS] == bare


def test_a_check_notices_what_the_model_does_not_answer(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    writer = ClosedFormWriter(host)
    nothing = LowRankDelta.rounded({writer.layer: (torch.zeros(32, 1), torch.zeros(64, 1))})
    assert writer.check(nothing, QUESTIONS, REPLY).failed == tuple(QUESTIONS)


def test_the_edited_layer_has_one_above_it(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    assert ClosedFormWriter(host, InjectionConfig(depth=1.0)).layer == 2
    assert ClosedFormWriter(host, InjectionConfig(depth=0.5)).layer == 2
    assert ClosedFormWriter(host, InjectionConfig(depth=0.25)).layer == 1


def test_a_reply_ends_with_the_end_token(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    assert reply_ids(host, "ab") == [*host.encode("ab"), 256]
