"""Requests that end otherwise than planned: early answers, and body iterators that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.testing import RawServer
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    MEGABYTE,
    failure_of,
    fetch,
    pieces,
    silent,
    until_settled,
)

# --- an answer before the end of the request ---------------------------------------------------


async def too_large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads nothing but the head, refuses, and then reads the rest away, as careful servers do."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
    await reader.read()


def test_an_early_answer_to_a_large_body_is_delivered_and_the_connection_closed(run: Run[Any]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await asyncio.Event().wait()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url)
            assert (await fetch(pool, UpstreamRequest("POST", b"/", [], 16 * MEGABYTE)))[::2] == (413, b"big")
            await until_settled()
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()

    run(main())


def test_an_early_answer_does_not_wait_for_a_body_iterator_that_stands_still(run: Run[Any]) -> None:
    async def main() -> None:
        stopped = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"begin"
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        async with RawServer(too_large) as server:
            pool = Pool(server.url)
            response = await pool.send(UpstreamRequest("POST", b"/", [], body()))
            assert stopped.is_set()
            assert b"".join([data async for data in response]) == b"big"
            await until_settled()
            assert (response.status, pool.idle, pool.busy) == (413, 0, 0)
            await pool.aclose()

    run(main())


def test_a_body_iterator_reads_no_further_once_the_answer_is_there(run: Run[Any]) -> None:
    async def main() -> None:
        answered = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
            rest = await reader.read()
            assert b"never" not in rest
            answered.set()

        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # An iterator that does not let go at once.
                yield b"never"

        async with RawServer(script) as server:
            pool = Pool(server.url)
            assert (await fetch(pool, UpstreamRequest("POST", b"/", [], body())))[0] == 413
            await answered.wait()
            await pool.aclose()

    run(main())


# --- body iterators that fail ------------------------------------------------------------------


class ClientGoneError(Exception):
    pass


def test_what_the_body_iterator_raises_comes_out_and_the_request_is_not_completed(run: Run[Any]) -> None:
    async def main() -> None:
        rest: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"begin\r\n")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            rest.set_result(b"")

        async def body() -> AsyncIterator[bytes]:
            yield b"begin"
            raise ClientGoneError

        async with RawServer(script) as server:
            pool = Pool(server.url)
            with pytest.raises(ClientGoneError):
                await fetch(pool, UpstreamRequest("POST", b"/", [], body()))
            await until_settled()
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()
            await rest

    run(main())


@pytest.mark.parametrize("parts", [(b"ab",), (b"ab", b"cd"), ()])
def test_a_body_that_is_not_as_long_as_promised_is_an_error(run: Run[Any], parts: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url)
            request = UpstreamRequest("POST", b"/", [(b"content-length", b"3")], pieces(*parts))
            assert await failure_of(pool, request) == ("protocol", True)
            await pool.aclose()

    run(main())


def test_a_body_iterator_that_is_cancelled_from_within_ends_the_request(run: Run[Any]) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"begin"
        raise asyncio.CancelledError

    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url)
            assert await failure_of(pool, UpstreamRequest("POST", b"/", [], body())) == ("closed", True)
            await pool.aclose()

    run(main())
