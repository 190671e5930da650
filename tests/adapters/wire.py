"""Pieces of what goes over the wire, and the loop in which tests of the proxy run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

ANSWER = {
    "id": "x",
    "choices": [{"index": 0, "message": {"content": "hi"}}],
    "usage": {"completion_tokens": 3},
}
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine to its end, but not for ever."""

    async def limited() -> None:
        async with asyncio.timeout(60):
            await main

    asyncio.run(limited())


def event(text: str, **more: Any) -> bytes:
    """One chat event."""
    delta = {"choices": [{"index": 0, "delta": {"content": text}, **more}]}
    return b"data: " + json.dumps(delta).encode() + b"\n\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


UNEDITABLE = [
    ("application/json", "", b"<html>not json</html>"),
    ("application/json", "br-unknown", b"{}"),
    ("application/json", "br-unknown", b""),
    ("application/json", "gzip", b"not gzip at all"),
    ("application/x-ndjson", "", b'{"choices": []}\n'),
]
"""Answers that cannot be edited: content type, content coding, body."""


def coded(kind: str, coding: str, body: bytes) -> bytes:
    """An answer of one piece, with a content coding if there is one."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    head += f"content-encoding: {coding}\r\n" if coding else ""
    return head.encode() + b"\r\n" + body
