"""Batched teacher forcing gives each row what it would get alone, with its own change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from memgraft.core.recall import LowRankTerm, Patch
from memgraft.host.anatomy import layers, mlp_out, transposed
from memgraft.host.attach import attach
from memgraft.host.load import Host
from memgraft.host.session import Session
from memgraft.injection.forcing import ForcedReplies
from memgraft.injection.opening import Opening
from memgraft.injection.reading import prompt_ids, read_facts, reply_ids

SAID = ["What is my name?", "Where?", "Tell me where I work and since when.", "Who am I?"]
REPLIES = ["Your name is Mira.", "At Nordvik.", "You work in Porto.", "Mira."]


def run(host: Host) -> ForcedReplies:
    prompts = [prompt_ids(host, said) for said in SAID]
    return ForcedReplies.run(host, prompts, [reply_ids(host, reply) for reply in REPLIES])


def random_terms(host: Host, groups: int) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    noise = torch.Generator().manual_seed(0)
    hidden = host.model.config.hidden_size
    layer = len(layers(host.model)) - 2
    with torch.no_grad():
        seen: list[int] = []
        handle = mlp_out(host.model, layer).register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].shape[-1])
        )
        host.model(input_ids=torch.tensor([[1, 2]]))
        handle.remove()
    shapes = (groups, hidden, 3), (groups, seen[0], 3)
    a, b = (torch.randn(shape, generator=noise).to(host.model.dtype) for shape in shapes)
    return {layer: (a, b)}


def test_rows_equal_the_session(tiny_hosts: dict[str, Host]) -> None:
    """The oracle: token by token, one conversation at a time, the patch of the row's group."""
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        terms = random_terms(host, 2)
        replies = run(host)
        with torch.no_grad():
            hidden = replies.hidden(terms)
            logits = host.model.get_output_embeddings()(hidden[replies.valid])
        expected = []
        for row, (said, reply) in enumerate(zip(SAID, REPLIES, strict=True)):
            ((layer, (a, b)),) = terms.items()
            patch = Patch((LowRankTerm(layer, a[row // 2], b[row // 2]),))
            prompt, ids = prompt_ids(host, said), reply_ids(host, reply)
            session = Session(host)
            # The patch is awake from the prompt's last token on.
            with torch.inference_mode():
                session._prefill(prompt[:-1])
                with attach(host.model, patch):
                    for token in [prompt[-1], *ids[:-1]]:
                        expected.append(session._forward([token], bare=False))
        assert torch.allclose(logits, torch.stack(expected), atol=1e-10), kind


def test_without_terms_it_is_the_bare_model(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    replies = run(host)
    with torch.no_grad():
        logits = replies.logits(replies.hidden(), replies.valid)
        expected = []
        for said, reply in zip(SAID, REPLIES, strict=True):
            prompt, ids = prompt_ids(host, said), reply_ids(host, reply)
            output = host.model(input_ids=torch.tensor([prompt + ids[:-1]])).logits[0]
            expected.append(output[len(prompt) - 1 :])
    assert torch.allclose(logits, torch.cat(expected), atol=1e-4)
    assert replies.target[replies.valid].tolist() == [
        i for r in REPLIES for i in reply_ids(host, r)
    ]


def test_gradients_reach_the_terms_only_in_their_group(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    ((layer, (a, b)),) = random_terms(host, 2).items()
    a.requires_grad_(True)
    replies = run(host)
    hidden = replies.hidden({layer: (a, b)})
    first = torch.zeros_like(replies.valid)
    first[:2] = replies.valid[:2]
    replies.logits(hidden, first).sum().backward()
    assert a.grad is not None
    assert a.grad[0].abs().sum() > 0
    assert torch.equal(a.grad[1], torch.zeros_like(a.grad[1]))


def test_below_the_change_nothing_is_kept_for_gradients(tiny_hosts: dict[str, Host]) -> None:
    for kind, host in tiny_hosts.items():
        ((changed, parts),) = random_terms(host, 2).items()
        graphs: dict[int, bool] = {}

        def note(layer: int, output: Any, graphs: dict[int, bool] = graphs) -> None:
            hidden = output[0] if isinstance(output, tuple) else output
            graphs[layer] = hidden.requires_grad

        handles = [
            block.register_forward_hook(lambda _, __, output, n=n: note(n, output))
            for n, block in enumerate(layers(host.model))
        ]
        replies = run(host)
        assert not any(graphs.values()), kind
        a, b = (part.requires_grad_() for part in parts)
        replies.hidden({changed: (a, b)})
        for handle in handles:
            handle.remove()
        assert graphs == {layer: layer >= changed for layer in graphs}, kind


def test_the_second_pass_runs_the_upper_blocks_only_and_gives_the_same(
    tiny_hosts: dict[str, Host],
) -> None:
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        ((changed, (a, b)),) = random_terms(host, 2).items()
        replies = run(host)
        passes: list[tuple[torch.Tensor, torch.Tensor]] = []
        counts: list[int] = []
        layers(host.model)[0].register_forward_hook(lambda *_, counts=counts: counts.append(1))
        for _ in range(3):
            a = a.detach().requires_grad_()
            hidden = replies.hidden({changed: (a, b)})
            (gradient,) = torch.autograd.grad(hidden[replies.valid].square().sum(), [a])
            passes.append((hidden.detach()[replies.valid], gradient))
        assert len(counts) == 1, kind
        for hidden, gradient in passes[1:]:
            assert torch.allclose(hidden, passes[0][0], atol=1e-12), kind
            assert torch.allclose(gradient, passes[0][1], atol=1e-10), kind


def test_a_lower_change_is_not_lost_on_what_was_kept(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    ((layer, terms),) = random_terms(host, 2).items()
    replies, fresh = run(host), run(host)
    with torch.no_grad():
        replies.hidden({layer: terms})
        again = replies.hidden({layer - 1: terms})
        expected = fresh.hidden({layer - 1: terms})
    assert torch.allclose(again[fresh.valid], expected[fresh.valid], atol=1e-5)


def test_a_known_opening_changes_nothing(tiny_hosts: dict[str, Host]) -> None:
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        opening = Opening.of_chats(host)
        prompts = [prompt_ids(host, said) for said in SAID]
        answers = [reply_ids(host, reply) for reply in REPLIES]
        terms = random_terms(host, 2)
        with torch.no_grad():
            expected = ForcedReplies.run(host, prompts, answers).hidden(terms)
            forced = ForcedReplies.run(host, prompts, answers, opening)
            hidden = forced.hidden(terms)
        assert torch.allclose(hidden[forced.valid], expected[forced.valid], atol=1e-10), kind
        assert opening.begins(prompts) or not opening.ids, kind
        assert not opening.begins([opening.ids]), kind


def test_facts_are_read_alike_after_a_known_opening(tiny_hosts: dict[str, Host]) -> None:
    told = [("My name is Mira.", "Your name is Mira."), ("I work.", "You work in Porto.")]
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        expected = read_facts(host, told, (0, 1))
        reading = read_facts(host, told, (0, 1), Opening.of_chats(host))
        mask = expected.mask
        assert torch.allclose(reading.states[mask], expected.states[mask], atol=1e-10), kind
        assert torch.equal(reading.places, expected.places), kind


def test_everywhere_is_a_patch_on_the_whole_text(tiny_hosts: dict[str, Host]) -> None:
    """The oracle: one plain forward pass per row with the change in the weights."""
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        terms = random_terms(host, 1)
        ((layer, (a, b)),) = terms.items()
        prompts = [prompt_ids(host, said) for said in SAID]
        answers = [reply_ids(host, reply) for reply in REPLIES]
        with torch.no_grad():
            forced = ForcedReplies.everywhere(host, prompts, answers)
            logits = forced.logits(forced.hidden(terms), forced.valid)
            projection = mlp_out(host.model, layer)
            change = a[0] @ b[0].T
            projection.weight += change.T if transposed(projection) else change
            expected = [
                host.model(input_ids=torch.tensor([p + r[:-1]])).logits[0, len(p) - 1 :]
                for p, r in zip(prompts, answers, strict=True)
            ]
        assert torch.allclose(logits, torch.cat(expected).float(), atol=1e-5), kind
        assert forced.target[forced.valid].tolist() == [i for r in answers for i in r]


def test_one_pass_gives_what_two_give(tiny_hosts: dict[str, Host]) -> None:
    for kind, single in tiny_hosts.items():
        host = replace(single, model=copy.deepcopy(single.model).double())
        prompts = [prompt_ids(host, said) for said in SAID]
        answers = [reply_ids(host, reply) for reply in REPLIES]
        ((layer, (a, b)),) = random_terms(host, 2).items()
        found = []
        for opening in (None, Opening.of_chats(host)):
            for make in (ForcedReplies.run, ForcedReplies.at_once):
                changing = a.clone().requires_grad_()
                forced = make(host, prompts, answers, opening)
                for _ in range(2):
                    hidden = forced.hidden({layer: (changing, b)})[forced.valid]
                (gradient,) = torch.autograd.grad(hidden.square().sum(), [changing])
                found.append((hidden.detach(), gradient))
                assert forced.target[forced.valid].tolist() == [i for r in answers for i in r]
        for hidden, gradient in found[1:]:
            assert torch.allclose(hidden, found[0][0], atol=1e-10), kind
            assert torch.allclose(gradient, found[0][1], atol=1e-8), kind
