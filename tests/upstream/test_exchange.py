"""One request and its answer: streaming, back-pressure, and any bytes on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.testing import RawServer, read_request
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.exchange import HIGH_WATER, Exchange
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    MEGABYTE,
    OK,
    answering,
    failure_of,
    fetch,
    pieces,
    until,
    until_settled,
)

# --- streaming ---------------------------------------------------------------------------------


def test_chunks_that_have_arrived_together_come_together(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            assert [data async for data in response] == [b"ab"]
            await pool.aclose()

    run(main())


def test_early_hints_are_not_the_answer(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)) as server:
            pool = Pool(server.url)
            assert await fetch(pool) == (200, [(b"content-length", b"2")], b"ok")
            await pool.aclose()

    run(main())


def test_an_answer_to_head_has_no_body_and_leaves_the_connection_open(run: Run[Any]) -> None:
    async def main() -> None:
        answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: timeout=5\r\n\r\n"
        async with RawServer(answering(answer, answer, OK)) as server:
            pool = Pool(server.url)
            for _ in range(2):
                head = await fetch(pool, UpstreamRequest("HEAD", b"/", []))
                assert head == (200, [(b"content-length", b"5")], b"")
            assert (await fetch(pool))[2] == b"ok"
            assert server.accepted == 1
            await pool.aclose()

    run(main())


def test_an_answer_without_length_ends_with_the_connection(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as server:
            pool = Pool(server.url)
            assert await fetch(pool) == (200, [], b"all of it")
            await until_settled()
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    ],
)
def test_a_connection_whose_next_answer_could_be_someone_elses_is_not_used_again(
    run: Run[Any], answer: bytes
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await reader.read()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url)
            for accepted in (1, 2):
                assert (await fetch(pool))[2] == b"ok"
                await until_settled()
                assert (pool.idle, pool.busy, server.accepted) == (0, 0, accepted)
            await pool.aclose()

    run(main())


# --- back-pressure -----------------------------------------------------------------------------


def test_a_reader_that_stands_still_stops_the_server(run: Run[Any]) -> None:
    async def main() -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (16 * len(MEGABYTE))
        async with RawServer(answering(head + 16 * MEGABYTE)) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            assert isinstance(response, Exchange)
            await until(lambda: response._paused)
            for _ in range(100):
                await asyncio.sleep(0)
            assert HIGH_WATER < response._size <= HIGH_WATER + 256 * 1024
            assert b"".join([data async for data in response]) == 16 * MEGABYTE
            await pool.aclose()

    run(main())


def test_a_server_that_stands_still_stops_the_body_iterator(run: Run[Any]) -> None:
    given_out = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given_out
        for _ in range(16):
            given_out += 1
            yield MEGABYTE

    async def main() -> None:
        go_on = asyncio.Event()
        received: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            received.append(await read_request(reader))
            writer.write(OK)

        async with RawServer(script) as server:
            pool = Pool(server.url)
            task = asyncio.create_task(fetch(pool, UpstreamRequest("POST", b"/", [], body())))
            for _ in range(1000):
                await asyncio.sleep(0)
            assert 0 < given_out < 16
            go_on.set()
            assert (await task)[2] == b"ok"
            assert received[0].count(b"%x\r\n" % len(MEGABYTE)) == 16
            await pool.aclose()

    run(main())


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3_000_000])
def test_a_body_of_any_size_arrives_whole(run: Run[Any], size: int) -> None:
    async def main() -> None:
        received: list[bytes] = []

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(3):
                received.append(await read_request(reader))
                writer.write(OK)

        async with RawServer(script) as server:
            pool = Pool(server.url)
            data = (MEGABYTE * 3)[:size]
            length = [(b"content-length", b"%d" % size)]
            await fetch(pool, UpstreamRequest("POST", b"/", [], data))
            await fetch(pool, UpstreamRequest("POST", b"/", length, pieces(data[:10], b"", data[10:])))
            await fetch(pool, UpstreamRequest("POST", b"/", [], pieces(data[:10], b"", data[10:])))
            assert server.accepted == 1
            assert received[0].partition(b"\r\n\r\n")[2] == data
            assert received[1].partition(b"\r\n\r\n")[2] == data
            framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:10], data[10:]) if part)
            assert received[2].partition(b"\r\n\r\n")[2] == framed + b"0\r\n\r\n"
            await pool.aclose()

    run(main())


# --- over real sockets, any bytes --------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(min_size=1, max_size=200), max_size=6), st.integers(1, 60))
def test_any_cutting_on_the_wire_gives_the_same_answer(run: Run[Any], chunks: list[bytes], step: int) -> None:
    wire = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for start in range(0, len(wire), step):
            writer.write(wire[start : start + step])
            await asyncio.sleep(0)
        await reader.read()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url)
            assert await fetch(pool) == (200, [], b"".join(chunks))
            assert pool.idle == 1
            await pool.aclose()

    run(main())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from((b"", b"HTTP/1.1 200 OK\r\n", CHUNKED, CHUNKED + b"2\r\nab\r\n")), st.binary(max_size=300)
)
def test_any_garbage_on_the_wire_gives_one_upstream_error(run: Run[Any], start: bytes, noise: bytes) -> None:
    # A chunk size no hexadecimal number begins with: never a valid answer, whatever follows.
    wire = start + b"zz" + noise

    async def main() -> None:
        async with RawServer(answering(wire)) as server:
            pool = Pool(server.url)
            kind, sent = await failure_of(pool)
            assert kind in ("protocol", "closed")
            assert sent
            await pool.aclose()

    run(main())
