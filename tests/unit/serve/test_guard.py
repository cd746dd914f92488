"""Bodies that never come or come in pieces, without a server around."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from memgraft.serve.guard import Guard


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def asked(pieces: list[Message | float], **headers: str) -> tuple[int, bytes] | None:
    """Status and body of the answer to these messages; a number is a wait in seconds."""
    sent: list[Any] = []
    waiting = iter(pieces)

    async def receive() -> Message:
        piece = next(waiting)
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            piece = next(waiting)
        return piece

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(echo, max_body=10, patience=0.2, is_open=lambda: False)
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": "//v1/x/", "headers": named}
    asyncio.run(guard(scope, receive, send))
    return (sent[0]["status"], sent[1]["body"]) if sent else None


def body(text: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": text, "more_body": more}


def test_pieces_are_put_together() -> None:
    assert asked([body(b"he", True), 0.05, body(b"llo")]) == (200, b"hello")


@pytest.mark.parametrize(
    ("pieces", "headers", "status"),
    [
        ([body(b"x" * 6, True), body(b"x" * 6, True), body(b"")], {}, 413),
        ([], {"content_length": "11"}, 413),
        ([body(b"he", True), 5.0, body(b"llo")], {}, 408),
        ([body(b"h", True), 0.15, body(b"e", True), 0.15, body(b"y")], {}, 408),
    ],
)
def test_bodies_that_are_refused(
    pieces: list[Message | float], headers: dict[str, str], status: int
) -> None:
    answer = asked(pieces, **headers)
    assert answer is not None and answer[0] == status
    assert isinstance(json.loads(answer[1])["detail"], str)


def test_who_leaves_is_not_answered() -> None:
    assert asked([body(b"he", True), {"type": "http.disconnect"}]) is None
