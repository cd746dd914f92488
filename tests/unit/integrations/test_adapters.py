"""Language models that remember: what goes into the prompt, and what is kept of a turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope
from memgraft.integrations import HuggingFaceAdapter
from memgraft.memory import Memory
from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder
from memgraft.store.sqlite import SQLiteStore
from toys import ToyEncoder

TOLD = "My favorite color is blue."
ASKED = "What color did I say I liked?"


@pytest.fixture
def model(tiny_host: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tiny Llama with its tokenizer, that notes the prompts that it reads."""
    host = tiny_host("llama")
    noted = SimpleNamespace(model=host.model, tokenizer=host.tokenizer, prompts=[], options={})
    generate = host.model.generate

    def noting(input_ids: Any, **options: Any) -> Any:
        noted.prompts.append(host.tokenizer.decode(input_ids[0]))
        noted.options = options
        return generate(input_ids=input_ids, **options)

    monkeypatch.setattr(host.model, "generate", noting)
    return noted


@pytest.fixture
def system() -> dict[str, Any]:
    encoder = ToyEncoder()
    memory = ContextualMemory(encoder.dimension)
    return {
        "memory": memory,
        "encoder": MemoryEncoder(encoder),
        "retriever": ContextualRetriever(memory, encoder),
    }


@pytest.fixture
def front_door(tmp_path: Path) -> Iterator[Memory]:
    with Memory(SQLiteStore(tmp_path / "m.db", synchronous="OFF")) as memory:
        yield memory


def adapter(system: Any, model: Any, **options: Any) -> HuggingFaceAdapter:
    return HuggingFaceAdapter(system, model.model, model.tokenizer, **options)


SHORT = {"max_new_tokens": 8}


def test_what_was_told_is_in_the_next_prompt(model: Any, system: dict[str, Any]) -> None:
    remembering = adapter(system, model)
    first = remembering.generate(TOLD, [], SHORT)
    assert isinstance(first, str)
    remembering.generate(ASKED, [], SHORT)
    assert TOLD not in model.prompts[0].replace(f"User: {TOLD}", "")
    assert TOLD in model.prompts[1]
    assert model.prompts[1].index(TOLD) < model.prompts[1].index(ASKED)
    assert model.prompts[1].rstrip().endswith("Assistant:")


def test_the_interaction_is_kept_without_the_prompt(model: Any, system: dict[str, Any]) -> None:
    remembering = adapter(system, model)
    replies = [remembering.generate(text, [], SHORT) for text in (TOLD, ASKED)]
    kept = system["memory"].memory.traces()
    for trace, text, reply in zip(kept, (TOLD, ASKED), replies, strict=True):
        assert trace.metadata["message"] == text
        assert trace.metadata["response"] == reply
        assert trace.text == (f"user: {text}\nassistant: {reply}" if reply else f"user: {text}")
        assert "notes" not in trace.text


def test_the_reply_is_what_the_model_says_after_the_prompt(model: Any, system: Any) -> None:
    reply = adapter(system, model).generate(TOLD, None, SHORT)
    ids = model.tokenizer(model.prompts[0], return_tensors="pt").input_ids
    made = type(model.model).generate(model.model, ids, max_new_tokens=8, pad_token_id=0)
    said = model.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    assert reply == said.strip()


def test_the_history_comes_first_and_is_left_alone(model: Any, system: Any) -> None:
    history = [{"speaker": "user", "message": "Hi there", "response": "Hello you"}]
    adapter(system, model).generate(ASKED, history, SHORT)
    prompt = model.prompts[0]
    assert prompt.index("Hi there") < prompt.index("Hello you") < prompt.index(ASKED)
    assert history == [{"speaker": "user", "message": "Hi there", "response": "Hello you"}]


