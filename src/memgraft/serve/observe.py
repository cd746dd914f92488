"""What people see of a server: a line of JSON and figures for each request; never what was said."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("memgraft.requests")

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "memgraft_requests_total", "Requests answered.", ["method", "route", "status"],
    registry=REGISTRY,
)  # fmt: skip
SECONDS = Histogram(
    "memgraft_request_seconds", "Seconds from a request to its answer.", ["method", "route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)  # fmt: skip
# Anything can be sent as a method, and figures are kept for each.
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
# The status of requests whose client left before there was an answer.
_LEFT = 499
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Observe:
    """ASGI middleware: counts, times and logs requests by the route that they took."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), _LEFT

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except BaseException:
            status = 500
            raise
        finally:
            _note(scope, status, time.perf_counter() - started)


def figures() -> bytes:
    """All figures in Prometheus' text format; of all workers where there are several."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY)


def log_as_json(level: str) -> None:
    """Log lines of memgraft and uvicorn as JSON on standard error."""
    handler = _StandardError()
    handler.setFormatter(_Lines())
    for name in ("memgraft", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper())


def _note(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)
    key = scope.get("state", {}).get("key")
    fields = {
        "method": method,
        "route": route,
        "status": status,
        "ms": round(1e3 * seconds, 2),
        "key": getattr(key, "id", None),
        "tenant": getattr(key, "tenant", None),
    }
    log.info("request", extra={"fields": fields})


class _StandardError(logging.Handler):
    """Writes to what is the standard error at the time, which may have been replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
