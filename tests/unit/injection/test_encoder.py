"""The memory encoder: shapes, padding, quantisation, and that it learns, on any anatomy."""

from __future__ import annotations

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.host.load import Host
from memgraft.injection.encoder import LEVELS, MemoryEncoder, quantised
from memgraft.injection.forcing import ForcedReplies
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.reading import prompt_ids, read_facts, reply_ids

FACTS = [
    ("My name is Mira.", "Your name is Mira."),
    ("I live in Porto now.", "You live in Porto now."),
]
ASKED = ["What is my name?", "Where do I live?"]


def make(host: Host, inner: int = 64) -> MemoryEncoder:
    torch.manual_seed(0)
    config = MnemeConfig(
        hidden=32, intermediate=inner, layers=(1, 2), taps=(0, 2),
        width=16, heads=2, feed_forward=32, code=8, token=8, head=16,
    )  # fmt: skip
    precisions = {layer: torch.eye(inner) for layer in config.layers}
    return MemoryEncoder(config, host.model.get_input_embeddings().weight, precisions)


def terms_of(host: Host, encoder: MemoryEncoder, facts: list[tuple[str, str]]) -> dict:
    reading = read_facts(host, facts, encoder.config.taps)
    codes = encoder.encode(reading.states, reading.mask, reading.places)
    return encoder.terms(encoder.decode(codes, reading.before, reading.after), reading.valid)


def inner_width(host: Host) -> int:
    config = host.model.config
    return getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * 32


def test_sizes_follow_from_the_base(tiny_hosts: dict[str, Host]) -> None:
    config = MnemeConfig.for_model(tiny_hosts["llama"].model.config, code=16)
    assert (config.hidden, config.intermediate, config.code) == (32, 64, 16)
    assert all(0 <= layer < 3 for layer in config.layers)
    with pytest.raises(InvalidInput):
        MnemeConfig.for_model(tiny_hosts["llama"].model.config, colour=1)
    with pytest.raises(InvalidInput):
        MnemeConfig(hidden=32, intermediate=64, layers=(1,), taps=(0,), width=10, heads=3)


def test_a_batch_gives_each_fact_what_it_would_get_alone(tiny_hosts: dict[str, Host]) -> None:
    host = tiny_hosts["llama"]
    encoder = make(host)
    with torch.no_grad():
        together = terms_of(host, encoder, FACTS)
        for row, fact in enumerate(FACTS):
            alone = terms_of(host, encoder, [fact])
            tokens = len(reply_ids(host, fact[1]))
            for layer, parts in alone.items():
                for mine, ours in zip(parts, together[layer], strict=True):
                    assert torch.allclose(mine[0], ours[row, :, :tokens], atol=1e-4)
                    assert torch.equal(
                        ours[row, :, tokens:], torch.zeros_like(ours[row, :, tokens:])
                    )


def test_codes_are_int8_steps_and_gradients_pass() -> None:
    raw = torch.linspace(-1, 1, 77, requires_grad=True)
    codes = quantised(raw)
    assert torch.allclose(codes * LEVELS, (codes * LEVELS).round(), atol=1e-4)
    assert (codes - raw).abs().max() <= 0.5 / LEVELS + 1e-6
    codes.sum().backward()
    assert torch.equal(raw.grad, torch.ones(77))


def test_training_lowers_the_loss_and_the_base_stays(tiny_hosts: dict[str, Host]) -> None:
    for kind, host in tiny_hosts.items():
        encoder = make(host, inner_width(host))
        before = {name: value.clone() for name, value in host.model.state_dict().items()}
        optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-2)
        losses = []
        for _ in range(8):
            terms = terms_of(host, encoder, FACTS)
            prompts = [prompt_ids(host, asked) for asked in ASKED]
            replies = ForcedReplies.run(host, prompts, [reply_ids(host, r) for _, r in FACTS])
            logits = replies.logits(replies.hidden(terms), replies.valid)
            loss = torch.nn.functional.cross_entropy(logits, replies.target[replies.valid])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < losses[0] - 0.1, (kind, losses)
        after = host.model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_every_parameter_gets_a_gradient(tiny_hosts: dict[str, Host]) -> None:
    host = tiny_hosts["llama"]
    encoder = make(host)
    # The correction of the values begins at zero, which would hide what stands before it.
    for head in encoder.heads.values():
        torch.nn.init.normal_(head.values.weight, std=0.1)
    terms = terms_of(host, encoder, FACTS)
    sum((a**2).sum() + (b**3).sum() for a, b in terms.values()).backward()
    idle = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
