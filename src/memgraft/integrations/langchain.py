"""LangChain: a retriever over a `Memory`, and chat histories in its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memgraft.core.errors import MissingExtra
from memgraft.core.records import MAX_CHARACTERS, Record, searchable
from memgraft.core.scope import Scope
from memgraft.integrations.records import store_of
from memgraft.memory import Memory
from memgraft.store.base import Store

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.chat_history import BaseChatMessageHistory
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage, message_to_dict, messages_from_dict
    from langchain_core.retrievers import BaseRetriever
    from pydantic import ConfigDict, Field
except ImportError as error:
    raise MissingExtra("LangChain's retriever and chat history", "langchain") from error

APP = "langchain-history"


class MemgraftRetriever(BaseRetriever):
    """The memories that have to do with a query, as documents.

    A document's `id` is the memory's; its metadata are the memory's own with `score`, in [0, 1],
    and `created_at`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: Memory
    scope: Scope = Scope()
    k: int = Field(default=5, ge=1)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        ids: dict[str, Any] = self.scope.given()
        found = self.memory.search(query, **ids, limit=self.k)["results"]
        return [
            Document(
                id=one["id"],
                page_content=one["memory"],
                metadata={
                    **one["metadata"], "score": one["score"], "created_at": one["created_at"]
                },
            )
            for one in found
        ]  # fmt: skip


class MemgraftChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session, in a store; each of them exactly as it was added.

    Args:
        memory: a `Memory` or a store. The messages of a `Memory` are found by its searches, too.
        session_id: of the conversation.
        user_id: whose it is; only searches for this user find it then.
    """

    def __init__(self, memory: Memory | Store, session_id: str, user_id: str | None = None) -> None:
        super().__init__()
        self._memory = memory if isinstance(memory, Memory) else None
        self._store = store_of(memory)
        self._scope = Scope(user_id=user_id, app_id=APP, run_id=session_id)

    @property
    def messages(self) -> list[BaseMessage]:
        """All messages, oldest first."""
        found = self._store.list(self._scope)
        mine = [record for record in found if record.scope.user_id == self._scope.user_id]
        return messages_from_dict([record.metadata["message"] for record in mine])

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        for message in messages:
            self._store.add(self._record(message))
        self._tell()

    def clear(self) -> None:
        for record in self._store.list(self._scope):
            if record.scope.user_id == self._scope.user_id:
                self._store.delete(record.id)
        self._tell()

    def _record(self, message: BaseMessage) -> Record:
        """Each in a scope of its own, since a store keeps what is said twice only once."""
        text = searchable(f"{message.type}: {message.text}", MAX_CHARACTERS)
        record = Record.new(
            text, metadata={"message": message_to_dict(message)}, source="langchain"
        )
        scope = Scope(self._scope.user_id, record.id, APP, self._scope.run_id)
        return replace(record, scope=scope)

    def _tell(self) -> None:
        if self._memory is not None:
            self._memory.catch_up()
