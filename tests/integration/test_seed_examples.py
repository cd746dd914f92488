"""The examples that users of MemoryWeave have, with nothing but the imports and names changed.

The bundled MiniLM stands for the hub's, and a tiny random Llama for TinyLlama.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.bundles import fetch, find_bundle
from memgraft.core.errors import FolderError
from memgraft.core.folder import load_config
from memgraft.retrieval.at_rest import KIND, VERSION

pytestmark = pytest.mark.bundle


@pytest.fixture(scope="module")
def minilm() -> str:
    return str(fetch(find_bundle("minilm")))


@pytest.fixture(scope="module")
def llama(tiny_host: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("llama")
    host = tiny_host("llama")
    host.model.save_pretrained(folder)
    host.tokenizer.save_pretrained(folder)
    return str(folder)


def test_basic_usage(minilm: str, llama: str) -> None:
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

    from memgraft.integrations import HuggingFaceAdapter
    from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder

    # Load models
    tokenizer = AutoTokenizer.from_pretrained(llama)
    embedding_model = AutoModel.from_pretrained(minilm)
    llm_model = AutoModelForCausalLM.from_pretrained(llama)

    # Initialize memory components with ART clustering
    memory = ContextualMemory(embedding_dim=384, use_art_clustering=True, vigilance_threshold=0.85)
    encoder = MemoryEncoder(embedding_model)
    retriever = ContextualRetriever(memory, embedding_model)
    memory_system = {"memory": memory, "encoder": encoder, "retriever": retriever}

    # Create adapter
    adapter = HuggingFaceAdapter(memory_system=memory_system, model=llm_model, tokenizer=tokenizer)

    # Generate with memory augmentation
    response = adapter.generate(
        user_input="What do you know about neural networks?", conversation_history=[]
    )

    assert isinstance(response, str)
    [kept] = memory.memory.traces()
    assert kept.metadata["message"] == "What do you know about neural networks?"
    assert len(memory.categories()) == 1


def test_the_tokenizer_of_the_llm_may_be_the_embedders(minilm: str, llama: str) -> None:
    """As the first example is written: the adapter is given the tokenizer of MiniLM."""
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    from memgraft.integrations import HuggingFaceAdapter
    from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder

    tokenizer = AutoTokenizer.from_pretrained(minilm)
    embedding_model = AutoModel.from_pretrained(minilm)
    config = LlamaConfig.from_pretrained(llama)
    config.vocab_size = len(tokenizer)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        llm_model = AutoModelForCausalLM.from_config(config)
    memory = ContextualMemory(embedding_dim=384)
    system = {
        "memory": memory,
        "encoder": MemoryEncoder(embedding_model),
        "retriever": ContextualRetriever(memory, embedding_model),
    }
    adapter = HuggingFaceAdapter(memory_system=system, model=llm_model, tokenizer=tokenizer)
    assert isinstance(adapter.generate("Hello there", []), str)
    assert len(memory) == 1


class EmbeddingModelWrapper:
    """As in the second example."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def encode(self, text: str) -> Any:
        inputs = self.tokenizer(
            text, return_tensors="pt", padding=True, truncation=True, max_length=512
        )
        with torch.no_grad():
            outputs = self.model(**inputs)

        # Mean pooling
        attention_mask = inputs["attention_mask"]
        embeddings = outputs.last_hidden_state
        mask = attention_mask.unsqueeze(-1).expand(embeddings.size()).float()
        masked_embeddings = embeddings * mask
        summed = torch.sum(masked_embeddings, 1)
        counts = torch.clamp(mask.sum(1), min=1e-9)
        mean_pooled = summed / counts

        return mean_pooled.numpy()[0]


