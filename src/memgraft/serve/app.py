"""The application: routes, and errors as mem0's clients read them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from memgraft.core.errors import (
    Conflict,
    FolderError,
    InvalidInput,
    MemgraftError,
    NotFound,
    StoreError,
)
from memgraft.serve import hosted, observe, platform, selfhosted
from memgraft.serve.guard import Guard
from memgraft.serve.server import Server, known_key
from memgraft.serve.settings import ServeSettings, from_environment

log = logging.getLogger(__name__)

# The nearest status for each kind of error; the first that fits.
_STATUS: tuple[tuple[type[MemgraftError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (InvalidInput, 400),
    (StoreError, 503),
    (FolderError, 503),
)
_BAD_JSON = "json_invalid"


def create_worker() -> FastAPI:
    """What a process of `memgraft serve` runs: settings from the environment, its log as JSON."""
    settings = from_environment()
    observe.log_as_json(settings.log_level)
    return create_app(settings)


def create_app(settings: ServeSettings) -> FastAPI:
    """The server as an ASGI application."""
    server = Server(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(server.ready)
        yield
        await run_in_threadpool(server.close)

    app = FastAPI(title="memgraft", summary="Long-term memory, as mem0's clients know it.",
                  lifespan=lifespan, redirect_slashes=False)  # fmt: skip
    app.state.server = server
    # In this order they are looked through: adding and searching are what is asked most, and
    # /v2/entities/{kind}/{name}/ would take the profile of a user for a name.
    for router in (hosted.router, platform.router, hosted.by_name, selfhosted.router):
        app.include_router(router)
    _add_upkeep(app, server)
    app.add_exception_handler(MemgraftError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(
        Guard,
        max_body=settings.max_body,
        patience=settings.patience,
        is_open=lambda: not server.keys.needed(),
    )
    app.add_middleware(observe.Observe)
    return app


def _add_upkeep(app: FastAPI, server: Server) -> None:
    @app.get("/health", tags=["upkeep"])
    async def health() -> dict[str, str]:
        """Is the process there?"""
        return {"status": "ok"}

    @app.get("/ready", tags=["upkeep"], responses={503: {"description": "not yet"}})
    def ready() -> dict[str, str]:
        """Does the store answer?"""
        server.check()
        return {"status": "ready"}

    @app.get("/metrics", tags=["upkeep"], include_in_schema=False)
    def metrics(request: Request) -> Response:
        """Figures of all tenants together: for an admin key of the tenant "", or where no key is
        needed."""
        key = known_key(server, request)
        if key.tenant or "admin" not in key.rights:
            raise HTTPException(403, "figures are for an admin key of the default tenant")
        return Response(observe.figures(), media_type=observe.CONTENT_TYPE)


async def _told(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if status < 500:
        return _problem(str(error), status)
    log.warning("%s", error)  # where the store is, is nothing for clients
    detail = error.what if isinstance(error, MemgraftError) else "the server failed"
    return _problem(detail, status, {"Retry-After": "1"})


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems: list[dict[str, Any]] = list(error.errors())
    status = 400 if any(problem["type"] == _BAD_JSON for problem in problems) else 422
    told = "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5]
    )
    return _problem(told, status)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected", exc_info=error)
    return _problem("the server failed; its log says why", 500)


def _problem(detail: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    """It may hold what was sent, and that what UTF-8 has no form for: half a surrogate pair."""
    told = detail.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"detail": told}, status, headers)
