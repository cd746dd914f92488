"""A memory as tools of the Model Context Protocol, with the names of mem0's own server."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from memgraft import __version__
from memgraft.core.errors import InvalidInput, MemgraftError, MissingExtra, NotFound
from memgraft.core.filters import Test
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.memory import Memory
from memgraft.serve import feedback
from memgraft.serve.filters import meant
from memgraft.serve.mcp_shapes import (
    Added,
    AddedAll,
    AgentId,
    AppId,
    Deleted,
    Filters,
    Found,
    Happened,
    History,
    Memo,
    MemoryId,
    Message,
    Metadata,
    Owners,
    Page,
    RunId,
    UserId,
)
from memgraft.serve.settings import is_loopback

try:
    import anyio
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.server.transport_security import TransportSecuritySettings
    from mcp.types import ToolAnnotations
    from pydantic import Field
except ImportError as error:
    raise MissingExtra("the MCP server", "mcp") from error

P = ParamSpec("P")
R = TypeVar("R")

INSTRUCTIONS = (
    "Long-term memory. Search it before answering what depends on the person, and add what is "
    "worth knowing in later conversations. Where a call names no user, agent or run, it is about "
    "the memories of {user}."
)
PATH = "/mcp"
# Seconds that a call may take to end when the process is asked to.
_PATIENCE = 5.0
_WHOSE = ("user_id", "agent_id", "run_id")


def _told(tool: Callable[P, R]) -> Callable[P, R]:
    """One call at a time, since a `Memory` is one thread's; its errors as errors of the tool."""

    @wraps(tool)
    def called(*arguments: P.args, **named: P.kwargs) -> R:
        tools = arguments[0]
        assert isinstance(tools, Tools)
        with tools.lock:
            try:
                return tool(*arguments, **named)
            except MemgraftError as error:
                raise ToolError(str(error)) from error

    return called