def test_comprehensive_example(minilm: str, llama: str, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

    # Load models
    emb_tokenizer = AutoTokenizer.from_pretrained(minilm)
    emb_model = AutoModel.from_pretrained(minilm)
    embedding_model = EmbeddingModelWrapper(emb_model, emb_tokenizer)

    # Initialize memory system
    from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder

    embedding_dim = emb_model.config.hidden_size  # 384 for MiniLM-L6
    memory = ContextualMemory(
        embedding_dim=embedding_dim, use_art_clustering=True, vigilance_threshold=0.85
    )
    encoder = MemoryEncoder(embedding_model)
    retriever = ContextualRetriever(memory=memory, embedding_model=embedding_model)
    memory_system = {"memory": memory, "encoder": encoder, "retriever": retriever}

    # Initialize LLM
    lm_tokenizer = AutoTokenizer.from_pretrained(llama)
    lm_model = AutoModelForCausalLM.from_pretrained(llama)
    prompts: list[str] = []
    generate = lm_model.generate

    def noting(input_ids: Any, **options: Any) -> Any:
        prompts.append(lm_tokenizer.decode(input_ids[0]))
        return generate(input_ids=input_ids, **options)

    lm_model.generate = noting

    # Create adapter
    from memgraft.integrations import HuggingFaceAdapter

    adapter = HuggingFaceAdapter(
        memory_system=memory_system, model=lm_model, tokenizer=lm_tokenizer
    )

    # Run a conversation with memory
    conversation_history: list[dict[str, str]] = []

    # First turn
    response1 = adapter.generate(
        user_input="My favorite color is blue.",
        conversation_history=conversation_history,
        generation_kwargs={"max_new_tokens": 100},
    )
    conversation_history.append(
        {"speaker": "user", "message": "My favorite color is blue.", "response": response1}
    )

    # Second turn
    response2 = adapter.generate(
        user_input="What color did I say I liked?",
        conversation_history=conversation_history,
        generation_kwargs={"max_new_tokens": 100},
    )

    assert isinstance(response1, str) and isinstance(response2, str)
    assert "- user: My favorite color is blue." in prompts[1]
    assert len(memory) == 2

    # What is kept is found in a new process, with the same embedding model only.
    memory.save(tmp_path)
    loaded = ContextualMemory.load(tmp_path)
    again = ContextualRetriever(loaded, AutoModel.from_pretrained(minilm))
    found = again.retrieve_for_context("What color did I say I liked?", [], top_k=2)
    assert "My favorite color is blue." in [one.metadata["message"] for one in found]


def test_memories_of_other_things_stay_behind(minilm: str) -> None:
    """What is asked for comes first, by every strategy that reads the text."""
    from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder
    from memgraft.text.minilm import MiniLM

    model = MiniLM(Path(minilm))
    memory = ContextualMemory(384)
    encoder = MemoryEncoder(model)
    for text in (
        "My favorite color is blue.", "I work as a nurse in Leeds.", "We are off to Rome in May.",
        "The dog has to see the vet on Friday.", "I cannot stand olives.",
    ):  # fmt: skip
        encoder.begin()
        embedding, metadata = encoder.encode_interaction(text, "I see.")
        memory.add_memory(embedding, text, metadata)
    retriever = ContextualRetriever(memory, model)
    for question, wanted in (
        ("What color did I say I liked?", "blue"), ("What is my job?", "nurse"),
        ("Where do I go on holiday?", "Rome"), ("Which food do I dislike?", "olives"),
    ):  # fmt: skip
        for strategy in ("similarity", "hybrid", "fabric"):
            [found] = retriever.retrieve_for_context(question, [], 1, strategy=strategy)  # type: ignore[arg-type]
            assert wanted in found.text, (strategy, question, found.text)


def test_another_embedding_model_of_the_same_size_is_refused(minilm: str, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    from memgraft.retrieval import ContextualMemory, ContextualRetriever

    memory = ContextualMemory(384)
    memory.add_memory(torch.ones(384), "text")
    model = AutoModel.from_pretrained(minilm)
    ContextualRetriever(memory, model)
    memory.save(tmp_path / "memory")
    assert load_config(tmp_path / "memory", KIND, VERSION)["extra"]["embedder"]
    torch.nn.init.normal_(model.embeddings.word_embeddings.weight, std=0.05, generator=seeded())
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(minilm).save_pretrained(tmp_path / "other")
    other = AutoModel.from_pretrained(tmp_path / "other")
    with pytest.raises(FolderError, match="another model"):
        ContextualRetriever(ContextualMemory.load(tmp_path / "memory"), other)
    shutil.rmtree(tmp_path / "other")


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
