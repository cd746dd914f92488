"""Gate closed, or everything forgotten: the model is the bare model, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.recall import Query
from memgraft.core.scope import Scope
from memgraft.evals.rows import unrelated_prompts
from memgraft.host.load import Host
from memgraft.host.session import Session
from memgraft.injection.config import InjectionConfig
from memgraft.injection.home import InjectionHome
from memgraft.memory import Memory, patch_of
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.minilm import MiniLM

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

SCOPE = Scope(user_id="u")
FACTS = ["My name is Yusuf", "I work at Google", "The boiler code is 4471"]


def bare_logits(host: Host, prompt: str) -> torch.Tensor:
    """The model on its own, without any code of ours around the forward pass but the caching."""
    from transformers import DynamicCache

    ids = torch.tensor([host.encode(prompt)])
    cache = DynamicCache()
    with torch.inference_mode():
        host.model(input_ids=ids[:, :-1], past_key_values=cache, logits_to_keep=1)
        output = host.model(input_ids=ids[:, -1:], past_key_values=cache, logits_to_keep=1)
    return output.logits[0, -1]


@pytest.fixture
def memory(host: Host, encoder: MiniLM, tmp_path: Path):
    # A gate that nothing can open, so that all hundred prompts find it closed.
    config = InjectionConfig(threshold=1.1)
    home = InjectionHome(host, encoder, tmp_path / "weights", config)
    with Memory(SQLiteStore(tmp_path / "m.db"), [home]) as opened:
        for fact in FACTS:
            opened.add(fact, user_id="u")
        yield opened


def assert_bare(host: Host, memory: Memory) -> None:
    for text in unrelated_prompts()[:100]:
        prompt = host.prompt([{"role": "user", "content": text}])
        patch = patch_of(memory.recall(Query(text, SCOPE)))
        ours = Session(host).logits(host.encode(prompt), patch)
        assert torch.equal(ours, bare_logits(host, prompt)), text


def test_closed_gate_is_bit_identical(host: Host, memory: Memory) -> None:
    assert_bare(host, memory)


def test_forgetting_everything_is_bit_identical(
    host: Host, encoder: MiniLM, tmp_path: Path
) -> None:
    home = InjectionHome(host, encoder, tmp_path / "weights")
    with Memory(SQLiteStore(tmp_path / "m.db"), [home]) as memory:
        for fact in FACTS:
            memory.add(fact, user_id="u")
        question = host.prompt([{"role": "user", "content": "What is my name?"}])
        patch = patch_of(memory.recall(Query("What is my name?", SCOPE)))
        assert patch, "an awake fact, or the test shows nothing"
        woken = Session(host).logits(host.encode(question), patch)
        assert not torch.equal(woken, bare_logits(host, question))
        memory.delete_all(user_id="u")
        assert not list((tmp_path / "weights" / "records").iterdir())
        assert not patch_of(memory.recall(Query("What is my name?", SCOPE)))
        assert_bare(host, memory)
