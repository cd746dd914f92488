"""The memory encoder: shapes, padding, quantisation, and that it learns, on any anatomy."""

from __future__ import annotations

from types import SimpleNamespace

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


def make(host: Host, inner: int = 64, rank: int = 1) -> MemoryEncoder:
    torch.manual_seed(0)
    config = MnemeConfig(
        hidden=32, intermediate=inner, layers=(1, 2), taps=(0, 2),
        width=16, heads=2, feed_forward=32, code=8, token=8, head=16, rank=rank,
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


# (d_model, d_intermediate, layers) as published, and what follows from them.
PUBLISHED = {
    "SmolLM2-135M": ((576, 1536, 30), (20, 23, 26), (5, 14, 19, 23), (384, 2, 6, 1024, 128, 512)),
    "Qwen3-0.6B": ((1024, 3072, 28), (19, 22, 24), (5, 13, 18, 21), (576, 3, 9, 1536, 192, 768)),
    "Qwen3-1.7B": ((2048, 6144, 28), (19, 22, 24), (5, 13, 18, 21), (768, 4, 12, 2048, 256, 1024)),
    "Qwen3-4B": ((2560, 9728, 36), (24, 28, 31), (6, 17, 23, 28), (768, 4, 12, 2048, 256, 1024)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_for_published_models(name: str) -> None:
    (hidden, inner, depth), layers, taps, sizes = PUBLISHED[name]
    base = SimpleNamespace(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=depth)
    config = MnemeConfig.for_model(base)
    assert (config.hidden, config.intermediate) == (hidden, inner)
    assert (config.layers, config.taps) == (layers, taps)
    assert all(0.65 < layer / depth < 0.9 for layer in layers)
    assert (
        config.width, config.blocks, config.heads, config.feed_forward, config.token, config.head,
    ) == sizes  # fmt: skip
    assert (config.code, config.rank) == (64, 1)


def test_a_higher_rank_gives_more_terms_per_token(tiny_hosts: dict[str, Host]) -> None:
    host = tiny_hosts["llama"]
    tokens = len(reply_ids(host, FACTS[1][1]))
    with torch.no_grad():
        terms = terms_of(host, make(host, rank=3), FACTS[1:])
        together = terms_of(host, make(host, rank=3), FACTS)
    for layer, (a, b) in terms.items():
        assert a.shape == (1, 32, 3 * tokens)
        assert b.shape == (1, 64, 3 * tokens)
        assert torch.allclose(a[0], together[layer][0][1, :, : 3 * tokens], atol=1e-4)
        assert not together[layer][1][0, :, 3 * len(reply_ids(host, FACTS[0][1])) :].any()
    with pytest.raises(InvalidInput):
        make(host, rank=0)


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
