"""Answers that end otherwise than planned: servers that break off, deadlines, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts, UpstreamRequest
from gateway.upstream.exchange import Exchange
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    MEGABYTE,
    OK,
    POST,
    answering,
    failure_of,
    fetch,
    pieces,
    silent,
    until,
    until_settled,
)


def timer_of(exchange: Exchange) -> asyncio.TimerHandle | None:
    return exchange._timer


# --- servers that break off --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "closed"),
        (CHUNKED + b"3\r\nab", "closed"),
        (CHUNKED + b"2\r\nab\r\n", "closed"),
        (CHUNKED + b"nonsense\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
    ],
)
def test_a_broken_answer_is_an_error_after_what_had_arrived(run: Run[Any], answer: bytes, kind: str) -> None:
    async def main() -> None:
        async with RawServer(answering(answer)) as server:
            pool = Pool(server.url)
            assert await failure_of(pool) == (kind, True)
            await pool.aclose()

    run(main())


def test_what_arrived_before_the_break_is_handed_on_and_the_error_stays(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(CHUNKED + b"2\r\nab\r\n")) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            assert await anext(response.__aiter__()) == b"ab"
            for _ in range(2):
                with pytest.raises(UpstreamError, match="inside the answer"):
                    await anext(response.__aiter__())
            await response.aclose()
            await pool.aclose()

    run(main())


def test_a_reset_does_not_end_an_answer_without_length(run: Run[Any]) -> None:
    async def main() -> None:
        reset = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # One byte is left unread, so that closing resets.
            await reader.readexactly(10)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
            await reset.wait()
            writer.transport.abort()

        async with RawServer(script) as server:
            pool = Pool(server.url)
            response = await pool.send(UpstreamRequest("POST", b"/", [], 8 * MEGABYTE))
            reset.set()
            with pytest.raises(UpstreamError) as raised:
                assert [data async for data in response] == []
            assert raised.value.kind == "closed"
            await pool.aclose()

    run(main())


# --- deadlines ---------------------------------------------------------------------------------


def test_a_server_that_never_answers_runs_into_the_first_byte_timeout(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url, Timeouts(first_byte=0.05))
            assert await failure_of(pool) == ("timeout", True)
            assert await failure_of(pool, UpstreamRequest("POST", b"/", [], pieces(b"x"))) == (
                "timeout",
                True,
            )
            await pool.aclose()

    run(main())


def test_a_head_that_comes_in_drops_does_not_stretch_the_first_byte_timeout(run: Run[Any]) -> None:
    async def main() -> None:
        dropped = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nx-")
            dropped.set()
            await reader.read()

        async with RawServer(script) as server:
            pool = Pool(server.url, Timeouts(first_byte=0.1, idle=0.05))
            assert await failure_of(pool) == ("timeout", True)
            assert dropped.is_set()
            await pool.aclose()

    run(main())


def test_silence_inside_an_answer_runs_into_the_idle_timeout(run: Run[Any]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + b"1\r\na\r\n")
        await reader.read()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url, Timeouts(first_byte=600.0, idle=0.05))
            response = await pool.send(GET)
            body = response.__aiter__()
            assert await anext(body) == b"a"
            with pytest.raises(UpstreamError) as raised:
                await anext(body)
            assert (raised.value.kind, raised.value.sent) == ("timeout", True)
            await until_settled()
            assert pool.busy == 0
            await pool.aclose()

    run(main())


def test_a_server_that_stops_reading_runs_into_the_idle_timeout(run: Run[Any]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url, Timeouts(idle=0.05))
            request = UpstreamRequest("POST", b"/", [], pieces(*[MEGABYTE] * 16))
            assert await failure_of(pool, request) == ("timeout", True)
            await pool.aclose()

    run(main())


def test_the_one_timer_is_moved_when_it_fires_before_the_deadline(run: Run[Any]) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"1\r\na\r\n")
            await go_on.wait()
            writer.write(b"1\r\nb\r\n0\r\n\r\n")

        async with RawServer(script) as server:
            pool = Pool(server.url, Timeouts(first_byte=100.0, idle=200.0))
            response = await pool.send(GET)
            assert isinstance(response, Exchange)
            # Nobody waits: the timer of the head finds no deadline and is not set again.
            assert await anext(response) == b"a"
            response._expire()
            assert not timer_of(response)
            reading = asyncio.create_task(response.__anext__())
            await until(lambda: timer_of(response))
            response._expire()
            assert timer_of(response)
            assert not reading.done()
            go_on.set()
            assert await reading == b"b"
            assert not timer_of(response)
            await pool.aclose()

    run(main())


# --- cancelling --------------------------------------------------------------------------------


async def stalled() -> AsyncIterator[bytes]:
    """A body that begins and never goes on."""
    yield b"begin"
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "request_in",
    [
        lambda: GET,
        lambda: UpstreamRequest("POST", b"/", [], stalled()),
        lambda: UpstreamRequest("POST", b"/", [], pieces(*[MEGABYTE] * 16)),
        lambda: UpstreamRequest("GET", b"/stream", []),
    ],
    ids=["no head yet", "the iterator stands still", "the server stands still", "inside the answer"],
)
def test_cancelling_in_any_phase_closes_the_connection_at_once(
    run: Run[Any], request_in: Callable[[], UpstreamRequest]
) -> None:
    async def main() -> None:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /stream "):
                writer.write(CHUNKED + b"1\r\na\r\n")
            reached.set()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(2**40)
            gone.set()

        async with RawServer(script) as server:
            pool = Pool(server.url)
            task = asyncio.create_task(fetch(pool, request_in()))
            await reached.wait()
            for _ in range(50):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()

    run(main())


def test_cancelling_before_anything_was_sent_leaves_nothing_behind(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url)
            for turns in range(6):
                task = asyncio.create_task(fetch(pool, UpstreamRequest("POST", b"/", [], pieces(b"x"))))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait((task,))
                assert task.cancelled()
            await until(lambda: pool.busy == 0)
            await pool.aclose()

    run(main())


def test_closing_a_half_read_answer_closes_its_connection(run: Run[Any]) -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"1\r\na\r\n")
            await reader.read()
            gone.set()

        async with RawServer(script) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            assert await anext(response.__aiter__()) == b"a"
            await response.aclose()
            await gone.wait()
            await response.aclose()
            with pytest.raises(UpstreamError, match="given up"):
                await anext(response.__aiter__())
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()

    run(main())


def test_closing_an_answer_that_arrived_whole_keeps_its_connection(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(OK, OK)) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            await response.aclose()
            assert pool.idle == 1
            # What was thrown away must not look like an empty answer.
            with pytest.raises(UpstreamError, match="given up"):
                await anext(response.__aiter__())
            await fetch(pool)
            assert server.accepted == 1
            await pool.aclose()

    run(main())


def test_an_answer_that_was_read_stays_at_its_end(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(OK)) as server:
            pool = Pool(server.url)
            response = await pool.send(POST)
            assert [data async for data in response] == [b"ok"]
            assert [data async for data in response] == []
            await response.aclose()
            assert [data async for data in response] == []
            await pool.aclose()

    run(main())
