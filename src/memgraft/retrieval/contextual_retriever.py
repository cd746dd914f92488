"""What a conversation brings to mind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.retrieval.contextual import ContextualMemory, Retrieved, Strategy, check_strategy
from memgraft.retrieval.dialogue import messages
from memgraft.retrieval.embedding import embedder, unit

# Messages before the present one that a question is understood from, and what the last of them
# counts, where the question counts 1; each earlier one counts half of the next.
TURNS, SHARE = 4, 0.2


class ContextualRetriever:
    """Retrieves from a `ContextualMemory` by what is said now and what was said before.

    Args:
        memory: is bound to the embedding model: another one is refused from then on.
        embedding_model, tokenizer: see `memgraft.retrieval.embedding.embedder`.
        strategy: `similarity`, `temporal`, `hybrid` or `fabric`; see
            `ContextualMemory.retrieve_memories`.
        confidence_threshold: what is less sure than this is left out.
    """

    def __init__(
        self,
        memory: ContextualMemory,
        embedding_model: Any,
        strategy: Strategy = "fabric",
        *,
        tokenizer: Any = None,
        confidence_threshold: float = 0.0,
    ) -> None:
        self.memory = memory
        self.strategy = check_strategy(strategy)
        self.confidence_threshold = confidence_threshold
        self.embed = embedder(embedding_model, tokenizer)
        memory.bind(self.embed)

    def retrieve_for_context(
        self,
        current_input: str,
        conversation_history: Iterable[Mapping[str, Any]] | None = None,
        top_k: int = 5,
        *,
        strategy: Strategy | None = None,
        now: float | None = None,
    ) -> list[Retrieved]:
        """The memories that an input brings to mind, best first; a blank one brings none.

        The conversation so far is heard, too, but for the strategy `similarity`.

        Args:
            conversation_history: see `memgraft.retrieval.dialogue.messages`.
            now: the moment of asking in seconds since 1970; the clock's by default.
        """
        chosen = self.strategy if strategy is None else check_strategy(strategy)
        said = [message["content"] for message in messages(conversation_history)]
        if not current_input.strip():
            return []
        before = [] if chosen == "similarity" else [text for text in said if text.strip()]
        return self.memory.retrieve_memories(
            self._heard(current_input, before[-TURNS:]),
            top_k,
            confidence_threshold=self.confidence_threshold,
            text=current_input,
            strategy=chosen,
            now=now,
        )

    def _heard(self, text: str, before: list[str]) -> NDArray[np.float32]:
        """The embedding of a text, drawn a little to what was said before it."""
        vectors = self.embed([text, *reversed(before)])
        shares = [1.0, *(SHARE * 0.5**distance for distance in range(len(before)))]
        return unit(np.array(shares, np.float32) @ vectors)
