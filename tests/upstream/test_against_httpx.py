"""The same answers, read by our client and by httpx."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from gateway.testing import RawServer
from gateway.upstream.headers import HOP_BY_HOP
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import CHUNKED, GET, answering, fetch

GZIPPED = gzip.compress(b'{"a":1}', mtime=0)
ANSWERS = {
    "counted": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}',
    "chunked": CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nto the end",
    "old": b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nold body",
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\netag: x\r\ncontent-length: 9\r\n\r\n",
    "duplicates": b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX: 1\r\nset-cookie: b\r\ncontent-length: 1\r\n\r\nx",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\nx",
    "error": b"HTTP/1.1 529 Overloaded\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}",
    "coded": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(GZIPPED)
    + GZIPPED,
    "no reason": b"HTTP/1.1 200 \r\ncontent-length: 1\r\n\r\nx",
    "latin": b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 1\r\n\r\nx",
}


async def by_httpx(url: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
        body = b"".join([data async for data in response.aiter_raw()])
        headers = [field for field in response.headers.raw if field[0].lower() not in HOP_BY_HOP]
        return response.status_code, headers, body


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_our_client_reads_a_well_formed_answer_as_httpx_does(run: Run[Any], name: str) -> None:
    async def main() -> None:
        async with RawServer(answering(ANSWERS[name])) as server:
            pool = Pool(server.url)
            ours, theirs = await asyncio.gather(fetch(pool, GET), by_httpx(server.url))
            assert ours == theirs
            await pool.aclose()

    run(main())
