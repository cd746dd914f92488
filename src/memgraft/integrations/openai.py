"""Models behind an OpenAI-compatible address that remember."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from memgraft.core.errors import MissingExtra, ModelError
from memgraft.core.recall import Passages
from memgraft.core.scope import Scope
from memgraft.integrations.adapter import Adapter, conversation
from memgraft.integrations.recollection import History, recollection
from memgraft.retrieval.dialogue import Message


class OpenAIAdapter(Adapter):
    """A chat model of any server that speaks OpenAI's protocol, with a memory.

    Args:
        memory_system: see `memgraft.integrations.recollection.recollection`.
        base_url: of the server, such as http://127.0.0.1:8000/v1.
        model: the name that the server knows the model by.
        api_key: servers of one's own rarely ask for one.
        top_k: memories that go into a prompt, at most.
        scope: whose memories, if `memory_system` is a `Memory`.
        timeout: seconds to wait for the server.

    Raises:
        MissingExtra: the `openai` package is not installed.
    """

    def __init__(
        self,
        memory_system: Any,
        base_url: str,
        model: str,
        api_key: str = "none",
        top_k: int = 5,
        scope: Scope = Scope(),
        timeout: float = 120.0,
    ) -> None:
        super().__init__(recollection(memory_system, scope), top_k)
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingExtra("talking to OpenAI-compatible servers", "openai") from error
        self.base_url = base_url
        self.model = model
        self._client: Any = OpenAI(base_url=base_url, api_key=api_key, timeout=timeout)

    def stream(
        self,
        user_input: str,
        conversation_history: History | None = None,
        generation_kwargs: Mapping[str, Any] | None = None,
    ) -> Iterator[str]:
        """`generate`, in pieces as they come. A reply that is not read to its end is forgotten."""
        before, passages = self._prepared(user_input, conversation_history)
        asked = conversation(before, user_input, passages)
        pieces = []
        with self._translated():
            for chunk in self._created(asked, {**(generation_kwargs or {}), "stream": True}):
                piece = chunk.choices[0].delta.content if chunk.choices else None
                if piece:
                    pieces.append(piece)
                    yield piece
        self.recollection.remember(user_input, "".join(pieces).strip())

    def _reply(
        self, before: list[Message], user_input: str, passages: Passages, options: dict[str, Any]
    ) -> str:
        with self._translated():
            made = self._created(conversation(before, user_input, passages), options)
        if not made.choices:
            raise ModelError(f"{self.base_url} gave no reply", got=str(made)[:200])
        return str(made.choices[0].message.content or "").strip()

    def _created(self, messages: list[Message], options: dict[str, Any]) -> Any:
        return self._client.chat.completions.create(model=self.model, messages=messages, **options)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The library's errors as ours."""
        from openai import OpenAIError

        try:
            yield
        except OpenAIError as error:
            raise ModelError(
                f"{self.base_url} did not reply",
                expected=f"an OpenAI-compatible server with the model {self.model!r}",
                got=f"{type(error).__name__}: {error}"[:300],
                next_step="check the address, the model's name and the key",
            ) from error
