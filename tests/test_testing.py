"""The published fakes do what they say, so that tests built on them mean something."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import UpstreamError
from gateway.testing import ListClock, RawServer, Reply, ScriptedUpstream, read_request, serve
from gateway.upstream.base import Upstream, UpstreamRequest

GET = UpstreamRequest("GET", b"/", [])
BROKEN = UpstreamError("closed", "scripted", sent=True)


async def body_of(upstream: Upstream, request: UpstreamRequest = GET) -> bytes:
    response = await upstream.send(request)
    try:
        return b"".join([data async for data in response])
    finally:
        await response.aclose()


def test_a_scripted_upstream_gives_its_replies_in_order_and_remembers_the_requests() -> None:
    async def main() -> None:
        upstream = ScriptedUpstream([Reply(chunks=(b"a", b"b")), Reply(status=503, headers=[(b"x", b"1")])])
        assert await body_of(upstream) == b"ab"
        second = await upstream.send(UpstreamRequest("POST", b"/2", [], b"data"))
        assert (second.status, second.headers, upstream.unclosed) == (503, [(b"x", b"1")], 1)
        await second.aclose()
        await second.aclose()
        assert [request.target for request in upstream.requests] == [b"/", b"/2"]
        assert (upstream.unclosed, upstream.abandoned) == (0, 1)
        with pytest.raises(AssertionError, match="no reply is left for GET"):
            await upstream.send(GET)
        await upstream.aclose()
        assert upstream.closed

    asyncio.run(main())


def test_a_scripted_upstream_may_answer_by_the_request_and_reads_iterators() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    def echo(request: UpstreamRequest) -> Reply:
        assert isinstance(request.body, bytes)
        return Reply(chunks=(request.body,))

    async def main() -> None:
        upstream = ScriptedUpstream(echo)
        assert await body_of(upstream, UpstreamRequest("POST", b"/", [], pieces())) == b"ab"
        assert upstream.requests[0].body == b"ab"

    asyncio.run(main())


def test_a_scripted_failure_comes_at_its_point() -> None:
    async def main() -> None:
        upstream = ScriptedUpstream(
            [Reply(failure=BROKEN), Reply(chunks=(b"a", b"b"), failure=BROKEN, fails_after=1)]
        )
        with pytest.raises(UpstreamError):
            await upstream.send(GET)
        assert upstream.unclosed == 0
        response = await upstream.send(GET)
        body = response.__aiter__()
        assert await anext(body) == b"a"
        with pytest.raises(UpstreamError):
            await anext(body)
        await response.aclose()
        assert (upstream.unclosed, upstream.abandoned) == (0, 1)

    asyncio.run(main())


def test_a_scripted_reply_waits_for_its_events() -> None:
    async def main() -> None:
        go_on = asyncio.Event()
        upstream = ScriptedUpstream([Reply(chunks=(b"a", go_on, b"b"))])
        response = await upstream.send(GET)
        body = response.__aiter__()
        assert await anext(body) == b"a"
        second = asyncio.ensure_future(anext(body))
        await asyncio.sleep(0)
        assert not second.done()
        go_on.set()
        assert await second == b"b"

    asyncio.run(main())


def test_a_list_clock_says_its_times_and_then_stands_until_advanced() -> None:
    clock = ListClock([1.0, 2.0])
    assert [clock(), clock(), clock()] == [1.0, 2.0, 2.0]
    clock.advance(0.5)
    assert [clock(), clock()] == [2.5, 2.5]
    assert ListClock()() == 0.0
    with pytest.raises(ValueError, match="at least one"):
        ListClock([])


Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def test_serve_runs_an_application_with_its_lifespan_and_stops_it() -> None:
    seen: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                seen.append(stage)
                await send({"type": f"lifespan.{stage}.complete"})
            return
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"served"})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with serve(app) as url:
            assert httpx.get(url + "/here").content == b"served"
    assert seen == ["startup", "/here", "shutdown"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_serve_says_when_an_application_does_not_start() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="did not start"), serve(app):
        pass


async def echo_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await read_request(reader))


async def talk(server: RawServer, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_raw_server_runs_its_script_and_closes(request_bytes: bytes) -> None:
    async def main() -> None:
        async with RawServer(echo_once) as server:
            assert server.url == f"http://127.0.0.1:{server.port}"
            assert await talk(server, request_bytes) == request_bytes
            assert server.accepted == 1

    asyncio.run(main())


def test_a_raw_server_listens_on_a_unix_socket_too(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "s")
        async with RawServer(echo_once, uds=path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b"GET / HTTP/1.1\r\n\r\n"
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_what_a_script_raises_fails_the_test_around_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise ValueError("in the script")

    async def main(failure: Exception | None) -> None:
        async with RawServer(script) as server:
            assert await talk(server, b"") == b""
            if failure is not None:
                raise failure

    with pytest.raises(ValueError, match="in the script"):
        asyncio.run(main(None))
    with pytest.raises(KeyError) as raised:
        asyncio.run(main(KeyError()))
    assert "in the script" in raised.value.__notes__[0]


def test_leaving_a_raw_server_ends_scripts_that_would_run_for_ever() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with RawServer(script) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            while not server.accepted:  # noqa: ASYNC110 - the count sets no event
                await asyncio.sleep(0)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    asyncio.run(main())


def test_a_client_that_leaves_early_is_no_error_of_the_script() -> None:
    async def main() -> None:
        async with RawServer(echo_once) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HT")
            writer.close()
            await writer.wait_closed()
            while server._tasks or not server.accepted:  # noqa: ASYNC110 - the count sets no event
                await asyncio.sleep(0)

    asyncio.run(main())
