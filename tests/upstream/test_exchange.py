"""One request and its answer: streaming, back-pressure, deadlines, and every way to break off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts, UpstreamRequest
from gateway.upstream.exchange import HIGH_WATER, Exchange
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    OK,
    POST,
    answering,
    fetch,
    pieces,
    silent,
    until,
    until_settled,
)

MEGABYTE = b"0123456789abcdef" * 65536


async def failure_of(pool: Pool, request: UpstreamRequest = GET) -> tuple[str, bool]:
    with pytest.raises(UpstreamError) as raised:
        await fetch(pool, request)
    await until_settled()
    assert (pool.idle, pool.busy) == (0, 0)
    return raised.value.kind, raised.value.sent


def timer_of(exchange: Exchange) -> asyncio.TimerHandle | None:
    return exchange._timer


# --- streaming ---------------------------------------------------------------------------------------


def test_each_event_reaches_the_reader_before_the_next_is_sent(run: Run[Any]) -> None:
    async def main() -> None:
        step = asyncio.Semaphore(0)

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(CHUNKED)
            for number in range(5):
                await step.acquire()
                event = b"data: %d\n\n" % number
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await step.acquire()
            writer.write(b"0\r\n\r\n")

        async with RawServer(script) as server:
            pool = Pool(server.url)
            response = await pool.send(GET)
            step.release()
            number = 0
            async for data in response:
                assert data == b"data: %d\n\n" % number
                number += 1
                step.release()
            assert number == 5
            await response.aclose()
            await pool.aclose()

    run(main())


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


# --- back-pressure -------------------------------------------------------------------------------------


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


# --- an answer before the end of the request ----------------------------------------------------------


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


# --- body iterators that fail ---------------------------------------------------------------------------


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


# --- servers that break off ------------------------------------------------------------------------------


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


# --- deadlines -------------------------------------------------------------------------------------------


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


# --- cancelling ------------------------------------------------------------------------------------------


def test_cancelling_in_any_phase_closes_the_connection_at_once(run: Run[Any]) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"begin"
        await asyncio.Event().wait()

    requests: dict[str, Callable[[], UpstreamRequest]] = {
        "waiting for the head": lambda: GET,
        "sending, iterator stands still": lambda: UpstreamRequest("POST", b"/", [], stalled()),
        "sending, server stands still": lambda: UpstreamRequest("POST", b"/", [], pieces(*[MEGABYTE] * 16)),
        "inside the answer": lambda: UpstreamRequest("GET", b"/stream", []),
    }

    async def main() -> None:
        for phase, request in requests.items():
            reached, gone = asyncio.Event(), asyncio.Event()

            async def script(
                reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter,
                phase: str = phase,
                reached: asyncio.Event = reached,
                gone: asyncio.Event = gone,
            ) -> None:
                await reader.readuntil(b"\r\n\r\n")
                if phase == "inside the answer":
                    writer.write(CHUNKED + b"1\r\na\r\n")
                reached.set()
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(2**40)
                gone.set()

            async with RawServer(script) as server:
                pool = Pool(server.url)
                task = asyncio.create_task(fetch(pool, request()))
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


# --- over real sockets, any bytes ----------------------------------------------------------------------


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
