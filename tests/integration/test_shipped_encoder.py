"""The shipped memory encoder on the real model: told, asked, reloaded, forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.recall import Patch, Query
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.batch import generate_batch
from memgraft.host.load import Host
from memgraft.injection.delta import LatentDelta
from memgraft.injection.home import InjectionHome
from memgraft.injection.pretrained import shipped_encoder
from memgraft.open import open_memory
from memgraft.text.minilm import MiniLM

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

ME = Scope(user_id="me")
TOLD = {
    "My name is Yusuf": ("What is my name?", "Yusuf"),
    "I work at Google": ("Where do I work?", "Google"),
    "My sister Ilse lives in Trondheim": ("Where does my sister live?", "Trondheim"),
}


def test_facts_are_told_kept_and_forgotten(host: Host, encoder: MiniLM, tmp_path: Path) -> None:
    writes = shipped_encoder(host)
    assert writes is not None, "an encoder ships for the bundled model"
    home = InjectionHome(host, encoder, tmp_path, memory_encoder=writes)
    records = [Record.new(text, ME) for text in TOLD]
    assert [receipt.outcome for receipt in home.write(records)] == ["exact"] * 3
    assert all(isinstance(fact.delta, LatentDelta) for fact in home._facts.values())

    def replies(home: InjectionHome) -> list[str]:
        prompts = [host.prompt([{"role": "user", "content": asked}]) for asked, _ in TOLD.values()]
        patches = [home.read(Query(asked, ME)) for asked, _ in TOLD.values()]
        assert all(isinstance(patch, Patch) and len(patch.awake) == 1 for patch in patches)
        return generate_batch(host, prompts, patches, max_new_tokens=24)

    said = replies(home)
    for reply, (_, answer) in zip(said, TOLD.values(), strict=True):
        assert answer in reply
    again = InjectionHome(host, encoder, tmp_path, memory_encoder=writes)
    assert replies(again) == said

    before = [again.read(Query(asked, ME)) for asked, _ in TOLD.values()]
    again.forget([records[0].id])
    after = [again.read(Query(asked, ME)) for asked, _ in TOLD.values()]
    assert not after[0] or after[0].awake[0].record_id != records[0].id
    for one, other in zip(before[1:], after[1:], strict=True):
        for mine, theirs in zip(one.terms, other.terms, strict=True):
            assert torch.equal(mine.a, theirs.a)
            assert torch.equal(mine.b, theirs.b)


def test_it_is_the_default_and_the_other_is_chosen_by_name(tmp_path: Path) -> None:
    store = str(tmp_path / "m.db")
    with open_memory(store).memory as memory:
        memory.add("My name is Yusuf", user_id="me")
        figures = memory.stats()["homes"]["weights"]
    assert (figures["facts"], figures["encoded"]) == (1, 1)
    with open_memory(store, writer="closed-form").memory as memory:  # written again
        figures = memory.stats()["homes"]["weights"]
    assert (figures["facts"], figures["encoded"]) == (1, 0)
