"""What mem0's platform has around memories: feedback, exports, events, projects, webhooks."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.filters import SCOPE
from memgraft.core.ids import uuid7
from memgraft.core.records import now
from memgraft.memory import Memory
from memgraft.serve import feedback as opinions
from memgraft.serve import operations, schemas, webhooks, wire
from memgraft.serve.hosted import PROBLEMS, PageNumber, PageSize, Read, Write
from memgraft.serve.server import Access, access
from memgraft.store.base import Document

Admin = Annotated[Access, Depends(access("admin"))]
router = APIRouter(responses=PROBLEMS)

PROJECT, PROFILES, JOB = "project", "profiles", "job"
EXPORTS_KEPT = JOBS_KEPT = 100
# Sentences of a summary.
SUMMARY_LENGTH = 20
ORGANISATION = "/api/v1/orgs/organizations/{organisation}"
PROJECT_PATH = ORGANISATION + "/projects/{project}/"


@router.post("/v1/feedback/", tags=["feedback"])
def feedback(body: schemas.FeedbackBody, access: Write) -> schemas.Done:
    """Keep what somebody thinks of a memory; null takes it back."""
    with access.memory() as memory:
        memory.store.get(body.memory_id)
        if body.feedback is None:
            opinions.forget(memory.store, [body.memory_id])
        else:
            opinions.keep(memory.store, body.memory_id, body.model_dump())
    return schemas.Done.model_validate({"message": "Feedback received", **body.model_dump()})


@router.get("/v1/event/{event_id}/", tags=["events"])
def event(event_id: str, access: Read) -> dict[str, Any]:
    with access.memory() as memory:
        found = memory.store.document(operations.EVENT, event_id)
        if found is None:
            raise NotFound("there is no such event", got=repr(event_id)[:80])
        return _event(memory, found)


@router.get("/v1/events/", tags=["events"])
def events(
    request: Request, access: Read, page: PageNumber = None, page_size: PageSize = None
) -> schemas.Page:
    number, size = page or 1, page_size or operations.DEFAULT_PAGE
    with access.memory() as memory:
        store = memory.store
        found = store.documents(operations.EVENT, size, (number - 1) * size)
        count = store.count_documents(operations.EVENT)
        shown = [_event(memory, one) for one in found]
    return schemas.Page(**wire.page(request.url, shown, count, number, size))


# -- exports and summaries --------------------------------------------------------------------


@router.post("/v1/exports/", status_code=201, tags=["exports"])
def create_export(body: schemas.ExportBody, access: Write) -> schemas.Done:
    """Keep which memories are meant now, to be fetched by the export's id.

    Which, and not what they say: what is deleted must not live on in an export.
    """
    with access.memory() as memory:
        export_id = uuid7()
        kept = {
            "schema": body.schema_,
            "meant": _said(body),
            "ids": [one["id"] for one in _everything(memory, body)],
        }
        memory.store.put_document(operations.EXPORT, export_id, kept, keep=EXPORTS_KEPT)
    message = "Memory export request received. The export is ready."
    answer = {"message": message, "id": export_id, "status": "SUCCEEDED"}
    return schemas.Done.model_validate(answer)


@router.post("/v1/exports/get/", tags=["exports"])
def get_export(body: schemas.ExportGetBody, access: Read) -> dict[str, Any]:
    """An export by its id, or the last that was made with these filters."""
    with access.memory() as memory:
        store = memory.store
        if body.memory_export_id:
            found = store.document(operations.EXPORT, body.memory_export_id)
        else:
            made = store.documents(operations.EXPORT)
            found = next((one for one in made if one.body["meant"] == _said(body)), None)
        if found is None:
            raise NotFound("there is no such export", got=repr(body.memory_export_id)[:80])
        results = operations.known(memory, found.body["ids"])
    return {
        "id": found.id,
        "created_at": found.created_at,
        "schema": found.body["schema"],
        "results": results,
    }


@router.post("/v1/summary/", tags=["exports"])
def summary(body: schemas.SummaryBody, access: Read) -> dict[str, Any]:
    """The newest memories that are meant, one after the other: nothing is made up."""
    with access.memory() as memory:
        texts = [one["memory"].rstrip(".") + "." for one in _everything(memory, body)]
    return {"summary": " ".join(texts[:SUMMARY_LENGTH]), "count": len(texts)}


# -- projects ---------------------------------------------------------------------------------


@router.get(PROJECT_PATH, tags=["project"])
def project(
    organisation: str,
    project: str,
    access: Read,
    fields: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    """The tenant of the key, as a project."""
    _own(access, project)
    with access.memory() as memory:
        shown = _project(memory, access)
    return {name: shown.get(name) for name in fields} if fields and any(fields) else shown


@router.patch(PROJECT_PATH, tags=["project"])
def update_project(
    organisation: str, project: str, body: dict[str, Any], access: Admin
) -> schemas.Done:
    """Keep settings of the project; memgraft shows them again and acts on none of them."""
    _own(access, project)
    with access.memory() as memory:
        old = memory.store.document(PROJECT, PROJECT)
        kept = {**(old.body if old else {}), **{k: v for k, v in body.items() if v is not None}}
        memory.store.put_document(PROJECT, PROJECT, kept)
    return schemas.Done(message="Project updated successfully")


@router.get(PROJECT_PATH + "members/", tags=["project"])
def members(organisation: str, project: str, access: Read) -> dict[str, Any]:
    _own(access, project)
    return {"members": [{"username": access.key.name, "role": "OWNER"}]}


@router.get(ORGANISATION + "/", tags=["project"])
def the_organisation(organisation: str, access: Read) -> dict[str, Any]:
    return {"org_id": organisation, "name": organisation, "projects": [access.project]}


@router.get(ORGANISATION + "/projects/", tags=["project"])
def projects(organisation: str, access: Read) -> list[dict[str, Any]]:
    with access.memory() as memory:
        return [_project(memory, access)]


@router.post(ORGANISATION + "/projects/", tags=["project"])
@router.delete(PROJECT_PATH, tags=["project"])
@router.post(PROJECT_PATH + "members/", tags=["project"])
@router.put(PROJECT_PATH + "members/", tags=["project"])
@router.delete(PROJECT_PATH + "members/", tags=["project"])
def administered_elsewhere(access: Admin) -> schemas.Done:
    """A project is the tenant of a key here, and keys are made where the server runs."""
    raise HTTPException(
        403, "projects and members are tenants and keys here: see `memgraft keys --help`"
    )


# -- webhooks ---------------------------------------------------------------------------------


@router.get("/api/v1/webhooks/projects/{project}/", tags=["webhooks"])
def list_webhooks(project: str, access: Admin) -> list[dict[str, Any]]:
    """For those who make them: their addresses often hold a secret."""
    _own(access, project)
    with access.memory() as memory:
        hooks = memory.store.documents(webhooks.KIND)
    return [webhooks.shown(hook, access.project) for hook in hooks]


@router.post("/api/v1/webhooks/projects/{project}/", status_code=201, tags=["webhooks"])
def create_webhook(project: str, body: schemas.WebhookBody, access: Admin) -> dict[str, Any]:
    """Tell an address what happens from now on."""
    _own(access, project)
    if not body.url:
        raise InvalidInput("a webhook needs a url", expected="https://...", got="none")
    webhooks.checked(body.url, body.event_types)
    kept = {
        "url": body.url,
        "name": body.name or body.url,
        "event_types": body.event_types or list(webhooks.EVENTS),
        "is_active": body.is_active is not False,
        "updated_at": now(),
    }
    with access.memory() as memory:
        document = memory.store.put_document(webhooks.KIND, uuid7(), kept)
    return webhooks.shown(document, access.project)


@router.put("/api/v1/webhooks/{webhook_id}/", tags=["webhooks"])
def update_webhook(webhook_id: str, body: schemas.WebhookBody, access: Admin) -> schemas.Done:
    if body.url is not None or body.event_types is not None:
        webhooks.checked(body.url, body.event_types)
    with access.memory() as memory:
        known = memory.store.document(webhooks.KIND, webhook_id)
        if known is None:
            raise NotFound("there is no such webhook", got=repr(webhook_id)[:80])
        changes = body.model_dump(exclude_none=True) | {"updated_at": now()}
        memory.store.put_document(webhooks.KIND, webhook_id, {**known.body, **changes})
    return schemas.Done(message="Webhook updated successfully")


@router.delete("/api/v1/webhooks/{webhook_id}/", tags=["webhooks"])
def delete_webhook(webhook_id: str, access: Admin) -> schemas.Done:
    with access.memory() as memory:
        if not memory.store.delete_document(webhooks.KIND, webhook_id):
            raise NotFound("there is no such webhook", got=repr(webhook_id)[:80])
    return schemas.Done(message="Webhook deleted successfully")


# -- profiles ---------------------------------------------------------------------------------


@router.get("/v2/entities/user/{name:path}/profile/", tags=["profiles"])
def profile(name: str, access: Read) -> dict[str, Any]:
    """What is known of somebody: their memories, newest first, by category."""
    with access.memory() as memory:
        known = operations.entity(memory, "user", name)
        memories = _everything(memory, schemas.SummaryBody(user_id=known["name"]))
    return {
        "profile": {"memories": [one["memory"] for one in memories]},
        "status": "succeeded",
        "entity_type": "user",
        "entity_id": known["name"],
        "updated_at": known["updated_at"],
        "generation_count": 1,
    }


@router.get("/v2/profiles/settings/", tags=["profiles"])
def profile_settings(access: Read) -> dict[str, Any]:
    with access.memory() as memory:
        return _profile_settings(memory)


@router.post("/v2/profiles/settings/", tags=["profiles"])
def update_profile_settings(body: schemas.ProfileSettings, access: Admin) -> dict[str, Any]:
    """Keep settings; a profile is what is known, so nothing depends on them."""
    with access.memory() as memory:
        kept = {**_profile_settings(memory), **body.model_dump(exclude_none=True)}
        memory.store.put_document(PROFILES, PROFILES, kept)
    return kept


@router.post("/v2/profiles/jobs/", tags=["profiles"])
def start_profile_job(body: schemas.ProfileJob, access: Write) -> dict[str, Any]:
    """Profiles are always up to date, so a job is done when it is asked for."""
    with access.memory() as memory:
        names = [one["name"] for one in operations.entities(memory, body.entity_type)]
        if body.operation == "trigger":
            names = [name for name in names if name == body.entity_id]
        names = names[: body.limit]
        job_id = uuid7()
        job = {
            "id": job_id,
            "operation": body.operation,
            "entity_type": body.entity_type,
            "status": "succeeded",
            "total": len(names),
            "enumeration_complete": True,
            "completed": len(names),
            "succeeded": len(names),
            "failed": 0,
            "skipped": 0,
        }
        memory.store.put_document(JOB, job_id, job, keep=JOBS_KEPT)
    return {
        "job_id": job_id,
        "status": "succeeded",
        "status_url": f"/v2/profiles/jobs/{job_id}/",
        "operation": body.operation,
        "entity_type": body.entity_type,
        "entity_count_reserved": len(names),
        "event_id": job_id,
        "replayed": False,
        "sampled": len(names),
        "entity_ids": names,
    }


@router.get("/v2/profiles/jobs/{job_id}/", tags=["profiles"])
def profile_job(job_id: str, access: Read) -> dict[str, Any]:
    with access.memory() as memory:
        found = memory.store.document(JOB, job_id)
    if found is None:
        raise NotFound("there is no such job", got=repr(job_id)[:80])
    return {"job": found.body}


# ---------------------------------------------------------------------------------------------


def _said(body: schemas.ExportBody | schemas.ExportGetBody) -> dict[str, Any]:
    """Whose memories an export is of, in the words of the request."""
    ids = body.model_dump(include=set(SCOPE), exclude_none=True)
    return {**ids, "filters": body.filters or {}}


def _everything(
    memory: Memory, body: schemas.ExportBody | schemas.SummaryBody
) -> list[dict[str, Any]]:
    """All memories that are meant, newest first."""
    ids = body.model_dump(include=set(SCOPE))
    asked = schemas.ListBody(filters=body.filters, **ids)
    return operations.everything(memory, asked)


def _profile_settings(memory: Memory) -> dict[str, Any]:
    kept = memory.store.document(PROFILES, PROFILES)
    return kept.body if kept else {"enabled": True, "entities": {"user": {}}}


def _own(access: Access, project: str) -> None:
    """A key knows its own project only."""
    if project != access.project:
        raise NotFound("there is no such project", expected=access.project, got=repr(project)[:80])


def _project(memory: Memory, access: Access) -> dict[str, Any]:
    kept = memory.store.document(PROJECT, PROJECT)
    return {
        "custom_instructions": None,
        "custom_categories": None,
        **(kept.body if kept else {}),
        "id": access.project,
        "project_id": access.project,
        "name": access.project,
    }


def _event(memory: Memory, document: Document) -> dict[str, Any]:
    """With what its memories say now; of those that are gone, only their ids."""
    body = {**document.body}
    texts = {one["id"]: one["memory"] for one in operations.known(memory, body["ids"])}
    events = zip(body.pop("ids"), body.pop("events"), strict=True)
    body["results"] = [
        {"id": memory_id, "event": event, "memory": texts.get(memory_id)}
        for memory_id, event in events
    ]
    return {
        "id": document.id,
        "event_id": document.id,
        "created_at": document.created_at,
        "updated_at": document.created_at,
        **body,
    }
