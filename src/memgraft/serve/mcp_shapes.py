"""What the tools of the MCP server take and give, in the words that a model reads."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from memgraft.core.errors import MissingExtra

try:
    from pydantic import Field
    from typing_extensions import TypedDict
except ImportError as error:
    raise MissingExtra("the MCP server", "mcp") from error

UserId = Annotated[str | None, Field(description="The user whose memory is meant.")]
AgentId = Annotated[str | None, Field(description="The agent whose memory is meant.")]
AppId = Annotated[str | None, Field(description="The app whose memory is meant.")]
RunId = Annotated[str | None, Field(description="The run or session whose memory is meant.")]
MemoryId = Annotated[str, Field(description="The id of the memory.")]
Metadata = Annotated[dict[str, Any] | None, Field(description="Any JSON object to keep with it.")]
Filters = Annotated[
    dict[str, Any] | None,
    Field(
        description='Which memories, such as {"AND": [{"user_id": "alex"}, {"created_at": {"gte": '
        '"2026-01-31"}}]}. Keys: user_id, agent_id, app_id, run_id, created_at, updated_at, '
        "categories, metadata, keywords, memory_ids, AND, OR, NOT. Operators: eq, ne, in, nin, "
        'gt, gte, lt, lte, contains, icontains; "*" is any value.'
    ),
]


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Memo(TypedDict):
    """A memory, as search and listing show it."""

    id: str
    memory: str
    user_id: NotRequired[str]
    agent_id: NotRequired[str]
    app_id: NotRequired[str]
    run_id: NotRequired[str]
    metadata: dict[str, Any]
    categories: list[Any]
    created_at: str
    updated_at: str
    expires_at: NotRequired[str]
    version: int
    score: NotRequired[float]


class Added(TypedDict):
    """What became of one fact: ADD, UPDATE (it replaces another one) or NONE (known already)."""

    id: str
    memory: str
    event: str
    previous_memory: NotRequired[str]


class AddedAll(TypedDict):
    results: list[Added]


class Found(TypedDict):
    results: list[Memo]


class Page(TypedDict):
    """`count` are all that fit, on whichever page."""

    count: int
    page: int
    page_size: int
    results: list[Memo]


class Deleted(TypedDict):
    deleted: int
    ids: list[str]


class Owner(TypedDict):
    """A user, agent, app or run, and how many live memories it has."""

    type: str
    name: str
    total_memories: int
    created_at: str
    updated_at: str


class Owners(TypedDict):
    results: list[Owner]


class Happened(TypedDict):
    """A line of history: ADD, UPDATE or DELETE."""

    memory_id: str
    event: str
    old_memory: NotRequired[str]
    new_memory: NotRequired[str]
    created_at: str
    reason: NotRequired[str]


class History(TypedDict):
    results: list[Happened]
