"""What the adapters of language models share: recall, reply, remember."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import Passages
from memgraft.host.prompt import with_passages
from memgraft.integrations.recollection import History, Recollection
from memgraft.retrieval.dialogue import Message, messages
from memgraft.retrieval.inputs import checked_text


class Adapter(ABC):
    """A language model that remembers.

    Args:
        recollection: what is recalled from and remembered in.
        top_k: memories that go into a prompt, at most.
    """

    def __init__(self, recollection: Recollection, top_k: int = 5) -> None:
        if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
            raise InvalidInput("top_k cannot be used", expected="at least 1", got=repr(top_k))
        self.recollection = recollection
        self.top_k = top_k

    def generate(
        self,
        user_input: str,
        conversation_history: History | None = None,
        generation_kwargs: Mapping[str, Any] | None = None,
    ) -> str:
        """The reply to what the user says now.

        What is remembered goes into the prompt, before the last message. Afterwards what was said
        and replied is remembered, without the prompt; nothing is if the model fails.

        Args:
            conversation_history: the turns so far, see `memgraft.retrieval.dialogue.messages`; it
                is not changed.
            generation_kwargs: for the model, over the adapter's own.

        Raises:
            InvalidInput: a blank input, or a history that cannot be read.
        """
        before, passages = self._prepared(user_input, conversation_history)
        reply = self._reply(before, user_input, passages, dict(generation_kwargs or {}))
        self.recollection.remember(user_input, reply)
        return reply

    def _prepared(self, user_input: str, history: History | None) -> tuple[list[Message], Passages]:
        """The turns so far as messages, and what is recalled."""
        checked_text(user_input)
        before = messages(history)
        return before, self.recollection.recall(user_input, before, self.top_k)

    @abstractmethod
    def _reply(
        self, before: list[Message], user_input: str, passages: Passages, options: dict[str, Any]
    ) -> str: ...


def conversation(before: list[Message], user_input: str, passages: Passages) -> list[Message]:
    """All messages of a prompt, the memories in the last one."""
    return with_passages([*before, {"role": "user", "content": user_input}], passages)
