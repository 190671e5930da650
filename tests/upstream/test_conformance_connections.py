"""Connections, silence and leaving: what any client behind the interface must do (see test_conformance)."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts, UpstreamRequest
from gateway.upstream.httpx2_backend import Httpx2
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    MEGABYTE,
    OK,
    POST,
    Build,
    Client,
    always_ok,
    answering,
    error_of,
    fetch,
    pieces,
    silent,
    until,
)

# --- connections -------------------------------------------------------------------------------


def test_a_connection_serves_one_request_after_another(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            client = build(server.url)
            for _ in range(3):
                assert await fetch(client, POST) == (200, [(b"content-length", b"2")], b"ok")
                assert (client.idle, client.busy) == (1, 0)
            assert server.accepted == 1
            await client.aclose()
            await until(lambda: not client.idle)

    run(main())


def test_a_connection_that_the_server_closed_is_replaced(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(answering(OK)) as server:
            client = build(server.url)
            for accepted in (1, 2):
                assert (await fetch(client))[2] == b"ok"
                assert server.accepted == accepted
                # The server's end is on its way: let it arrive.
                for _ in range(5):
                    await asyncio.sleep(0)
            await client.aclose()

    run(main())


def test_a_request_that_the_server_may_have_begun_is_never_repeated(run: Run[Any], build: Build) -> None:
    requests: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)
        requests.append(await read_request(reader))
        writer.transport.abort()

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url)
            await fetch(client, POST)
            assert await error_of(client, POST) == ("closed", True)
            assert (len(requests), server.accepted) == (2, 1)
            await client.aclose()

    run(main())


def test_a_refused_connection_is_a_connect_error_with_nothing_sent(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = build(f"http://127.0.0.1:{taken.getsockname()[1]}", max_connections=1)
            for _ in range(3):
                assert await error_of(client) == ("connect", False)
            await client.aclose()

    run(main())


def test_no_more_connections_are_opened_than_allowed(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            client = build(server.url, max_connections=2)
            answers = await asyncio.gather(*(fetch(client, POST) for _ in range(10)))
            assert [body for _, _, body in answers] == [b"ok"] * 10
            assert server.accepted == 2
            await client.aclose()

    run(main())


def test_waiting_for_a_connection_counts_against_the_connect_timeout(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            client = build(server.url, Timeouts(connect=0.05), max_connections=1)
            holder = asyncio.create_task(fetch(client))
            await until(lambda: client.busy)
            with pytest.raises(UpstreamError) as raised:
                await fetch(client)
            assert (raised.value.kind, raised.value.sent) == ("timeout", False)
            holder.cancel()
            await asyncio.wait((holder,))
            await until(lambda: not client.busy)
            await client.aclose()

    run(main())


def test_a_closed_client_serves_nobody_and_lets_busy_answers_end(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"1\r\na\r\n")
            await go_on.wait()
            writer.write(b"1\r\nb\r\n0\r\n\r\n")
            await reader.read()

        async with RawServer(script) as server:
            client = build(server.url)
            response = await client.send(GET)
            await client.aclose()
            assert await error_of_sending(client) == ("closed", False)
            go_on.set()
            assert b"".join([data async for data in response]) == b"ab"
            await until(lambda: not client.busy)
            assert client.idle == 0

    run(main())


async def error_of_sending(client: Client) -> tuple[str, bool]:
    with pytest.raises(UpstreamError) as raised:
        await client.send(GET)
    return raised.value.kind, raised.value.sent


@pytest.mark.parametrize("client_class", [Pool, Httpx2])
def test_a_client_without_connections_is_refused(client_class: Build) -> None:
    with pytest.raises(ValueError, match="at least one"):
        client_class("http://model", max_connections=0)


# --- silence and leaving -----------------------------------------------------------------------


def test_a_server_that_never_answers_runs_into_the_first_byte_timeout(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            client = build(server.url, Timeouts(first_byte=0.05))
            assert await error_of(client) == ("timeout", True)
            streamed = UpstreamRequest("POST", b"/", [], pieces(b"x"))
            assert await error_of(client, streamed) == ("timeout", True)
            await client.aclose()

    run(main())


def test_silence_inside_an_answer_runs_into_the_idle_timeout(run: Run[Any], build: Build) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + b"1\r\na\r\n")
        await reader.read()

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url, Timeouts(first_byte=600.0, idle=0.05))
            response = await client.send(GET)
            body = response.__aiter__()
            assert await anext(body) == b"a"
            with pytest.raises(UpstreamError) as raised:
                await anext(body)
            assert (raised.value.kind, raised.value.sent) == ("timeout", True)
            await until(lambda: not client.busy)
            await client.aclose()

    run(main())


def test_a_server_that_stops_reading_runs_into_the_idle_timeout(run: Run[Any], build: Build) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url, Timeouts(idle=0.05))
            request = UpstreamRequest("POST", b"/", [], pieces(*[MEGABYTE] * 16))
            assert await error_of(client, request) == ("timeout", True)
            await client.aclose()

    run(main())


@pytest.mark.parametrize("path", [b"/", b"/stream"], ids=["before the head", "inside the answer"])
def test_who_leaves_closes_the_connection_at_once(run: Run[Any], build: Build, path: bytes) -> None:
    async def main() -> None:
        reached, gone = asyncio.Event(), asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /stream "):
                writer.write(CHUNKED + b"1\r\na\r\n")
            reached.set()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            gone.set()

        async with RawServer(script) as server:
            client = build(server.url)
            task = asyncio.create_task(fetch(client, UpstreamRequest("GET", path, [])))
            await reached.wait()
            for _ in range(50):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await gone.wait()
            await until(lambda: not client.busy)
            assert client.idle == 0
            await client.aclose()

    run(main())


def test_an_answer_that_is_given_up_closes_its_connection(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"1\r\na\r\n")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            gone.set()

        async with RawServer(script) as server:
            client = build(server.url)
            response = await client.send(GET)
            assert await anext(response.__aiter__()) == b"a"
            await response.aclose()
            await gone.wait()
            with pytest.raises(UpstreamError, match="given up"):
                await anext(response.__aiter__())
            await response.aclose()
            await until(lambda: not client.busy)
            assert client.idle == 0
            await client.aclose()

    run(main())


def test_after_a_hundred_cancelled_requests_two_connections_still_serve(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            client = build(server.url, max_connections=2)
            for turns in range(100):
                task = asyncio.create_task(fetch(client, POST))
                for _ in range(turns % 20):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait((task,))
            assert (await fetch(client, POST))[2] == b"ok"
            assert client.busy == 0
            await client.aclose()

    run(main())


def test_no_time_limits_at_all_is_a_valid_setting(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            client = build(server.url, Timeouts(None, None, None))
            assert (await fetch(client))[2] == b"ok"
            await client.aclose()

    run(main())