def test_the_chat_template_of_the_tokenizer_is_used(
    model: Any, system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<go>"
    monkeypatch.setattr(model.tokenizer, "chat_template", template)
    adapter(system, model).generate(TOLD, [], SHORT)
    assert model.prompts == [f"<user>{TOLD}<go>"]


def test_a_tokenizer_without_a_template_has_a_plain_one(
    model: Any, system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.tokenizer, "chat_template", None)
    adapter(system, model).generate(TOLD, [], SHORT)
    assert model.prompts == [f"User: {TOLD}\nAssistant:"]
    assert model.tokenizer.chat_template is None


def test_options_reach_the_model(model: Any, system: Any) -> None:
    adapter(system, model).generate(
        TOLD, [], {"max_new_tokens": 3, "do_sample": False, "return_dict_in_generate": True}
    )
    assert model.options["max_new_tokens"] == 3
    assert model.options["return_dict_in_generate"] is True


def test_too_long_a_past_is_cut_and_too_long_an_input_refused(model: Any, system: Any) -> None:
    remembering = adapter(system, model)
    remembering.generate(TOLD, [], SHORT)
    room = model.model.config.max_position_embeddings
    history = [{"message": f"turn {n} " + "x" * 90, "response": "yes"} for n in range(30)]
    remembering.generate(ASKED, history, SHORT)
    assert len(model.prompts[1].encode()) + 8 <= room
    assert "turn 0 " not in model.prompts[1]
    assert "turn 29 " in model.prompts[1]
    assert TOLD in model.prompts[1]
    before = len(system["memory"])
    with pytest.raises(InvalidInput, match="too long"):
        remembering.generate("y" * room, [], SHORT)
    assert len(system["memory"]) == before


def test_memories_that_do_not_fit_are_left_out_worst_first(model: Any, system: Any) -> None:
    for n in range(4):
        vector, about = system["encoder"].encode_interaction(f"colour number{n} " + "z" * 300)
        system["memory"].add_memory(vector, about["message"], about)
    adapter(system, model).generate("colour number2", [], SHORT)
    assert "number2 z" in model.prompts[0]
    assert len(model.prompts[0].encode()) + 8 <= model.model.config.max_position_embeddings


@pytest.mark.parametrize("text", ["", "  \n", None, "half \ud83d"])
def test_blank_inputs_are_refused_before_anything_happens(
    model: Any, system: Any, text: Any
) -> None:
    with pytest.raises(InvalidInput):
        adapter(system, model).generate(text)
    assert model.prompts == []
    assert len(system["memory"]) == 0


def test_nothing_is_kept_if_the_model_fails(
    model: Any, system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**_: Any) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model.model, "generate", failing)
    with pytest.raises(RuntimeError):
        adapter(system, model).generate(TOLD)
    assert len(system["memory"]) == 0


@pytest.mark.parametrize("bad", [None, 5, {}, {"memory": 1}, "memory"])
def test_what_is_no_memory_system(model: Any, bad: Any) -> None:
    with pytest.raises(InvalidInput):
        adapter(bad, model)


@pytest.mark.parametrize("top_k", [0, -1, True, "5"])
def test_a_top_k_that_is_no_count(model: Any, system: Any, top_k: Any) -> None:
    with pytest.raises(InvalidInput):
        adapter(system, model, top_k=top_k)


def test_a_memory_keeps_the_facts_of_a_scope(model: Any, front_door: Memory) -> None:
    mine = adapter(front_door, model, scope=Scope(user_id="me"))
    mine.generate("My favourite colour is blue.", [], SHORT)
    mine.generate("Which colour is my favourite?", [], SHORT)
    assert "- My favourite colour is blue" in model.prompts[1]
    theirs = adapter(front_door, model, scope=Scope(user_id="you"))
    theirs.generate("Which colour is my favourite?", [], SHORT)
    assert "blue" not in model.prompts[2]
    kept = front_door.get_all(user_id="me")["results"]
    assert [one["memory"] for one in kept] == ["My favourite colour is blue"]
