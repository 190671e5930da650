"""Which connection serves a request, and what becomes of it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts, UpstreamRequest
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    OK,
    POST,
    always_ok,
    answering,
    fetch,
    silent,
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


def test_requests_above_the_limit_wait_in_order(run: Run[Any]) -> None:
    seen: list[bytes] = []

    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                seen.append((await read_request(reader)).split(b" ")[1])
                await gate.wait()
                writer.write(OK)

        async with RawServer(script) as server:
            pool = Pool(server.url, max_connections=1)
            tasks = []
            for number in range(5):
                tasks.append(asyncio.create_task(fetch(pool, UpstreamRequest("GET", b"/%d" % number, []))))
                await asyncio.sleep(0)
            assert (pool.busy, pool.waiting) == (1, 4)
            gate.set()
            await asyncio.gather(*tasks)
            assert seen == [b"/0", b"/1", b"/2", b"/3", b"/4"]
            assert (server.accepted, pool.idle, pool.waiting) == (1, 1, 0)
            await pool.aclose()

    run(main())


def test_waiting_for_a_connection_counts_against_the_connect_timeout(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url, Timeouts(connect=0.05), max_connections=1)
            holder = asyncio.create_task(fetch(pool))
            await until(lambda: pool.busy)
            with pytest.raises(UpstreamError) as raised:
                await fetch(pool)
            assert (raised.value.kind, raised.value.sent) == ("timeout", False)
            assert pool.waiting == 0
            holder.cancel()
            await asyncio.wait((holder,))
            await until_settled()
            assert pool.busy == 0
            await pool.aclose()

    run(main())


def test_cancelled_waiters_lose_no_slot(run: Run[Any]) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await always_ok(reader, writer)

        async with RawServer(script) as server:
            pool = Pool(server.url, max_connections=1)
            first = asyncio.create_task(fetch(pool))
            waiters = [asyncio.create_task(fetch(pool)) for _ in range(4)]
            await until(lambda: pool.waiting == 4)
            waiters[0].cancel()
            waiters[2].cancel()
            gate.set()
            results = await asyncio.gather(first, *waiters, return_exceptions=True)
            assert [isinstance(result, asyncio.CancelledError) for result in results] == [
                False,
                True,
                False,
                True,
                False,
            ]
            assert (pool.idle, pool.busy, pool.waiting) == (1, 0, 0)
            await pool.aclose()

    run(main())


@pytest.mark.parametrize("grant", ["connection", "slot"])
def test_a_waiter_cancelled_in_the_moment_of_its_grant_hands_it_on(run: Run[Any], grant: str) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url, max_connections=1)
            await fetch(pool)
            connection = pool._pop_idle(asyncio.get_running_loop())
            assert connection is not None
            waiters = [asyncio.create_task(fetch(pool)) for _ in range(2)]
            await until(lambda: pool.waiting == 2)
            if grant == "connection":
                pool._give_back(connection)
            else:
                connection.abort()
                await until(lambda: pool.waiting == 1)
            # It holds its grant and has not had its turn yet.
            waiters[0].cancel()
            results = await asyncio.gather(*waiters, return_exceptions=True)
            assert isinstance(results[0], asyncio.CancelledError)
            assert isinstance(results[1], tuple)
            assert (pool.idle, pool.busy) == (1, 0)
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


def test_a_waiter_whose_connection_dies_on_the_way_stays_first_in_line(run: Run[Any]) -> None:
    served: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            served.append((await read_request(reader)).split(b" ")[1])
            writer.write(OK)

    async def main() -> None:
        async with RawServer(script) as server:
            pool = Pool(server.url, max_connections=1)
            await fetch(pool)
            connection = pool._pop_idle(asyncio.get_running_loop())
            assert connection is not None
            waiters = []
            for name in (b"/first", b"/second"):
                waiters.append(asyncio.create_task(fetch(pool, UpstreamRequest("GET", name, []))))
                await asyncio.sleep(0)
            assert pool.waiting == 2
            pool._give_back(connection)
            connection.abort()
            await asyncio.gather(*waiters)
            assert served == [b"/", b"/first", b"/second"]
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
                with pytest.raises(UpstreamError) as raised:
                    await fetch(pool)
                assert (raised.value.kind, raised.value.sent) == ("connect", False)
            assert pool.busy == 0
            await pool.aclose()

    run(main())


def test_a_host_that_does_not_exist_is_a_connect_error(run: Run[Any]) -> None:
    async def main() -> None:
        pool = Pool("http://no-such-host.invalid")
        with pytest.raises(UpstreamError) as raised:
            await fetch(pool)
        assert (raised.value.kind, raised.value.sent) == ("connect", False)
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


def test_after_a_thousand_cancelled_requests_a_pool_of_four_still_serves(run: Run[Any]) -> None:
    async def main() -> None:
        patient = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            if patient.is_set():
                writer.write(OK)
            else:
                writer.write(CHUNKED + b"1\r\nx\r\n")
            await reader.read()

        async with RawServer(script) as server:
            pool = Pool(server.url, max_connections=4)
            for round_ in range(50):
                tasks = [asyncio.create_task(fetch(pool, POST)) for _ in range(20)]
                # Cancelled in different phases: in line, while connecting, before and after the head.
                for _ in range(round_ % 10):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                assert all(task.cancelled() for task in tasks)
            patient.set()
            assert (await fetch(pool, POST))[2] == b"ok"
            await until_settled()
            assert (pool.idle, pool.busy, pool.waiting) == (1, 0, 0)
            await pool.aclose()

    run(main())


def test_closing_the_pool_fails_those_in_line_and_lets_busy_answers_end(run: Run[Any]) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED + b"1\r\na\r\n")
            await gate.wait()
            writer.write(b"1\r\nb\r\n0\r\n\r\n")
            await reader.read()

        async with RawServer(script) as server:
            pool = Pool(server.url, max_connections=1)
            response = await pool.send(GET)
            waiter = asyncio.create_task(fetch(pool))
            await until(lambda: pool.waiting)
            await pool.aclose()
            with pytest.raises(UpstreamError) as raised:
                await waiter
            assert (raised.value.kind, raised.value.sent) == ("closed", False)
            with pytest.raises(UpstreamError):
                await fetch(pool)
            gate.set()
            assert b"".join([data async for data in response]) == b"ab"
            await until_settled()
            assert (pool.idle, pool.busy) == (0, 0)

    run(main())


def test_requests_cancelled_as_the_pool_closes_free_nothing_twice(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            pool = Pool(server.url, max_connections=1)
            tasks = [asyncio.create_task(fetch(pool)) for _ in range(3)]
            await until(lambda: pool.waiting == 2)
            tasks[1].cancel()
            await pool.aclose()
            tasks[2].cancel()
            tasks[0].cancel()
            await asyncio.wait(tasks)
            assert all(task.cancelled() for task in tasks)
            await until(lambda: pool.busy == 0)
            assert (pool.idle, pool.waiting) == (0, 0)

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


def test_no_time_limits_at_all_is_a_valid_setting(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url, Timeouts(None, None, None), max_connections=1)
            results = await asyncio.gather(*[fetch(pool) for _ in range(3)])
            assert [result[2] for result in results] == [b"ok"] * 3
            await pool.aclose()

    run(main())
