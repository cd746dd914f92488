"""From texts to the fabric and back: embedding models, the encoder and the retriever."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder
from memgraft.retrieval.dialogue import messages
from memgraft.retrieval.embedding import embedder, unit
from toys import ToyEncoder

DAY = 86400.0
TOY = ToyEncoder()


class Wrapper:
    """What people wrap an embedding model in: a text to a 1-D vector of any length."""

    def __init__(self, scale: float = 3.0) -> None:
        self.scale = scale

    def encode(self, text: str) -> Any:
        assert isinstance(text, str)
        return self.scale * TOY.encode([text])[0]


@pytest.fixture(scope="module")
def tokenizer(tiny_host: Any) -> Any:
    made = copy.deepcopy(tiny_host("llama").tokenizer)
    made.pad_token = made.eos_token
    made.model_max_length = 64
    return made


@pytest.fixture(scope="module")
def bert(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny random encoder of transformers, saved with its tokenizer and loaded again."""
    import torch
    from transformers import AutoModel, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return AutoModel.from_pretrained(folder)


def woven(model: Any = TOY, **options: Any) -> tuple[ContextualMemory, Any, Any]:
    memory = ContextualMemory(embedding_dim=512)
    return memory, MemoryEncoder(model), ContextualRetriever(memory, model, **options)


def tell(memory: ContextualMemory, encoder: Any, text: str, **metadata: Any) -> str:
    embedding, about = encoder.encode_interaction(text, "Noted.", metadata)
    return memory.add_memory(embedding, text, about)


@pytest.mark.parametrize("model", [TOY, Wrapper()])
def test_encoders_and_wrappers_embed_alike(model: Any) -> None:
    texts = ["blue is my colour", "the cello"]
    assert embedder(model)(texts) == pytest.approx(TOY.encode(texts), abs=1e-6)


def test_a_bare_transformer_is_averaged_over_its_tokens(bert: Any, tokenizer: Any) -> None:
    import torch

    texts = ["short", "a text that is a good deal longer"]
    found = embedder(bert)(texts)
    for text, vector in zip(texts, found, strict=True):
        ids = torch.tensor([list(tokenizer(text).input_ids)])
        with torch.no_grad():
            mean = bert(input_ids=ids).last_hidden_state[0].mean(dim=0)
        assert vector == pytest.approx(unit(mean), abs=1e-5)
    assert embedder(bert)(["word " * 1000]).shape == (1, 32)


def test_a_bare_transformer_of_unknown_origin_needs_a_tokenizer(bert: Any, tokenizer: Any) -> None:
    from transformers import BertModel

    lost = BertModel(bert.config)
    lost.config._name_or_path = lost.name_or_path = ""
    with pytest.raises(InvalidInput, match="tokenizer="):
        MemoryEncoder(lost)
    lost.name_or_path = "nobody/no-such-model"
    with pytest.raises(InvalidInput, match="no-such-model"):
        MemoryEncoder(lost)
    assert MemoryEncoder(lost, tokenizer=tokenizer).embed(["text"]).shape == (1, 32)


def test_what_is_no_embedding_model(tokenizer: Any) -> None:
    for model in (None, "minilm", 7, tokenizer):
        with pytest.raises(InvalidInput):
            embedder(model)


@pytest.mark.parametrize("scale", [0.0, float("nan")])
def test_a_model_that_gives_no_vector(scale: float) -> None:
    with pytest.raises(InvalidInput):
        MemoryEncoder(Wrapper(scale)).encode_interaction("hello")


def test_an_interaction_keeps_what_it_was() -> None:
    before = time.time()
    vector, about = MemoryEncoder(TOY).encode_interaction("I like blue", "Noted", {"mood": "calm"})
    assert vector.shape == (512,)
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert before <= about.pop("timestamp") <= time.time()
    assert about == {
        "type": "interaction",
        "message": "I like blue",
        "response": "Noted",
        "speaker": "user",
        "mood": "calm",
    }


def test_what_was_said_weighs_most_and_the_rest_is_heard() -> None:
    def cosine(text: str, *told: Any) -> float:
        return float(TOY.encode([text])[0] @ MemoryEncoder(TOY).encode_interaction(*told)[0])

    told = ("blue sky", "green grass", {"place": "harbour", "timestamp": "2024-05-06T12:00:00"})
    said, replied = cosine("blue sky", *told), cosine("green grass", *told)
    assert said > replied > 0
    assert cosine("harbour", *told) > 0
    assert cosine("monday may 2024", *told) > 0
    assert cosine("lighthouse", *told) == pytest.approx(0, abs=0.05)


def test_speakers_are_heard() -> None:
    encoder = MemoryEncoder(TOY)
    vector, about = encoder.encode_interaction("I like blue", None, {"speaker": "Mira"})
    assert about["speaker"] == "Mira"
    assert vector @ TOY.encode(["mira"])[0] > 0.3


