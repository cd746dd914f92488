"""The memories that adapters take, behind two verbs: recall what fits, remember what was said."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import Passage, Passages
from memgraft.core.scope import Scope
from memgraft.memory import Memory

History = Iterable[Mapping[str, Any]]

_PARTS = ("memory", "encoder", "retriever")


class Recollection(ABC):
    """What an adapter needs of a memory."""

    @abstractmethod
    def recall(self, text: str, history: History, limit: int) -> Passages:
        """What has to do with a text, best first."""

    @abstractmethod
    def remember(self, message: str, response: str) -> None:
        """Keep what the user said and what was replied, and nothing else of the prompt."""


class Fabric(Recollection):
    """A `ContextualMemory` with its encoder and retriever."""

    def __init__(self, system: Mapping[str, Any]) -> None:
        missing = [name for name in _PARTS if name not in system]
        if missing:
            raise InvalidInput(
                "the memory system is incomplete",
                expected=", ".join(_PARTS),
                got=", ".join(system) or "nothing",
                next_step=f"add {', '.join(missing)}",
            )
        self._memory, self._encoder, self._retriever = (system[name] for name in _PARTS)

    def recall(self, text: str, history: History, limit: int) -> Passages:
        found = self._retriever.retrieve_for_context(text, list(history), limit)
        return Passages(tuple(Passage(one.memory_id, one.text, one.score) for one in found))

    def remember(self, message: str, response: str) -> None:
        embedding, metadata = self._encoder.encode_interaction(message, response, {})
        text = f"user: {message}\nassistant: {response}" if response.strip() else f"user: {message}"
        self._memory.add_memory(embedding, text, metadata)


class FrontDoor(Recollection):
    """A `Memory`: from what is said, the durable facts that the user states are kept."""

    def __init__(self, memory: Memory, scope: Scope) -> None:
        self._memory = memory
        self._ids: dict[str, Any] = scope.given()

    def recall(self, text: str, history: History, limit: int) -> Passages:
        found = self._memory.search(text, **self._ids, limit=limit)["results"]
        return Passages(tuple(Passage(one["id"], one["memory"], one["score"]) for one in found))

    def remember(self, message: str, response: str) -> None:
        said = [{"role": "user", "content": message}, {"role": "assistant", "content": response}]
        self._memory.add(said, **self._ids)


def recollection(memory_system: Any, scope: Scope = Scope()) -> Recollection:
    """What an adapter needs, of whatever memory it was given.

    Args:
        memory_system: `{"memory", "encoder", "retriever"}` of the contextual fabric, or a `Memory`.
        scope: whose memories, of a `Memory`; the fabric has only one owner.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(memory_system, Recollection):
        return memory_system
    if isinstance(memory_system, Memory):
        return FrontDoor(memory_system, scope)
    if isinstance(memory_system, Mapping):
        return Fabric(memory_system)
    raise InvalidInput(
        "this is no memory system",
        expected='{"memory": ..., "encoder": ..., "retriever": ...}, or a memgraft.Memory',
        got=type(memory_system).__name__,
    )
