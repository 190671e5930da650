"""Requests in line for a connection, and a pool that closes."""

from __future__ import annotations

import asyncio
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
    fetch,
    silent,
    until,
    until_settled,
)


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


def test_no_time_limits_at_all_is_a_valid_setting(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            pool = Pool(server.url, Timeouts(None, None, None), max_connections=1)
            results = await asyncio.gather(*[fetch(pool) for _ in range(3)])
            assert [result[2] for result in results] == [b"ok"] * 3
            await pool.aclose()

    run(main())