def test_the_window_is_of_one_conversation() -> None:
    def heard(encoder: MemoryEncoder, session: str | None) -> float:
        vector, _ = encoder.encode_interaction("it was hot", None, {"session": session})
        return float(vector @ TOY.encode(["rome"])[0])

    for window, session, begun, there in (
        (2, "s", False, True), (2, "other", False, False), (0, "s", False, False),
        (2, "s", True, False),
    ):  # fmt: skip
        encoder = MemoryEncoder(TOY, context_window=window)
        encoder.encode_interaction("rome rome", None, {"session": "s"})
        if begun:
            encoder.begin("s")
        assert (heard(encoder, session) > 0.01) == there
    with pytest.raises(InvalidInput):
        MemoryEncoder(TOY, context_window=-1)


def test_a_concept_is_near_what_it_has_to_do_with() -> None:
    vector, about = MemoryEncoder(TOY).encode_concept("cello", "a large violin", ["orchestra"])
    assert (about["type"], about["concept"], about["related"]) == (
        "concept",
        "cello",
        ["orchestra"],
    )
    near = [float(vector @ TOY.encode([text])[0]) for text in ("cello", "orchestra", "stamp")]
    assert near[0] > near[1] > near[2]


@pytest.mark.parametrize(
    "told", [(" ",), (None,), ("text", None, {"timestamp": "soon"}), ("text", None, {"x": {1}})]
)
def test_interactions_that_cannot_be_encoded(told: Any) -> None:
    with pytest.raises(InvalidInput):
        MemoryEncoder(TOY).encode_interaction(*told)


@pytest.mark.parametrize("strategy", ["similarity", "temporal", "hybrid", "fabric"])
def test_a_question_brings_what_was_told(strategy: Any) -> None:
    memory, encoder, retriever = woven(strategy=strategy)
    wanted = tell(memory, encoder, "My favourite colour is blue")
    for text in ("The cat sleeps", "Dinner is at eight", "Carla plays the cello"):
        encoder.begin()
        tell(memory, encoder, text)
    found = retriever.retrieve_for_context("what colour is my favourite", [], top_k=2)
    assert found[0].memory_id == wanted
    assert found[0].text == "My favourite colour is blue"
    assert found[0].metadata["response"] == "Noted."
    assert len(found) == 2


def test_the_conversation_says_what_a_question_is_about() -> None:
    memory, encoder, retriever = woven()
    rome = tell(memory, encoder, "rome was hot", session="a")
    oslo = tell(memory, encoder, "oslo was cold", session="b")
    for city, wanted in (("rome", rome), ("oslo", oslo)):
        history = [{"speaker": "user", "message": f"I went to {city}", "response": "Nice"}]
        found = retriever.retrieve_for_context("how was the weather there", history, top_k=2)
        assert found[0].memory_id == wanted


def test_a_time_that_is_named_decides() -> None:
    memory, encoder, retriever = woven(strategy="temporal")
    now = time.time()
    for days in range(4):
        encoder.begin()
        tell(memory, encoder, f"lunch number{days}", timestamp=now - days * DAY)
    found = retriever.retrieve_for_context("what was for lunch yesterday?", top_k=1, now=now)
    assert found[0].text == "lunch number1"


def test_blank_inputs_bring_nothing_and_thresholds_leave_out() -> None:
    memory, encoder, _ = woven()
    tell(memory, encoder, "My favourite colour is blue")
    strict = ContextualRetriever(memory, TOY, confidence_threshold=0.9)
    assert strict.retrieve_for_context("  ") == []
    assert strict.retrieve_for_context("a lighthouse") == []
    with pytest.raises(InvalidInput):
        ContextualRetriever(memory, TOY, "magic")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        strict.retrieve_for_context("colour", strategy="magic")  # type: ignore[arg-type]


def test_another_model_is_refused(tmp_path: Path) -> None:
    memory, encoder, _ = woven()
    tell(memory, encoder, "My favourite colour is blue")
    memory.save(tmp_path)
    other = ToyEncoder(same=dict.fromkeys(("quick", "brown", "fox", "jumps"), "slow"))
    with pytest.raises(FolderError, match="another model"):
        ContextualRetriever(ContextualMemory.load(tmp_path), other)
    ContextualRetriever(ContextualMemory.load(tmp_path), Wrapper())
    with pytest.raises(InvalidInput, match="embedding_dim=512"):
        ContextualRetriever(ContextualMemory(384), TOY)


def test_histories_become_messages() -> None:
    history = [
        {"speaker": "user", "message": "Hi", "response": "Hello"},
        {"speaker": "assistant", "message": "More?"},
        {"role": "user", "content": "No"},
        {"message": "", "response": "Bye"},
    ]
    said = [(one["role"], one["content"]) for one in messages(history)]
    assert said == [
        ("user", "Hi"), ("assistant", "Hello"), ("assistant", "More?"), ("user", "No"),
        ("assistant", "Bye"),
    ]  # fmt: skip
    assert messages(None) == []


@pytest.mark.parametrize(
    "entry", ["text", {}, {"speaker": "user"}, {"role": "pirate", "content": "x"}, {"content": 5}]
)
def test_what_is_no_turn(entry: Any) -> None:
    with pytest.raises(InvalidInput):
        messages([entry])
