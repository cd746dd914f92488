"""The routes of mem0's self-hosted server: no version, no slash at the end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from memgraft.core.errors import InvalidInput
from memgraft.core.filters import SCOPE
from memgraft.serve import operations, schemas, wire
from memgraft.serve.hosted import PROBLEMS, Read, Write
from memgraft.serve.platform import Admin

router = APIRouter(responses=PROBLEMS, tags=["self-hosted"])


@router.post("/memories")
def add(body: schemas.AddBody, access: Write) -> schemas.AddAnswer:
    with access.memory() as memory:
        return schemas.AddAnswer(**operations.add(memory, body))


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


@router.delete(
    "/memories",
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
            for name in SCOPE
        ]
    },
)
def delete_all(request: Request, access: Write) -> schemas.Done:
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    with access.memory() as memory:
        return schemas.Done(**operations.delete_meant(memory, query))


@router.get("/memories/{memory_id}")
def get(memory_id: str, access: Read) -> schemas.MemoryAnswer:
    with access.memory() as memory:
        return schemas.MemoryAnswer(**wire.memory(memory.get(memory_id)))


@router.put("/memories/{memory_id}")
def update(memory_id: str, body: schemas.UpdateBody, access: Write) -> schemas.MemoryAnswer:
    with access.memory() as memory:
        return schemas.MemoryAnswer(**operations.update(memory, memory_id, body))


@router.delete("/memories/{memory_id}")
def delete(memory_id: str, access: Write) -> schemas.Done:
    with access.memory() as memory:
        return schemas.Done(**operations.delete(memory, memory_id))


@router.get("/memories/{memory_id}/history")
def history(memory_id: str, access: Read) -> list[schemas.HistoryLine]:
    with access.memory() as memory:
        return [schemas.HistoryLine(**line) for line in operations.history(memory, memory_id)]


@router.post("/search")
def search(body: schemas.SearchBody, access: Read) -> schemas.Found:
    with access.memory() as memory:
        return schemas.Found(results=operations.found(memory, body))


@router.post("/reset")
def reset(access: Admin) -> schemas.Done:
    """Drop every memory of this tenant, with all history."""
    with access.memory() as memory:
        memory.reset()
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
