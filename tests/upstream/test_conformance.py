"""What any client behind the interface must do, asked of all of them alike.

What only one of them promises stands in the tests of its own files.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.testing import RawServer, read_request
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.httpx2_backend import Httpx2
from gateway.upstream.pool import Pool
from tests.upstream.conftest import Run
from tests.upstream.helpers import (
    CHUNKED,
    GET,
    OK,
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
from tests.upstream.test_against_httpx import ANSWERS

# --- requests ----------------------------------------------------------------------------------


def test_target_fields_and_body_arrive_as_they_were_written(run: Run[Any], build: Build) -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url + "/base/")
            target = b"/p//a/../%41?q=%41&q=a+b;c&&"
            fields = [(b"X-A", b"1"), (b"x-a", b"caf\xe9"), (b"Authorization", b"Bearer k")]
            await fetch(client, UpstreamRequest("POST", target, fields, b"body"))
            await client.aclose()
            head, _, body = seen[0].partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            assert lines[0] == b"POST /base" + target + b" HTTP/1.1"
            own = [line for line in lines[1:] if not line.lower().startswith((b"host:", b"content-length:"))]
            assert own == [b"%b: %b" % field for field in fields], "nothing added, nothing changed"
            assert b"host: 127.0.0.1:%d" % server.port in [line.replace(b"Host", b"host") for line in lines]
            assert b"content-length: 4" in [line.lower() for line in lines]
            assert body == b"body"

    run(main())


def test_a_body_from_an_iterator_is_sent_in_chunks_or_with_its_length(run: Run[Any], build: Build) -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append((await read_request(reader)).lower())
            writer.write(OK)

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url)
            await fetch(client, UpstreamRequest("POST", b"/", [], pieces(b"ab", b"", b"c")))
            counted = [(b"content-length", b"3")]
            await fetch(client, UpstreamRequest("POST", b"/", counted, pieces(b"ab", b"c")))
            await client.aclose()
            assert b"transfer-encoding: chunked" in seen[0]
            assert seen[0].endswith(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
            assert b"transfer-encoding" not in seen[1]
            assert seen[1].endswith(b"\r\n\r\nabc")

    run(main())


@pytest.mark.parametrize("parts", [(b"ab",), (b"abcd",), (b"ab", b"cd")])
def test_a_body_of_another_length_than_promised_is_an_error(
    run: Run[Any], build: Build, parts: tuple[bytes, ...]
) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            client = build(server.url)
            request = UpstreamRequest("POST", b"/", [(b"content-length", b"3")], pieces(*parts))
            assert await error_of(client, request) == ("protocol", True)
            await client.aclose()

    run(main())


def test_what_the_body_iterator_raises_comes_out(run: Run[Any], build: Build) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        raise LookupError("the client left")

    async def main() -> None:
        async with RawServer(silent) as server:
            client = build(server.url)
            with pytest.raises(LookupError, match="the client left"):
                await fetch(client, UpstreamRequest("POST", b"/", [], body()))
            await until(lambda: not client.busy)
            await client.aclose()

    run(main())


@pytest.mark.parametrize(
    "bad",
    [
        UpstreamRequest("GET", b"/ HTTP/1.1\r\nx: y", []),
        UpstreamRequest("GET", b"/", [(b"x", b"1\r\ny: 2")]),
        UpstreamRequest("GET", b"/", [(b"transfer-encoding", b"chunked")]),
        UpstreamRequest("POST", b"/", [(b"content-length", b"1")], b"ab"),
        UpstreamRequest("CONNECT", b"/", []),
    ],
)
def test_a_request_that_could_be_two_is_not_sent(run: Run[Any], build: Build, bad: UpstreamRequest) -> None:
    async def main() -> None:
        async with RawServer(always_ok) as server:
            client = build(server.url)
            assert await error_of(client, bad) == ("protocol", False)
            assert server.accepted == 0
            await client.aclose()

    run(main())


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_well_formed_answers_are_read_alike(run: Run[Any], name: str) -> None:
    async def main() -> None:
        async with RawServer(answering(ANSWERS[name])) as server:
            clients: list[Client] = [Pool(server.url), Httpx2(server.url)]
            ours, theirs = await asyncio.gather(*map(fetch, clients))
            assert ours == theirs
            await asyncio.gather(*(client.aclose() for client in clients))

    run(main())


def test_each_event_reaches_the_reader_before_the_next_is_sent(run: Run[Any], build: Build) -> None:
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
            client = build(server.url)
            response = await client.send(GET)
            step.release()
            number = 0
            async for data in response:
                assert data == b"data: %d\n\n" % number
                number += 1
                step.release()
            assert number == 5
            await response.aclose()
            await client.aclose()

    run(main())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=5), step=st.integers(1, 40))
def test_any_cutting_on_the_wire_gives_the_same_body(
    run: Run[Any], build: Build, chunks: list[bytes], step: int
) -> None:
    answer = CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for at in range(0, len(answer), step):
            writer.write(answer[at : at + step])
            await writer.drain()

    async def main() -> None:
        async with RawServer(script) as server:
            client = build(server.url)
            assert (await fetch(client))[2] == b"".join(chunks)
            await client.aclose()

    run(main())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "closed"),
        (CHUNKED + b"2\r\nab\r\n", "closed"),
        (CHUNKED + b"nonsense\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc", "protocol"),
        (b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol"),
    ],
)
def test_a_broken_answer_is_an_error_and_never_a_short_one(
    run: Run[Any], build: Build, answer: bytes, kind: str
) -> None:
    async def main() -> None:
        async with RawServer(answering(answer)) as server:
            client = build(server.url)
            assert await error_of(client) == (kind, True)
            await client.aclose()

    run(main())


def test_what_arrived_before_a_break_is_handed_on_and_the_error_stays(run: Run[Any], build: Build) -> None:
    async def main() -> None:
        async with RawServer(answering(CHUNKED + b"2\r\nab\r\n")) as server:
            client = build(server.url)
            response = await client.send(GET)
            assert await anext(response.__aiter__()) == b"ab"
            for _ in range(2):
                with pytest.raises(UpstreamError):
                    await anext(response.__aiter__())
            await response.aclose()
            await client.aclose()

    run(main())