class Tools:
    """What a model may do with a memory; the docstrings are what it is told.

    Args:
        memory: the SDK calls from several threads; only one at a time gets here.
        user: whose memories, where a call names no user, agent or run.
    """

    def __init__(self, memory: Memory, user: str) -> None:
        self.lock = threading.Lock()
        self._memory = memory
        self.user = user

    @_told
    def add_memory(
        self,
        text: Annotated[
            str | None, Field(description="One fact or preference, as a plain sentence.")
        ] = None,
        messages: Annotated[
            list[Message] | None,
            Field(description="A conversation; the facts that its user states are kept."),
        ] = None,
        user_id: UserId = None,
        agent_id: AgentId = None,
        app_id: AppId = None,
        run_id: RunId = None,
        metadata: Metadata = None,
        infer: Annotated[
            bool, Field(description="False keeps every message as it is, not the facts in it.")
        ] = True,
    ) -> AddedAll:
        """Remember a fact, a preference or the facts in a conversation.

        With both, the text is kept if the conversation states no fact.
        """
        ids: dict[str, Any] = self._scope(user_id, agent_id, app_id, run_id).given()
        said = [*messages] if messages else None
        if said is None and text is None:
            raise InvalidInput("there is nothing to remember", expected="text or messages")
        results: list[dict[str, Any]] = []
        if said is not None:
            added = self._memory.add([{**m} for m in said], **ids, metadata=metadata, infer=infer)
            results = added["results"]
        if not results and text is not None:
            results = self._memory.add(text, **ids, metadata=metadata)["results"]
        return {"results": [_picked(Added, one) for one in results]}

    @_told
    def search_memories(
        self,
        query: Annotated[str, Field(description="What to find, in plain words.")],
        filters: Filters = None,
        limit: Annotated[int | None, Field(description="How many at most; 10 by default.")] = None,
        threshold: Annotated[
            float, Field(description="The least score, from 0 to 1.", ge=0, le=1)
        ] = 0.0,
        user_id: UserId = None,
        agent_id: AgentId = None,
        app_id: AppId = None,
        run_id: RunId = None,
    ) -> Found:
        """Find the memories that have to do with a query, best first, with scores from 0 to 1."""
        scope, test = self._meant(filters, _named(user_id, agent_id, app_id, run_id))
        ids: dict[str, Any] = scope.given()
        found = self._memory.search(
            query,
            **ids,
            limit=10 if limit is None else limit,
            accepts=test,
            threshold=threshold,
        )
        return {"results": [_picked(Memo, one) for one in found["results"]]}

    @_told
    def get_memories(
        self,
        filters: Filters = None,
        page: Annotated[int | None, Field(description="From 1, which it is by default.")] = None,
        page_size: Annotated[
            int | None, Field(description="Memories to a page; 10 by default, at most 200.")
        ] = None,
        user_id: UserId = None,
        agent_id: AgentId = None,
        app_id: AppId = None,
        run_id: RunId = None,
    ) -> Page:
        """List memories page by page, newest first."""
        number = _within("page", page, 1, 1_000_000_000)
        size = _within("page_size", page_size, 10, 200)
        offset = (number - 1) * size
        scope, test = self._meant(filters, _named(user_id, agent_id, app_id, run_id))
        store = self._memory.store
        if test is None:
            count, records = store.count(scope), store.list(scope, size, offset, newest=True)
        else:
            fitting = [record for record in store.list(scope, newest=True) if test(record)]
            count, records = len(fitting), fitting[offset : offset + size]
        shown = [_memo(record) for record in records]
        return {"count": count, "page": number, "page_size": size, "results": shown}

    @_told
    def get_memory(self, memory_id: MemoryId) -> Memo:
        """Read one memory by its id."""
        return _picked(Memo, self._memory.get(memory_id))

    @_told
    def update_memory(
        self,
        memory_id: MemoryId,
        text: Annotated[str | None, Field(description="What it says from now on.")] = None,
        metadata: Metadata = None,
    ) -> Memo:
        """Change the text of a memory, its metadata, or both."""
        if text is None and metadata is None:
            raise InvalidInput("there is nothing to change", expected="text or metadata")
        return _picked(Memo, self._memory.update(memory_id, text, metadata=metadata))

    @_told
    def delete_memory(self, memory_id: MemoryId) -> Deleted:
        """Forget one memory."""
        self._memory.delete(memory_id)
        return self._gone([memory_id])

    @_told
    def delete_all_memories(
        self,
        user_id: UserId = None,
        agent_id: AgentId = None,
        app_id: AppId = None,
        run_id: RunId = None,
    ) -> Deleted:
        """Forget every memory that belongs to all of these; without any, to the default user."""
        ids = self._scope(user_id, agent_id, app_id, run_id).given()
        return self._gone(self._memory.delete_all(**ids)["ids"])

    @_told
    def delete_entities(
        self,
        user_id: UserId = None,
        agent_id: AgentId = None,
        app_id: AppId = None,
        run_id: RunId = None,
    ) -> Deleted:
        """Forget every memory of each user, agent, app and run that is named here."""
        named = _named(user_id, agent_id, app_id, run_id).given()
        if not named:
            raise InvalidInput(
                "nobody is named", expected="user_id, agent_id, app_id or run_id", got="none"
            )
        gone = [
            record_id
            for name, value in named.items()
            for record_id in self._memory.delete_all(**{name: value})["ids"]
        ]
        return self._gone(gone)

    @_told
    def list_entities(self) -> Owners:
        """Which users, agents, apps and runs there are memories of."""
        found = self._memory.store.entities()
        return {
            "results": [
                {
                    "type": one.kind,
                    "name": one.name,
                    "total_memories": one.total,
                    "created_at": one.created_at,
                    "updated_at": one.updated_at,
                }
                for one in found
            ]
        }

    @_told
    def memory_history(self, memory_id: MemoryId) -> History:
        """What happened to a memory and to those that it replaced, oldest first."""
        events = self._memory.history(memory_id)
        if not events:
            raise NotFound("there is no such memory", got=repr(memory_id))
        return {"results": [_picked(Happened, event) for event in events]}

    def _gone(self, ids: list[str]) -> Deleted:
        """What was deleted; what a server keeps of opinions on it goes, too."""
        feedback.forget(self._memory.store, ids)
        return {"deleted": len(ids), "ids": ids}

    def _scope(self, *ids: str | None) -> Scope:
        """The ids that a call names; an app alone does not say whose a memory is."""
        given = _named(*ids)
        if _says_whose(given.given()):
            return given
        return Scope(self.user, app_id=given.app_id)

    def _meant(self, filters: dict[str, Any] | None, named: Scope) -> tuple[Scope, Test | None]:
        """Filters and ids together; where neither tells whose, it is the default user."""
        scope = named if _says_whose(filters) else self._scope(*vars(named).values())
        return meant({"AND": [part for part in (filters, scope.given()) if part]})


