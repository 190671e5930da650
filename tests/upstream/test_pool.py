"""Which connection serves a request, and what becomes of it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    GET,
    OK,
    POST,
    always_ok,
    answering,
    fails_to_connect,
    fetch,
    until,
    until_settled,
)


def test_a_connection_serves_one_request_after_another(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url)
            for _ in range(3):
                assert await fetch(pool) == (200, [(b"content-length", b"2")], b"ok")
                assert (pool.idle, pool.busy) == (1, 0)
            assert server.accepted == 1
            await pool.aclose()
            assert (pool.idle, pool.busy) == (0, 0)

    run(main())


def test_the_request_arrives_as_written_with_the_prefix(run: Run[Any]) -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url + "/base/")
            await fetch(pool, UpstreamRequest("POST", b"/p?q=%41", [(b"X-A", b"1"), (b"x-a", b"2")], b"body"))
            await pool.aclose()
            assert seen == [
                b"POST /base/p?q=%%41 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nX-A: 1\r\nx-a: 2\r\n"
                b"content-length: 4\r\n\r\nbody" % server.port
            ]

    run(main())


def test_the_last_used_connection_is_used_first(run: Run[Any]) -> None:
    served: list[int] = []

    async def main() -> None:
        numbers = iter(range(10))

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            number = next(numbers)
            while True:
                await read_request(reader)
                served.append(number)
                writer.write(OK)

        async with RawServer(script) as server:
            pool = Pool(server.url)
            await asyncio.gather(fetch(pool), fetch(pool), fetch(pool))
            assert pool.idle == 3
            last = served[-1]
            for _ in range(4):
                await fetch(pool)
            assert served[3:] == [last] * 4
            await pool.aclose()

    run(main())


def test_a_connection_that_the_server_closed_leaves_the_free_list(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering(OK)) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            await until(lambda: not pool.busy and not pool.idle)
            assert b"".join([data async for data in response]) == b"ok"
            await fetch(pool)
            assert server.accepted == 2
            await pool.aclose()

    run(main())


def test_a_server_that_speaks_on_an_idle_connection_loses_it(run: Run[Any]) -> None:
    async def main() -> None:
        speak = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(OK)
            await speak.wait()
            writer.write(OK)
            await reader.read()

        async with RawServer(script) as server:
            pool = Pool(server.url)
            await fetch(pool)
            assert pool.idle == 1
            speak.set()
            await until(lambda: not pool.idle)
            await fetch(pool)
            assert server.accepted == 2
            await pool.aclose()

    run(main())


def test_a_connection_that_is_idle_for_too_long_is_not_used_again(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url, keep_idle=0.0)
            await asyncio.gather(fetch(pool), fetch(pool))
            assert pool.idle == 2
            await fetch(pool)
            assert server.accepted == 3
            await until_settled()
            assert (pool.idle, pool.busy) == (1, 0)
            await pool.aclose()

    run(main())


def test_a_dying_idle_connection_is_passed_over(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url)
            await fetch(pool)
            # Closed, but the loop has not told us yet: what a stale keep-alive looks like at this point.
            next(iter(pool._idle)).transport.close()
            assert (await fetch(pool))[2] == b"ok"
            assert server.accepted == 2
            await pool.aclose()

    run(main())


def test_a_request_that_the_server_may_have_begun_is_never_repeated(run: Run[Any]) -> None:
    requests: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(OK)
        requests.append(await read_request(reader))
        writer.transport.abort()

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url)
            await fetch(pool, POST)
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool, POST)
            assert (raised.value.kind, raised.value.sent) == ("closed", True)
            assert (len(requests), server.accepted) == (2, 1)
            await until_settled()
            assert (pool.idle, pool.busy) == (0, 0)
            await pool.aclose()

    run(main())


def test_a_refused_connection_is_a_connect_error_and_frees_its_slot(run: Run[Any]) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            pool = Pool(f"http://127.0.0.1:{taken.getsockname()[1]}", max_connections=1)
            for _ in range(3):
                await fails_to_connect(pool)
            await pool.aclose()

    run(main())


def test_a_server_that_speaks_before_it_is_asked_is_not_believed(
    run: Run[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url)
            opened = pool._open_stream

            async def spoken_to(loop: asyncio.AbstractEventLoop, connection: Any) -> None:
                await opened(loop, connection)
                connection.data_received(OK)

            # The moment between connecting and sending cannot be scripted from the other side.
            monkeypatch.setattr(pool, "_open_stream", spoken_to)
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool)
            assert (raised.value.kind, raised.value.sent) == ("connect", False)
            await until_settled()
            assert pool.busy == 0
            await pool.aclose()

    run(main())


def test_a_unix_socket_serves_as_well(run: Run[Any], tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "model.sock"
        async with RawServer(always_ok, uds=str(path)):
            pool = Pool("http://model", uds=path)
            assert (await fetch(pool))[2] == b"ok"
            await pool.aclose()

    run(main())


def test_a_pool_without_connections_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Pool("http://model", max_connections=0)
