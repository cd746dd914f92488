"""The routes of mem0's self-hosted server: no version, no slash at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from memgraft.core.errors import InvalidInput
from memgraft.serve import hosted, operations, schemas
from memgraft.serve.expired import Expired
from memgraft.serve.hosted import PROBLEMS, Read
from memgraft.serve.platform import Admin

router = APIRouter(responses=PROBLEMS, tags=["self-hosted"])


# What both kinds of server do alike.
_ALIKE: tuple[tuple[str, str, Callable[..., Any], Any], ...] = (
    ("POST", "/memories", hosted.add, schemas.AddAnswer),
    ("GET", "/memories/{memory_id}", hosted.get, schemas.MemoryAnswer),
    ("PUT", "/memories/{memory_id}", hosted.update, schemas.MemoryAnswer),
    ("DELETE", "/memories/{memory_id}", hosted.delete, schemas.Done),
    ("GET", "/memories/{memory_id}/history", hosted.history, list[schemas.HistoryLine]),
)
for method, path, does, answer in _ALIKE:
    router.add_api_route(path, does, methods=[method], response_model=answer)
router.add_api_route(
    "/memories", hosted.delete_all, methods=["DELETE"], openapi_extra=hosted.SCOPE_OR_FILTERS
)


@router.get("/memories")
def list_memories(
    request: Request,
    access: Read,
    user_id: schemas.QueryId | None = None,
    agent_id: schemas.QueryId | None = None,
    run_id: schemas.QueryId | None = None,
    app_id: schemas.QueryId | None = None,
    top_k: Annotated[int, Query(ge=1, le=schemas.LARGEST_PAGE)] = operations.DEFAULT_PAGE,
    show_expired: bool = False,
) -> schemas.Found:
    body = schemas.ListBody(
        user_id=user_id or None, agent_id=agent_id or None, run_id=run_id or None,
        app_id=app_id or None, page=1, page_size=top_k, show_expired=show_expired,
    )  # fmt: skip
    with access.memory() as memory:
        return schemas.Found(results=operations.listed(memory, body, request.url)["results"])


@router.post("/search", response_model=schemas.Found)
def search(body: schemas.SelfHostedSearchBody, access: Read) -> Response:
    """The memories that have to do with a query, best first; with `show_expired`, also those that
    expired."""
    with access.memory() as memory:
        found = operations.found(memory, body)
        if body.show_expired:
            past = Expired(memory.store, access.server.encoder)
            found = sorted([*found, *operations.found(past, body)], key=lambda one: -one["score"])
    most = body.top_k or body.limit or operations.DEFAULT_FOUND
    return hosted.written(schemas.Found(results=found[:most]))


@router.post("/reset")
def reset(access: Admin) -> schemas.Done:
    """Drop every memory of this tenant, with all history."""
    with access.memory() as memory:
        operations.reset(memory)
    return schemas.Done(message="All memories reset")


@router.get("/entities")
def entities(access: Read) -> list[schemas.EntityAnswer]:
    with access.memory() as memory:
        return [schemas.EntityAnswer(**one) for one in operations.entities(memory)]


@router.get("/configure")
def configuration(access: Read) -> dict[str, Any]:
    """What the server runs on."""
    with access.memory() as memory:
        stats = memory.stats()
    settings = access.server.settings
    return {"home": settings.home, "memories": stats["memories"], "homes": stats["homes"]}


@router.get("/configure/providers")
def providers(access: Read) -> dict[str, Any]:
    return {"llm": [], "embedder": ["memgraft"], "vector_store": ["memgraft"]}


@router.post("/configure")
def configure(body: dict[str, Any], access: Admin) -> schemas.Done:
    """Refused: what a server runs on is said when it is started."""
    raise InvalidInput(
        "a running server cannot be configured",
        expected="options of `memgraft serve`, or MEMGRAFT_* variables",
        got=", ".join(map(str, body))[:80] or "nothing",
    )
