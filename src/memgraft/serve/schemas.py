"""What requests and answers look like, as mem0's clients know them.

Unknown fields of a body are ignored: clients of five versions send options that a server of
another version need not know. In filters they are refused (see `filters`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_MESSAGES = 10_000
MOST_IN_BATCH = 1_000
MOST_FOUND = 1_000
LARGEST_PAGE = 200

# Without control characters: a database may take no text that holds a NUL.
Id = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=8_000)]
# In a query string an empty one is as good as none.
QueryId = Annotated[str, StringConstraints(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
# Seconds since 1970, or ISO 8601.
Timestamp = int | float | str
Message = dict[str, Any]
Filters = dict[str, Any]
Json = dict[str, Any]


class Body(BaseModel):
    """Of a request."""

    model_config = ConfigDict(extra="ignore")


class Scoped(Body):
    """Ids at top level."""

    user_id: Id | None = None
    agent_id: Id | None = None
    app_id: Id | None = None
    run_id: Id | None = None


class AddBody(Scoped):
    messages: str | Message | list[Message]
    metadata: Json | None = None
    filters: Filters | None = None
    infer: bool = True
    categories: list[str] | None = None
    timestamp: Timestamp | None = None
    expiration_date: str | None = None


class ListBody(Scoped):
    filters: Filters | None = None
    page: int | None = Field(None, ge=1, le=1_000_000)
    page_size: int | None = Field(None, ge=1, le=LARGEST_PAGE)
    start_date: str | None = None
    end_date: str | None = None
    categories: list[str] | None = None
    fields: list[str] | None = None
    show_expired: bool = False


class SearchBody(Scoped):
    query: str = Field(min_length=1, max_length=8_000)
    filters: Filters | None = None
    top_k: int | None = Field(None, ge=1, le=MOST_FOUND)
    limit: int | None = Field(None, ge=1, le=MOST_FOUND)
    threshold: float | None = Field(None, ge=0, le=1)
    categories: list[str] | None = None
    metadata: Json | None = None
    fields: list[str] | None = None
    explain: bool = False


class SelfHostedSearchBody(SearchBody):
    show_expired: bool = False


class UpdateBody(Body):
    text: Text | None = None
    metadata: Json | None = None
    categories: list[str] | None = None
    timestamp: Timestamp | None = None
    expiration_date: str | None = None


class BatchItem(Body):
    memory_id: Id
    text: Text | None = None
    metadata: Json | None = None


class BatchBody(Body):
    memories: list[BatchItem] = Field(min_length=1, max_length=MOST_IN_BATCH)


class FeedbackBody(Body):
    memory_id: Id
    feedback: Literal["POSITIVE", "NEGATIVE", "VERY_NEGATIVE"] | None = None
    feedback_reason: Text | None = None


class ExportBody(Scoped):
    # `schema` is a method of every pydantic model.
    schema_: Any = Field(None, alias="schema")
    filters: Filters | None = None


class ExportGetBody(Scoped):
    memory_export_id: Id | None = None
    filters: Filters | None = None


class SummaryBody(Scoped):
    filters: Filters | None = None


class ProfileSettings(Body):
    enabled: bool | None = None
    entities: dict[str, Json] | None = None


class ProfileJob(Body):
    operation: Literal["trigger", "sample"]
    entity_type: Literal["user"] = "user"
    entity_id: Id | None = None
    limit: int | None = Field(None, ge=1, le=MOST_FOUND)


class WebhookBody(Body):
    url: str | None = Field(None, max_length=2_000)
    name: str | None = Field(None, max_length=200)
    event_types: list[str] | None = None
    is_active: bool | None = None


class Answer(BaseModel):
    """Of the server; more may come with it."""

    model_config = ConfigDict(extra="allow")


class Problem(Answer):
    detail: str


class Done(Answer):
    message: str


class MemoryAnswer(Answer):
    id: str
    memory: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    hash: str
    metadata: Json
    categories: list[str]
    created_at: str
    updated_at: str
    expiration_date: str | None


class Added(Answer):
    id: str
    memory: str
    event: Literal["ADD", "UPDATE", "NONE"]


class AddAnswer(Answer):
    event_id: str
    status: str
    results: list[Added]


class Page(Answer):
    count: int
    next: str | None
    previous: str | None
    results: list[Json]


class Found(Answer):
    results: list[Json]


class HistoryLine(Answer):
    id: str
    memory_id: str
    event: Literal["ADD", "UPDATE", "DELETE"]
    old_memory: str | None
    new_memory: str | None
    created_at: str


class EntityAnswer(Answer):
    id: str
    name: str
    type: str
    total_memories: int
    created_at: str
    updated_at: str


class Ping(Answer):
    status: Literal["ok"]
    org_id: str
    project_id: str
    user_email: str
