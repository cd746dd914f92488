"""Conversations: the cache speeds things up and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import layers
from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig, Session

FIRST = "User: hello there, my name is Ann\nAssistant:"
NEXT = "\nUser: what is my name?\nAssistant:"
COUNT = 8
SHORT = GenerationConfig(max_new_tokens=COUNT)


def a_patch() -> Patch:
    torch.manual_seed(3)
    return Patch(tuple(LowRankTerm(i, torch.randn(32, 2), torch.randn(64, 2)) for i in (1, 2)))


def generated(host: Host, ids: list[int], count: int = COUNT) -> list[int]:
    """What `generate` replies greedily, without the token that ends it."""
    prompt = torch.tensor([ids])
    out = host.model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=count,
        pad_token_id=host.tokenizer.eos_token_id,
    )
    reply = out[0, len(ids) :].tolist()
    return reply[:-1] if reply[-1] in host.end_ids else reply


def full_logits(host: Host, ids: list[int]) -> Tensor:
    """Next-token logits without any cache."""
    with torch.inference_mode():
        return host.model(torch.tensor([ids]), use_cache=False).logits[0, -1]


def cache_lengths(session: Session) -> set[int]:
    return {layer.get_seq_length() for layer in session._cache.layers}


def counted(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward pass of the session computes, from now on."""
    lengths: list[int] = []
    forward = session.host.model.forward

    def counting(*args: Any, **options: Any) -> Any:
        lengths.append(options["input_ids"].shape[1])
        return forward(*args, **options)

    monkeypatch.setattr(session.host.model, "forward", counting)
    return lengths


