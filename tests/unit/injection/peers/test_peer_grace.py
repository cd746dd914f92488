"""The GRACE peer: one value brings about a reply, and only where its key is met."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.forcing import ForcedReplies
from memgraft.injection.peers.grace import Grace, GraceConfig
from memgraft.injection.reading import prompt_ids, reply_ids

FACT, REPLY = "I live in Rome", "Rome."
OTHER, OTHER_REPLY = "My cat is Pip", "Pip!"
CHANGED, CHANGED_REPLY = "I live in Oslo", "Oslo."
ASKED, OTHER_ASKED = ["Where do I live?"], ["What is my cat called?"]
FAR = "Explain, in one short paragraph, why the sky is blue"
EAGER = GraceConfig(depth=0.5, radius=1e-3, steps=200, rate=0.2)


def logits(host: Host, said: str) -> Tensor:
    prompt = host.encode(host.prompt([{"role": "user", "content": said}]))
    return Session(host).logits(prompt)


def bare(host: Host, said: str) -> str:
    session = Session(host, GenerationConfig(max_new_tokens=8))
    return "".join(session.stream(host.prompt([{"role": "user", "content": said}])))


def test_a_value_is_in_force_where_its_key_is_met(each_host: Host) -> None:
    before = {name: value.clone() for name, value in each_host.model.state_dict().items()}
    far, near = logits(each_host, FAR), logits(each_host, ASKED[0])
    grace = Grace(each_host, EAGER)
    assert not grace.wakes(ASKED[0])
    grace.write(FACT, "R", ASKED)
    assert grace.wakes(ASKED[0])
    with grace.awake(ASKED[0]):
        assert int(logits(each_host, ASKED[0]).argmax()) == each_host.encode("R")[0]
    assert torch.equal(logits(each_host, ASKED[0]), near), "outside the block it is the bare model"
    assert not grace.wakes(FAR)
    with grace.awake(FAR):
        assert torch.equal(logits(each_host, FAR), far)
    assert grace.answer(FAR, 8) == bare(each_host, FAR)
    after = each_host.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.fixture(scope="module")
def host(tiny_host: Callable[[str], Host]) -> Host:
    """A model that can say the replies, to any question: one value cannot teach a model words."""
    model = copy.deepcopy(tiny_host("llama").model).requires_grad_(True)
    made = replace(tiny_host("llama"), model=model)
    said = [
        (a, r) for a in (*ASKED, *OTHER_ASKED, FAR) for r in (REPLY, OTHER_REPLY, CHANGED_REPLY)
    ]
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        prompts = [prompt_ids(made, asked) for asked, _ in said]
        forced = ForcedReplies.run(made, prompts, [reply_ids(made, reply) for _, reply in said])
        loss = F.cross_entropy(
            forced.logits(forced.hidden(), forced.valid), forced.target[forced.valid]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.requires_grad_(False)
    return made


def test_it_learns_the_reply(host: Host) -> None:
    grace = Grace(host, EAGER)
    grace.write(FACT, REPLY, ASKED)
    assert grace.answer(ASKED[0], 20) == REPLY


def test_two_edits_do_not_disturb_each_other(host: Host) -> None:
    grace = Grace(host, EAGER)
    grace.write(FACT, REPLY, ASKED)
    held = grace.nbytes
    grace.write(OTHER, OTHER_REPLY, OTHER_ASKED)
    assert grace.nbytes == 2 * held
    assert grace.answer(ASKED[0], 20) == REPLY
    assert grace.answer(OTHER_ASKED[0], 20) == OTHER_REPLY


def test_questions_in_one_ball_share_a_value(host: Host) -> None:
    grace = Grace(host, replace(EAGER, depth=0.25, radius=10.0))
    asked = [*ASKED, "Which town is mine?"]
    grace.write(FACT, REPLY, asked)
    assert len(grace.codebook.entries) == 1
    assert [grace.answer(question, 20) for question in asked] == [REPLY, REPLY]


def test_a_fact_that_changed(host: Host) -> None:
    grace = Grace(host, EAGER)
    grace.write(FACT, REPLY, ASKED)
    grace.write(CHANGED, CHANGED_REPLY, ASKED)
    assert len(grace.codebook.entries) == 1
    assert grace.answer(ASKED[0], 20) == CHANGED_REPLY
