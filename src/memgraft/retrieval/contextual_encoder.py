"""From what was said, and the circumstances, to one embedding and the metadata to keep with it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.retrieval.contextual import moment
from memgraft.retrieval.embedding import embedder, unit
from memgraft.retrieval.inputs import checked_metadata, checked_text

Encoded = tuple[NDArray[np.float32], dict[str, Any]]

# What the reply and the circumstances count in an embedding, where the message counts 1: people
# ask for what they said, and a long reply must not bury it.
REPLY, AROUND = 0.3, 0.2

# Metadata that says when, who and where, and has a place of its own in the text.
_PLACED = frozenset({"timestamp", "speaker", "session", "importance", "type"})


class MemoryEncoder:
    """Interactions and concepts as memories of a `ContextualMemory`.

    The last interactions of the session are part of the circumstances of the next one: `begin`
    starts a new conversation, and so does another `session` in the metadata.

    Args:
        embedding_model, tokenizer: see `memgraft.retrieval.embedding.embedder`.
        context_window: earlier interactions that count as circumstances.
    """

    def __init__(
        self, embedding_model: Any, *, tokenizer: Any = None, context_window: int = 2
    ) -> None:
        if isinstance(context_window, bool) or not isinstance(context_window, int):
            raise _unusable("a whole number", context_window)
        if context_window < 0:
            raise _unusable("0 or more", context_window)
        self.embed = embedder(embedding_model, tokenizer)
        self._before: deque[str] = deque(maxlen=context_window)
        self._session: Any = None

    def encode_interaction(
        self,
        message: str,
        response: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        speaker: str = "user",
    ) -> Encoded:
        """What somebody said and what was replied.

        Returns:
            the embedding, (d,), of unit length; and the metadata with `type`, `message`,
            `response`, `speaker` and `timestamp`, where it had none of its own.
        """
        checked_text(message)
        about = checked_metadata(metadata)
        about = {"speaker": speaker, "timestamp": time.time(), **about}
        # A speaker or time that is given, but None, is as good as not given.
        about["speaker"] = about["speaker"] or speaker
        about["timestamp"] = moment(about["timestamp"] or time.time())
        if about.get("session") != self._session:
            self.begin(about.get("session"))
        said = f"{about['speaker']}: {message}"
        parts = [(1.0, said), (AROUND, self._around(about))]
        if response and response.strip():
            parts.append((REPLY, f"assistant: {response}"))
        vector = self._mixed(parts)
        self._before.append(said)
        return vector, {"type": "interaction", "message": message, "response": response, **about}

    def encode_concept(
        self,
        concept: str,
        description: str,
        related: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Encoded:
        """What something is, with the names of what it has to do with; returns as above."""
        checked_text(concept)
        checked_text(description)
        about = {"timestamp": time.time(), **checked_metadata(metadata)}
        about["timestamp"] = moment(about["timestamp"] or time.time())
        names = [checked_text(name) for name in related or ()]
        parts = [(1.0, f"{concept}: {description}")]
        if names:
            parts.append((REPLY, ", ".join(names)))
        kept = {"type": "concept", "concept": concept, "description": description}
        return self._mixed(parts), {**kept, "related": names, **about}

    def begin(self, session: Any = None) -> None:
        """Begin a new conversation: what was said before is not its context."""
        self._before.clear()
        self._session = session

    def _around(self, about: Mapping[str, Any]) -> str:
        """When it was said, under what circumstances, and after what."""
        day = datetime.fromtimestamp(about["timestamp"], UTC).strftime("%A, %d %B %Y")
        facts = [f"{name}: {value}" for name, value in about.items() if name not in _PLACED]
        return ". ".join([day, *facts, *self._before])

    def _mixed(self, parts: Sequence[tuple[float, str]]) -> NDArray[np.float32]:
        vectors = self.embed([text for _, text in parts])
        shares = np.array([share for share, _ in parts], np.float32)
        return unit(shares @ vectors)


def _unusable(expected: str, got: Any) -> InvalidInput:
    return InvalidInput("context_window cannot be used", expected=expected, got=repr(got))