def test_greedy_equals_generate_over_two_turns(
    each_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(each_host, SHORT)
    first = each_host.encode(FIRST)
    reply = list(session.tokens(first))
    assert reply == generated(each_host, first)
    assert len(set(reply)) > 1

    second = first + reply + each_host.encode(NEXT)
    expected = generated(each_host, second)
    with monkeypatch.context() as patched:
        computed = counted(session, patched)
        assert list(session.tokens(second)) == expected
    # The last token of the reply was never fed, nor is the last of the prompt before the reply.
    assert computed[0] == len(each_host.encode(NEXT))
    assert set(computed[1:]) == {1}


def test_stream_is_the_text_of_the_tokens(each_host: Host) -> None:
    ids = generated(each_host, each_host.encode(FIRST), 24)
    text = each_host.tokenizer.decode(ids, skip_special_tokens=True)
    pieces = list(Session(each_host, GenerationConfig(max_new_tokens=24)).stream(FIRST))
    assert len(pieces) > 1
    assert all(pieces)
    # What is left over at the end is a torn character at most.
    assert text.startswith("".join(pieces))
    assert set(text[len("".join(pieces)) :]) <= {"\ufffd"}


def test_a_changed_prompt_shares_only_the_common_start(
    tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tiny_host("llama")
    session = Session(host, SHORT)
    session.logits([5, 6, 7, 8, 9])
    expected = full_logits(host, [5, 6, 1, 2, 3])
    with monkeypatch.context() as patched:
        computed = counted(session, patched)
        found = session.logits([5, 6, 1, 2, 3])
    assert computed == [2, 1]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("prompt", [[5], [5, 6], [5, 6, 7, 8]], ids=str)
def test_a_shorter_prompt_than_the_last(each_host: Host, prompt: list[int]) -> None:
    session = Session(each_host, SHORT)
    list(session.tokens([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]))
    torch.testing.assert_close(
        session.logits(prompt), full_logits(each_host, prompt), rtol=1e-5, atol=1e-5
    )
    assert list(session.tokens(prompt)) == generated(each_host, prompt)


def test_a_patched_turn_leaves_no_trace(each_host: Host) -> None:
    first = each_host.encode(FIRST)
    patched, bare = Session(each_host, SHORT), Session(each_host, SHORT)
    reply = list(patched.tokens(first, a_patch()))
    bare.logits(first)
    assert reply != list(Session(each_host, SHORT).tokens(first))
    second = first + reply + each_host.encode(NEXT)
    assert torch.equal(patched.logits(second), bare.logits(second))
    assert list(patched.tokens(second)) == list(bare.tokens(second))


def test_the_patch_is_awake_from_the_last_token_of_the_prompt(each_host: Host) -> None:
    from memgraft.host.attach import attach

    prompt = each_host.encode(FIRST)
    session = Session(each_host, SHORT)
    found = session.logits(prompt, a_patch())
    with torch.inference_mode():
        cache = each_host.model(torch.tensor([prompt[:-1]]), use_cache=True).past_key_values
        with attach(each_host.model, a_patch()):
            expected = each_host.model(torch.tensor([prompt[-1:]]), past_key_values=cache).logits[
                0, -1
            ]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert (found - session.logits(prompt)).abs().max() > 0.1
    assert next(session.tokens(prompt, a_patch())) == int(found.argmax())


@pytest.mark.parametrize("patch", [Patch(), a_patch()], ids=["bare", "patched"])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_closed_midway(each_host: Host, patch: Patch, after: int) -> None:
    session = Session(each_host, SHORT)
    first = each_host.encode(FIRST)
    expected = generated(each_host, first)
    reply = session.tokens(first, patch)
    for _ in range(after):
        next(reply)
    reply.close()
    assert list(session.tokens(first)) == expected
    second = first + expected + each_host.encode(NEXT)
    torch.testing.assert_close(
        session.logits(second), full_logits(each_host, second), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("patch", [Patch(), a_patch()], ids=["bare", "patched"])
def test_a_suspended_reply_does_not_reach_other_sessions(
    tiny_host: Callable[[str], Host], patch: Patch
) -> None:
    host = tiny_host("llama")
    session, other = Session(host, SHORT), Session(host, SHORT)
    first = host.encode(FIRST)
    undisturbed = list(Session(host, SHORT).tokens(first, patch))
    expected, before = generated(host, first), full_logits(host, first)
    reply = session.tokens(first, patch)
    begun = [next(reply) for _ in range(3)]
    assert torch.equal(full_logits(host, first), before)
    assert list(other.tokens(first)) == expected
    assert begun + list(reply) == undisturbed


def test_a_suspended_reply_does_not_reach_the_next_turn(each_host: Host) -> None:
    session, fresh = Session(each_host, SHORT), Session(each_host, SHORT)
    first = each_host.encode(FIRST)
    reply = session.tokens(first, a_patch())  # neither finished nor closed
    begun = [next(reply) for _ in range(5)]
    second = first + begun + each_host.encode(NEXT)
    fresh.logits(first)
    assert torch.equal(session.logits(second), fresh.logits(second))
    reply.close()
    assert torch.equal(session.logits(second), fresh.logits(second))


@pytest.mark.parametrize("stale", [Patch(), a_patch()], ids=["bare", "patched"])
@pytest.mark.parametrize("between", [Patch(), a_patch()], ids=["bare", "patched"])
def test_a_stale_reply_that_goes_on_does_no_harm(
    tiny_host: Callable[[str], Host], stale: Patch, between: Patch
) -> None:
    host = tiny_host("llama")
    session = Session(host, SHORT)
    first, other = host.encode(FIRST), host.encode(NEXT)
    reply = session.tokens(first, stale)
    begun = [next(reply) for _ in range(3)]
    session.logits(other, between)
    next(reply)  # what it says now is nobody's business, since the conversation went elsewhere
    for prompt in (other, first + begun, first):
        expected = full_logits(host, prompt)
        torch.testing.assert_close(session.logits(prompt), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("patch", [Patch(), a_patch()], ids=["bare", "patched"])
@pytest.mark.parametrize("call", [0, 1, 4], ids=["prefill", "first token", "later"])
@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_interrupted_inside_a_forward_pass(
    tiny_host: Callable[[str], Host],
    monkeypatch: pytest.MonkeyPatch,
    patch: Patch,
    call: int,
    raised: type[BaseException],
) -> None:
    for kind in ("llama", "gpt2"):
        host = tiny_host(kind)
        session = Session(host, SHORT)
        first = host.encode(FIRST)
        expected = generated(host, first)
        with monkeypatch.context() as broken:
            # By then, the first two layers have taken the new tokens into their caches.
            block = layers(host.model)[2]
            forward, calls = block.forward, iter(range(100))

            def failing(*args: Any, forward: Any = forward, calls: Any = calls, **options: Any):
                if next(calls) == call:
                    raise raised
                return forward(*args, **options)

            broken.setattr(block, "forward", failing)
            with pytest.raises(raised):
                list(session.tokens(first, patch))
        assert len(cache_lengths(session) - {0}) <= 1
        assert list(session.tokens(first)) == expected
        assert list(session.tokens(first)) == expected


def test_the_reply_stops_at_the_limit_and_at_the_end_token(
    tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tiny_host("llama")
    session = Session(host, GenerationConfig(max_new_tokens=4))
    assert len(list(session.tokens(host.encode(FIRST)))) == 4
    choices = iter([7, 8, host.tokenizer.eos_token_id, 9])
    monkeypatch.setattr(session, "_choose", lambda _: next(choices))
    assert list(session.tokens(host.encode(FIRST))) == [7, 8]


def test_temperature_follows_the_seed(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")

    def replies(temperature: float, seed: int) -> list[list[int]]:
        config = GenerationConfig(max_new_tokens=8, temperature=temperature, seed=seed)
        session = Session(host, config)
        return [list(session.tokens(host.encode(FIRST))) for _ in range(2)]

    once = replies(1.5, 1)
    torch.manual_seed(99)  # somebody else's dice
    assert replies(1.5, 1) == once
    assert replies(1.5, 2) != once
    assert once[0] != once[1]
    assert replies(0.0, 1) == replies(0.0, 2)
    assert replies(1e-3, 5)[0][0] == replies(0.0, 0)[0][0]


def test_stream_never_tears_a_character(
    tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tiny_host("llama")
    session = Session(host, SHORT)
    text = "Zoë eats 寿司 with 🙂 é"
    scripted = host.encode(text)
    assert len(scripted) == len(text.encode())

    def script(prompt: list[int], patch: Patch) -> Iterator[int]:
        yield from scripted

    monkeypatch.setattr(session, "tokens", script)
    pieces = list(session.stream("hi"))
    assert pieces == list(text)


def test_an_unfinished_character_at_the_end_is_left_out(
    tiny_host: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tiny_host("llama")
    session = Session(host, SHORT)
    monkeypatch.setattr(session, "tokens", lambda *_: iter(host.encode("ok 🙂")[:-1]))
    assert "".join(session.stream("hi")) == "ok "
