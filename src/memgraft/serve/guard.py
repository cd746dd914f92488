"""What no route should have to deal with: bodies that are too large or never come, wrong hosts."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memgraft.serve.settings import is_loopback


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
        patience: seconds to wait for the next piece of a body, then 408.
        is_open: true while no key is needed. Then only requests to a name of this computer are
            let in: a web page that a browser was led to could reach the server by another name.
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
            self._check_host(scope)
            body = await self._body(scope, receive)
        except _Refused as refused:
            await _answer(send, refused)
            return
        if body is not None:
            scope.setdefault("state", {})["size"] = len(body)
            await self.app(scope, _replay(body, receive), send)

    def _check_host(self, scope: Scope) -> None:
        host = dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
        name = re.sub(r":\d*$", "", host)
        if not is_loopback(name) and self.is_open():
            raise _Refused(403, "without a key this server answers to names of this computer only")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None if the client has left."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.max_body:
            raise self._too_large()
        pieces, size = [], 0
        while True:
            try:
                message = await asyncio.wait_for(receive(), self.patience)
            except TimeoutError as error:
                raise _Refused(408, "the body of the request did not come") from error
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