# What a client may want to ask its person about first.
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_DESTROYS = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)


def make_server(tools: Tools) -> MCPServer:
    """A server with these tools. Which transport it speaks is up to the caller."""
    server: MCPServer = MCPServer(
        "memgraft",
        instructions=INSTRUCTIONS.format(user=tools.user),
        version=__version__,
        log_level="WARNING",
    )
    for tool, hints in (
        (tools.add_memory, _WRITES),
        (tools.search_memories, _READS),
        (tools.get_memories, _READS),
        (tools.get_memory, _READS),
        (tools.update_memory, _DESTROYS),
        (tools.delete_memory, _DESTROYS),
        (tools.delete_all_memories, _DESTROYS),
        (tools.delete_entities, _DESTROYS),
        (tools.list_entities, _READS),
        (tools.memory_history, _READS),
    ):
        server.add_tool(tool, annotations=hints, structured_output=True)
    return server


def serve_stdio(memory: Memory, user: str) -> None:
    """Speak with the one client that started this process, until it hangs up or a signal comes."""
    tools = Tools(memory, user)

    def leave(number: int, frame: object) -> None:
        # The SDK waits for the client's next line in a thread that cannot be woken.
        if tools.lock.acquire(timeout=_PATIENCE):  # else a call is still inside the memory
            memory.close()
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    make_server(tools).run("stdio")


def serve_http(memory: Memory, user: str, host: str, port: int) -> None:
    """Serve streamable HTTP at `/mcp`, until interrupted.

    Raises:
        InvalidInput: another computer could reach the address, or it cannot be had.
    """
    check_host(host)
    names = [f"{name}:*" for name in dict.fromkeys((_shown(host), "127.0.0.1", "localhost"))]
    # A page in a browser must not reach this server under a name that leads here.
    guard = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
    )
    app = make_server(Tools(memory, user)).streamable_http_app(
        host=host, streamable_http_path=PATH, transport_security=guard
    )
    with _bound(host, port) as bound:
        address = f"http://{_shown(host)}:{bound.getsockname()[1]}{PATH}"
        print(f"memgraft: MCP at {address}", file=sys.stderr, flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        anyio.run(server.serve, [bound])


def check_host(host: str) -> None:
    """`InvalidInput` for an address that other computers reach."""
    if not is_loopback(host):
        raise InvalidInput(
            "the MCP server has no keys, so that it serves this computer only",
            expected="127.0.0.1, ::1 or localhost",
            got=host,
            next_step="reach it from elsewhere through ssh -L, or run memgraft serve with a key",
        )


def _bound(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family)
    except OSError as error:
        raise InvalidInput(
            f"cannot listen at {_shown(host)}:{port}",
            got=error.strerror or str(error),
            next_step="name another --port",
        ) from error


def _shown(host: str) -> str:
    name = host.strip("[]")
    return f"[{name}]" if ":" in name else name


def _memo(record: Record) -> Memo:
    return _picked(Memo, {**vars(record), **record.scope.given(), "memory": record.text})


def _picked(kind: Any, values: dict[str, Any]) -> Any:
    """The values that such a dictionary has; nothing is said of what there is not."""
    return {name: values[name] for name in kind.__annotations__ if values.get(name) is not None}


def _named(*ids: str | None) -> Scope:
    """The ids of a call; models fill in empty ones for those that they do not know."""
    return Scope(*(given or None for given in ids))


def _says_whose(filters: Any) -> bool:
    """True where all that passes the filters is of a user, agent or run that they name.

    Whom they exclude says nothing of whose the rest is, and each part of an OR must say it.
    """
    if not isinstance(filters, dict):
        return False
    either = _parts(filters, "OR")
    return (
        any(_names(filters.get(name)) for name in _WHOSE)
        or any(map(_says_whose, _parts(filters, "AND")))
        or (bool(either) and all(map(_says_whose, either)))
    )


def _names(value: Any) -> bool:
    if isinstance(value, dict):
        return not value.keys() <= {"ne", "nin"}
    return value is not None


def _parts(filters: dict[str, Any], word: str) -> list[Any]:
    given = filters.get(word, [])
    return given if isinstance(given, list) else [given]


def _within(name: str, given: int | None, default: int, most: int) -> int:
    value = default if given is None else given
    if not 1 <= value <= most:
        raise InvalidInput(f"{name} cannot be used", expected=f"1 to {most:,}", got=str(value))
    return value
