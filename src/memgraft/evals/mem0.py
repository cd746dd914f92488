"""mem0 as a peer: the unmodified `mem0ai` package with its local vector store and our encoder."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memgraft.core.errors import MissingExtra
from memgraft.evals.conversations import Conversation, Question
from memgraft.evals.retrieval import RetrievalSystem
from memgraft.text.encoder import Encoder

# mem0's configuration knows a fixed list of embedders; of these, only this one takes an object.
PROVIDER = "langchain"


def check_mem0() -> None:
    """Raise `MissingExtra` now rather than after the other systems are measured.

    mem0 reads its settings when it is imported: no telemetry, no notices from the network, and no
    files in the user's home.
    """
    os.environ["MEM0_TELEMETRY"] = "False"
    if "MEM0_DIR" not in os.environ:
        os.environ["MEM0_DIR"] = tempfile.mkdtemp(prefix="memgraft-mem0-")
        atexit.register(shutil.rmtree, os.environ["MEM0_DIR"], ignore_errors=True)
    try:
        import mem0  # noqa: F401
    except ImportError as error:
        raise MissingExtra("comparing with mem0", "eval") from error
    # It warns of optional parts that are not installed, once for every memory.
    logging.getLogger("mem0").setLevel(logging.ERROR)


class Mem0(RetrievalSystem):
    """Turns as raw memories (`infer=False`, so without a language model), qdrant in a folder.

    The figures are those of what `pip install mem0ai` gives, where search is by vectors alone: its
    keyword and entity signals need `fastembed` and `spacy`, and fetch models from the network. Its
    threshold on scores, 0.1, is taken off, since it would shorten long lists.

    Raises:
        MissingExtra: mem0ai is not installed.
    """

    name = "mem0"

    def __init__(self, encoder: Encoder) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="memgraft-mem0-")
        self._memory = open_mem0(encoder, Path(self._folder.name))
        self._user = ""

    def add(self, conversation: Conversation) -> None:
        self._user = conversation.id
        for turn in conversation.turns:
            self._memory.add(turn.text, user_id=self._user, metadata={"turn": turn.id}, infer=False)

    def search(self, question: Question, limit: int) -> list[str]:
        found = self._memory.search(
            question.text, top_k=limit, filters={"user_id": self._user}, threshold=0.0
        )
        return [each["metadata"]["turn"] for each in found["results"]]

    def close(self) -> None:
        self._memory.vector_store.client.close()
        self._memory.close()
        self._folder.cleanup()


def open_mem0(encoder: Encoder, folder: Path) -> Any:
    """Its `Memory`, with all that it keeps in a folder."""
    check_mem0()
    from mem0 import Memory

    with _embedder_replaced():
        return Memory.from_config(_config(encoder, folder))


class EncoderEmbedding:
    """What mem0 asks of an embedder (`mem0.embeddings.base.EmbeddingBase`), by our encoder."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self._encoder: Encoder = config.model
        config.embedding_dims = self._encoder.dimension

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return self.embed_batch([text])[0]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        return self._encoder.encode(texts).tolist()


def _config(encoder: Encoder, folder: Path) -> dict[str, Any]:
    return {
        "vector_store": {
            "provider": "qdrant",
            "config": {
                "collection_name": "turns",
                "embedding_model_dims": encoder.dimension,
                "path": str(folder / "qdrant"),
            },
        },
        "embedder": {"provider": PROVIDER, "config": {"model": encoder}},
        # Never called: raw memories need none, but mem0 makes a client all the same.
        "llm": {"provider": "openai", "config": {"api_key": "none"}},
        "history_db_path": str(folder / "history.db"),
    }


@contextmanager
def _embedder_replaced() -> Iterator[None]:
    """mem0's factory makes `EncoderEmbedding` for as long as this lasts."""
    from mem0.utils.factory import EmbedderFactory

    table = EmbedderFactory.provider_to_class
    before = table[PROVIDER]
    table[PROVIDER] = f"{__name__}.{EncoderEmbedding.__name__}"
    try:
        yield
    finally:
        table[PROVIDER] = before
