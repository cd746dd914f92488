"""What no route should have to deal with: bodies that are too large or never come, and requests
that a browser was led to make."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memgraft.core.errors import MemgraftError
from memgraft.serve.settings import is_loopback

# Says only that the process is there, and must say so whatever else is wrong.
_ALWAYS = "/health"


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Guard:
    """ASGI middleware that reads a body whole before a route sees it.

    How long the body was is noted in the request's state as `size`.

    Args:
        app: what is guarded.
        max_body: bytes; longer bodies are answered with 413.
        patience: seconds that a body may take, then 408.
        is_open: true while no key is needed. Then only requests to a name of this computer, and
            from no web page of another, are let in: a browser that was led to such a page could
            reach the server, which only the user's own programs are meant to.
    """

    def __init__(
        self, app: ASGIApp, max_body: int, patience: float, is_open: Callable[[], bool]
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.patience = patience
        self.is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # A client whose host ends in a slash asks for //v1/ping/.
        scope["path"] = re.sub("^//+", "/", scope["path"])
        try:
            await self._check_origin(scope)
            body = await self._body(scope, receive)
        except _Refused as refused:
            await _answer(send, refused)
            return
        if body is not None:
            scope.setdefault("state", {})["size"] = len(body)
            await self.app(scope, _replay(body, receive), send)

    async def _check_origin(self, scope: Scope) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = re.sub(r":\d*$", "", headers.get(b"host", "localhost"))
        near = is_loopback(host) and _is_local(headers.get(b"origin"))
        if (near and headers.get(b"sec-fetch-site") != "cross-site") or scope["path"] == _ALWAYS:
            return
        try:
            is_open = await run_in_threadpool(self.is_open)
        except MemgraftError as error:
            raise _Refused(503, error.what) from error
        if is_open:
            raise _Refused(403, "without a key this server answers to programs of this computer")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None if the client has left."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.max_body:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.patience):
                return await self._whole(receive)
        except TimeoutError as error:
            raise _Refused(408, "the body of the request did not come") from error

    async def _whole(self, receive: Receive) -> bytes | None:
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self.max_body:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(pieces)

    def _too_large(self) -> _Refused:
        return _Refused(413, f"the body is too large: at most {self.max_body:,} bytes")


def _is_local(origin: str | None) -> bool:
    """True for no page at all, or one of this computer."""
    if origin is None:
        return True
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False


def _replay(body: bytes, receive: Receive) -> Receive:
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _answer(send: Send, refused: _Refused) -> None:
    body = json.dumps({"detail": refused.detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
