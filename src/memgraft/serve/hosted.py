"""mem0's hosted routes, in the shapes of each version; every path ends in a slash."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.filters import SCOPE
from memgraft.memory import Memory
from memgraft.serve import operations, schemas, wire
from memgraft.serve.server import Access, access
from memgraft.store.base import EntityKind

Read = Annotated[Access, Depends(access("read"))]
Write = Annotated[Access, Depends(access("write"))]
PageNumber = Annotated[int | None, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int | None, Query(ge=1, le=schemas.LARGEST_PAGE)]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.Problem} for code in (400, 401, 403, 404, 408, 409, 413, 422, 429, 503)
}
# Of routes that read the query string themselves, to refuse what they do not know.
SCOPE_OR_FILTERS: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in (*SCOPE, "filters")
    ]
}
router = APIRouter(responses=PROBLEMS)
# Their paths take in others, which must be asked before.
by_name = APIRouter(responses=PROBLEMS)


def written(answer: schemas.Answer) -> Response:
    """An answer, written by the thread that made it: FastAPI would take another one for that."""
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/v1/ping/", tags=["memories"])
def ping(access: Read) -> schemas.Ping:
    """Is the key good? Every client asks this first."""
    return schemas.Ping(
        status="ok", org_id="memgraft", project_id=access.project, user_email="local@memgraft"
    )


# -- adding -----------------------------------------------------------------------------------


@router.post("/v3/memories/add/", tags=["memories"], response_model=schemas.AddAnswer)
@router.post("/v1/memories/", tags=["memories"], response_model=schemas.AddAnswer)
def add(body: schemas.AddBody, access: Write) -> Response:
    """Remember the facts in messages, or the messages as they are with `infer: false`."""
    facts = access.server.facts(body)
    with access.memory() as memory:
        answer = operations.add(memory, body, facts)
        for event, name in (("ADD", "memory_add"), ("UPDATE", "memory_update")):
            results = [one for one in answer["results"] if one["event"] == event]
            access.server.webhooks.tell(memory.store, name, results)
    return written(schemas.AddAnswer(**answer))


# -- listing ----------------------------------------------------------------------------------


@router.post("/v3/memories/", tags=["memories"])
@router.post("/v2/memories/", tags=["memories"])
def list_memories(
    request: Request,
    body: schemas.ListBody,
    access: Read,
    page: PageNumber = None,
    page_size: PageSize = None,
) -> schemas.Page:
    """One page of memories, newest first."""
    asked = body.model_copy(
        update={"page": page or body.page, "page_size": page_size or body.page_size}
    )
    with access.memory() as memory:
        return schemas.Page(**operations.listed(memory, asked, request.url))


@router.get("/v1/memories/", tags=["memories"])
def list_memories_v1(
    request: Request,
    access: Read,
    user_id: schemas.QueryId | None = None,
    agent_id: schemas.QueryId | None = None,
    app_id: schemas.QueryId | None = None,
    run_id: schemas.QueryId | None = None,
    page: PageNumber = None,
    page_size: PageSize = None,
    categories: Annotated[list[str] | None, Query()] = None,
) -> list[schemas.MemoryAnswer] | schemas.Page:
    """A bare list of all, or a page where both its number and its size are given."""
    body = schemas.ListBody(
        user_id=user_id or None, agent_id=agent_id or None, app_id=app_id or None,
        run_id=run_id or None, page=page, page_size=page_size, categories=categories,
    )  # fmt: skip
    with access.memory() as memory:
        if page is None and page_size is None:
            return [schemas.MemoryAnswer(**one) for one in operations.everything(memory, body)]
        answer = operations.listed(memory, body, request.url)
    if page is not None and page_size is not None:
        return schemas.Page(**answer)
    return [schemas.MemoryAnswer(**one) for one in answer["results"]]


# -- searching --------------------------------------------------------------------------------


@router.post("/v3/memories/search/", tags=["memories"], response_model=schemas.Found)
@router.post("/v2/memories/search/", tags=["memories"], response_model=schemas.Found)
def search(body: schemas.SearchBody, access: Read) -> Response:
    """The memories that have to do with a query, best first; scores are from 0 to 1."""
    with access.memory() as memory:
        found = operations.found(memory, body)
    return written(schemas.Found(results=found))


@router.post("/v1/memories/search/", tags=["memories"])
def search_v1(body: schemas.SearchBody, access: Read) -> list[dict[str, Any]]:
    """The same as a bare list."""
    with access.memory() as memory:
        return operations.found(memory, body)


# -- one memory -------------------------------------------------------------------------------


@router.get("/v1/memories/{memory_id}/", tags=["memories"])
def get(memory_id: str, access: Read) -> schemas.MemoryAnswer:
    with access.memory() as memory:
        return schemas.MemoryAnswer(**wire.memory(memory.get(memory_id)))


@router.put("/v1/memories/{memory_id}/", tags=["memories"])
def update(memory_id: str, body: schemas.UpdateBody, access: Write) -> schemas.MemoryAnswer:
    """Change what is given; `expiration_date: null` lets it never expire."""
    with access.memory() as memory:
        shown = operations.update(memory, memory_id, body)
        access.server.webhooks.tell(memory.store, "memory_update", [shown])
    return schemas.MemoryAnswer(**shown)


@router.delete("/v1/memories/{memory_id}/", tags=["memories"])
def delete(memory_id: str, access: Write, delete_linked: bool = False) -> schemas.Done:
    """Delete it; with `delete_linked`, also those that it took the place of."""
    with access.memory() as memory:
        ids = _with_superseded(memory, memory_id) if delete_linked else [memory_id]
        operations.delete_together(memory, ids)
        tell_deleted(access, memory, ids)
    return schemas.Done(message="Memory deleted successfully!")


def _with_superseded(memory: Memory, memory_id: str) -> list[str]:
    """A memory, the one whose place it took, and so on, as far as they are still there."""
    found: list[str] = []
    current: str | None = memory_id
    with contextlib.suppress(NotFound):
        while current is not None and current not in found:
            older = memory.store.get(current).supersedes
            found.append(current)
            current = older
    return found or [memory_id]


@router.get("/v1/memories/{memory_id}/history/", tags=["memories"])
def history(memory_id: str, access: Read) -> list[schemas.HistoryLine]:
    """What happened to it and to those that it took the place of, oldest first."""
    with access.memory() as memory:
        return [schemas.HistoryLine(**line) for line in operations.history(memory, memory_id)]


# -- many memories ----------------------------------------------------------------------------


@router.delete(
    "/v1/memories/",
    tags=["memories"],
    openapi_extra=SCOPE_OR_FILTERS,
)
def delete_all(request: Request, access: Write) -> schemas.Done:
    """Delete all memories of a scope, or those that filters mean; without either it is refused."""
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    with access.memory() as memory:
        deleted = operations.delete_meant(memory, query)
        tell_deleted(access, memory, deleted)
    return schemas.Done(message="Memories deleted successfully!")


@router.put("/v1/batch/", tags=["batch"])
def batch_update(body: schemas.BatchBody, access: Write) -> schemas.Done:
    """All of them are changed, or none is."""
    changes = [(item.memory_id, _change(item)) for item in body.memories]
    with access.memory() as memory:
        shown = operations.update_together(memory, changes)
        access.server.webhooks.tell(memory.store, "memory_update", shown)
    return schemas.Done(message=f"Successfully updated {len(body.memories)} memories")


@router.delete("/v1/batch/", tags=["batch"])
def batch_delete(body: schemas.BatchBody, access: Write) -> schemas.Done:
    """All of them are deleted, or none is."""
    ids = list(dict.fromkeys(item.memory_id for item in body.memories))
    with access.memory() as memory:
        operations.delete_together(memory, ids)
        tell_deleted(access, memory, ids)
    return schemas.Done(message=f"Successfully deleted {len(ids)} memories")


def _change(item: schemas.BatchItem) -> schemas.UpdateBody:
    if item.text is None and item.metadata is None:
        raise InvalidInput("nothing to update", expected="text or metadata", got=item.memory_id)
    return schemas.UpdateBody(**item.model_dump(exclude={"memory_id"}, exclude_unset=True))


# -- entities ---------------------------------------------------------------------------------


@router.get("/v1/entities/", tags=["entities"])
def entities(
    request: Request, access: Read, page: PageNumber = None, page_size: PageSize = None
) -> schemas.Page:
    """Whom memories belong to; all of them where no page is asked for."""
    with access.memory() as memory:
        everybody = operations.entities(memory)
    if page is None and page_size is None:
        return schemas.Page(count=len(everybody), next=None, previous=None, results=everybody)
    number, size = page or 1, page_size or operations.DEFAULT_PAGE
    some = everybody[(number - 1) * size : number * size]
    return schemas.Page(**wire.page(request.url, some, len(everybody), number, size))


@by_name.get("/v1/entities/{kind}/{name:path}/", tags=["entities"])
@by_name.get("/v2/entities/{kind}/{name:path}/", tags=["entities"])
def entity(kind: EntityKind, name: str, access: Read) -> schemas.EntityAnswer:
    with access.memory() as memory:
        return schemas.EntityAnswer(**operations.entity(memory, kind, name))


@by_name.delete("/v1/entities/{kind}/{name:path}/", tags=["entities"])
@by_name.delete("/v2/entities/{kind}/{name:path}/", tags=["entities"])
def delete_entity(kind: EntityKind, name: str, access: Write) -> schemas.Done:
    """Delete all memories of somebody."""
    with access.memory() as memory:
        tell_deleted(access, memory, operations.delete_entity(memory, kind, name))
    return schemas.Done(message="Entity deleted successfully!")


def tell_deleted(access: Access, memory: Memory, ids: Iterable[str]) -> None:
    """To those who listen."""
    gone = [{"id": memory_id} for memory_id in ids]
    access.server.webhooks.tell(memory.store, "memory_delete", gone)
