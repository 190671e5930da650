"""Short words for what the upstream tests say often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.errors import UpstreamError
from gateway.testing import Script, read_request
from gateway.upstream.base import Headers, Upstream, UpstreamRequest
from gateway.upstream.httpx2_backend import Httpx2
from gateway.upstream.pool import Pool

Client = Pool | Httpx2
"""All that stand behind the interface."""
Build = Callable[..., Client]

GET = UpstreamRequest("GET", b"/", [])
POST = UpstreamRequest("POST", b"/v1/chat/completions", [(b"content-type", b"application/json")], b'{"a":1}')
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
MEGABYTE = b"0123456789abcdef" * 65536
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def answering(*answers: bytes) -> Script:
    """A script that gives the answers in order on each connection, one per request, and then closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)

    return script


async def always_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that keeps its connections and answers `ok` to everything."""
    while True:
        await read_request(reader)
        writer.write(OK)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that reads for ever and says nothing."""
    while await reader.read(65536):
        pass


async def fetch(upstream: Upstream, request: UpstreamRequest = GET) -> tuple[int, Headers, bytes]:
    """Status, headers and whole body."""
    response = await upstream.send(request)
    try:
        body = b"".join([data async for data in response])
    finally:
        await response.aclose()
    return response.status, response.headers, body


async def failure_of(pool: Pool, request: UpstreamRequest = GET) -> tuple[str, bool]:
    """Kind and `sent` of the UpstreamError that the request must end in, leaving nothing open."""
    with pytest.raises(UpstreamError) as raised:
        await fetch(pool, request)
    await until_settled()
    assert (pool.idle, pool.busy) == (0, 0)
    return raised.value.kind, raised.value.sent


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that comes in pieces."""
    for chunk in chunks:
        yield chunk


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds; the test's own time limit ends it otherwise."""
    while not condition():  # noqa: ASYNC110 - conditions here are states of objects that set no events
        await asyncio.sleep(0)


async def until_settled() -> None:
    """Let the loop deliver what is already on its way inside this process (closed sockets, callbacks)."""
    for _ in range(3):
        await asyncio.sleep(0)


async def fails_to_connect(pool: Pool) -> None:
    """Fetches in vain: nothing was sent, and the slot is free again."""
    with pytest.raises(UpstreamError) as raised:
        await fetch(pool)
    assert (raised.value.kind, raised.value.sent) == ("connect", False)
    assert pool.busy == 0


async def error_of(client: Client, request: UpstreamRequest = GET) -> tuple[str, bool]:
    """Kind and `sent` of the error that the request must end in, leaving nothing busy."""
    with pytest.raises(UpstreamError) as raised:
        await fetch(client, request)
    await until(lambda: not client.busy)
    return raised.value.kind, raised.value.sent
