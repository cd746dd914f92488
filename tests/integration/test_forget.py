"""Forgetting one of two hundred facts: its answer goes, the others stay bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.recall import Patch, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.data.facts import Fact, facts, stack
from memgraft.evals.scoring import contains
from memgraft.host.batch import generate_batch
from memgraft.host.load import Host
from memgraft.injection.encoding import EncodingWriter
from memgraft.injection.home import InjectionHome
from memgraft.injection.pretrained import shipped_encoder
from memgraft.injection.writer import Attempt, Writer
from memgraft.text.minilm import MiniLM

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

ME = Scope(user_id="me")
COUNT = 200
ASKED_AGAIN = 5


class OnePass(Writer):
    """The memory encoder alone: what its check says does not matter here."""

    def __init__(self, encoding: EncodingWriter) -> None:
        self.encoding = encoding

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        return Attempt(self.encoding.write(told, reply).delta())


@pytest.fixture(scope="module")
def told() -> list[Fact]:
    return stack(facts("values", 7), COUNT)


@pytest.fixture
def home(host: Host, encoder: MiniLM, tmp_path: Path) -> InjectionHome:
    writes = shipped_encoder(host)
    assert writes is not None
    writers = (OnePass(EncodingWriter(host, writes)),)
    return InjectionHome(host, encoder, tmp_path, memory_encoder=writes, writers=writers)


def test_one_of_two_hundred(home: InjectionHome, host: Host, told: list[Fact]) -> None:
    records = [Record.new(fact.text, ME) for fact in told]
    home.write(records)
    questions = [fact.questions[0] for fact in told]
    before = [home.read(Query(question.text, ME)) for question in questions]

    def replies(places: list[int], patches: list[Patch]) -> list[str]:
        said = [{"role": "user", "content": questions[n].text} for n in places]
        prompts = [host.prompt([message]) for message in said]
        return generate_batch(host, prompts, patches, max_new_tokens=32)

    gone = list(range(0, COUNT, COUNT // ASKED_AGAIN))
    answered = replies(gone, [before[n] for n in gone])
    told_then = [contains(r, questions[n].answer) for r, n in zip(answered, gone, strict=True)]
    assert sum(told_then) >= 0.7 * len(gone), answered
    without: list[Patch] = []
    for place in gone:
        path = home._files.path(records[place].id)
        kept = path.read_bytes()
        home.forget([records[place].id])
        assert not path.exists()
        without.append(home.read(Query(questions[place].text, ME)))
        for number, patch in enumerate(before):
            if any(fact.record_id == records[place].id for fact in patch.awake):
                continue
            now = home.read(Query(questions[number].text, ME))
            assert [f.record_id for f in now.awake] == [f.record_id for f in patch.awake]
            for one, other in zip(patch.terms, now.terms, strict=True):
                assert torch.equal(one.a, other.a)
                assert torch.equal(one.b, other.b)
        path.write_bytes(kept)  # taken back, for the next one
        home.write([records[place]])
    for reply, place in zip(replies(gone, without), gone, strict=True):
        assert not contains(reply, questions[place].answer)
