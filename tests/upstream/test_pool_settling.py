"""Servers that close a connection after a streamed answer without having said so, as llama.cpp's does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import CHUNKED, POST, fetch, until

STREAM = CHUNKED + b"2\r\nok\r\n0\r\n\r\n"
HOURS = 3600.0


async def closes_after_a_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The worst moment: the close meets the next request on its way."""
    await read_request(reader)
    writer.write(STREAM)
    await reader.read(1)


async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that keeps its connections."""
    while True:
        await read_request(reader)
        writer.write(STREAM)


def test_a_request_right_after_a_stream_goes_over_another_connection(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(closes_after_a_stream) as server:
            pool = Pool(server.url, settle=HOURS)
            for _ in range(3):
                assert (await fetch(pool, POST))[2] == b"ok"
            assert (pool.idle, pool.busy, server.accepted) == (3, 0, 3)
            await pool.aclose()
            assert (pool.idle, pool.busy) == (0, 0)

    run(main())


def test_without_that_rest_such_a_request_fails(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(closes_after_a_stream) as server:
            pool = Pool(server.url, settle=0.0)
            await fetch(pool, POST)
            await until(lambda: not pool._settling)
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool, POST)
            assert (raised.value.kind, raised.value.sent) == ("closed", True)
            await pool.aclose()

    run(main())


def test_a_connection_that_is_still_open_after_its_rest_is_used_again(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(streams) as server:
            pool = Pool(server.url, settle=0.0)
            for _ in range(3):
                await fetch(pool, POST)
                await until(lambda: not pool._settling)
                assert (pool.idle, pool.busy) == (1, 0)
            assert server.accepted == 1
            await pool.aclose()

    run(main())


def test_a_connection_that_the_server_closes_in_its_rest_is_forgotten(run: Run[Any]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url, settle=HOURS)
            await fetch(pool, POST)
            await until(lambda: not pool.idle)
            assert (pool.busy, pool._settling) == (0, {})
            await pool.aclose()

    run(main())


def test_who_waits_for_a_slot_gets_a_new_connection_and_need_not_wait_for_the_rest(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(streams) as server:
            pool = Pool(server.url, max_connections=1, settle=HOURS)
            answers = await asyncio.gather(fetch(pool, POST), fetch(pool, POST))
            assert [body for _, _, body in answers] == [b"ok", b"ok"]
            assert server.accepted == 2
            await pool.aclose()

    run(main())
