"""What only the second client can do: HTTP/2, outbound proxies. What all must do is in test_conformance."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.testing import RawServer
from gateway.upstream.base import Timeouts, UpstreamRequest
from gateway.upstream.httpx2_backend import Httpx2
from gateway.upstream.origin import Tls
from tests.upstream.conftest import Run
from tests.upstream.h2_server import Talk, speaking
from tests.upstream.helpers import GET, POST, always_ok, answering, fetch, pieces, silent, until


async def ok(talk: Talk, stream: int) -> None:
    await talk.head(stream, ("x-a", "1"))
    await talk.data(stream, b"ok", end=True)


# --- HTTP/2 ------------------------------------------------------------------------------------


def test_http_2_is_spoken_unasked_to_a_server_without_tls(run: Run[Any]) -> None:
    talks: list[Talk] = []

    async def main() -> None:
        async with RawServer(speaking(ok, talks)) as server:
            client = Httpx2(server.url + "/base", http2=True)
            request = UpstreamRequest("POST", b"/p?q=%41", [(b"x-b", b"2")], b"body")
            assert await fetch(client, request) == (200, [(b"x-a", b"1")], b"ok")
            assert (await fetch(client, GET))[2] == b"ok"
            assert (server.accepted, client.idle, client.busy) == (1, 1, 0)
            sent = dict(talks[0].requests[1])
            assert sent[b":path"] == b"/base/p?q=%41"
            assert sent[b":authority"] == b"127.0.0.1:%d" % server.port
            assert sent[b"x-b"] == b"2"
            assert talks[0].bodies == {1: b"body"}
            await client.aclose()

    run(main())


@pytest.mark.parametrize("offered", ["h2", "http/1.1"])
def test_with_tls_the_server_chooses(
    run: Run[Any], server_side: ssl.SSLContext, certificate: Path, offered: str
) -> None:
    talks: list[Talk] = []

    async def main() -> None:
        server_side.set_alpn_protocols([offered])
        script = speaking(ok, talks) if offered == "h2" else always_ok
        async with RawServer(script, tls=server_side) as server:
            client = Httpx2(server.url, tls=Tls(ca_file=certificate), http2=True)
            assert (await fetch(client))[::2] == (200, b"ok")
            assert bool(talks) == (offered == "h2")
            await client.aclose()

    run(main())


def test_events_come_one_by_one_over_http_2(run: Run[Any]) -> None:
    async def main() -> None:
        step = asyncio.Semaphore(0)

        async def script(talk: Talk, stream: int) -> None:
            await talk.head(stream)
            for number in range(3):
                await step.acquire()
                await talk.data(stream, b"data: %d\n\n" % number, end=number == 2)

        async with RawServer(speaking(script, [])) as server:
            client = Httpx2(server.url, http2=True)
            response = await client.send(POST)
            seen = []
            step.release()
            async for data in response:
                seen.append(data)
                step.release()
            assert seen == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
            await client.aclose()

    run(main())


def test_who_leaves_an_http_2_answer_stops_the_server_and_nobody_else(run: Run[Any]) -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def begun(talk: Talk, stream: int) -> None:
            await talk.head(stream)
            await talk.data(stream, b"a")
            await go_on.wait()
            await talk.data(stream, b"b", end=True)

        ended = 0
        serve = speaking(begun, [])

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal ended
            try:
                await serve(reader, writer)
            finally:
                ended += 1

        async with RawServer(script) as server:
            client = Httpx2(server.url, http2=True)
            leaving, staying = await asyncio.gather(client.send(GET), client.send(GET))
            assert server.accepted == 2, "each request has a connection to itself"
            assert await anext(aiter(leaving)) == b"a"
            await leaving.aclose()
            go_on.set()
            assert b"".join([data async for data in staying]) == b"ab"
            assert (client.idle, client.busy) == (1, 0)
            await client.aclose()
            await until(lambda: ended == 2)

    run(main())


def test_a_stream_that_the_server_resets_is_an_error(run: Run[Any]) -> None:
    async def reset(talk: Talk, stream: int) -> None:
        await talk.head(stream)
        talk.h2.reset_stream(stream, 2)

    async def main() -> None:
        async with RawServer(speaking(reset, [])) as server:
            client = Httpx2(server.url, http2=True)
            with pytest.raises(UpstreamError) as raised:
                await fetch(client)
            assert (raised.value.kind, raised.value.sent) == ("protocol", True)
            assert (client.idle, client.busy) == (0, 0)
            await client.aclose()

    run(main())


@pytest.mark.parametrize("parts", [(b"ab",), (b"ab", b"cd")])
def test_a_body_keeps_its_promise_over_http_2_as_well(run: Run[Any], parts: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with RawServer(speaking(ok, [])) as server:
            client = Httpx2(server.url, http2=True)
            request = UpstreamRequest("POST", b"/", [(b"content-length", b"3")], pieces(*parts))
            with pytest.raises(UpstreamError, match="content-length") as raised:
                await fetch(client, request)
            assert raised.value.kind == "protocol"
            assert client.busy == 0
            await client.aclose()

    run(main())


# --- outbound proxies --------------------------------------------------------------------------


def tunnelling(seen: list[bytes], refuse: bool = False) -> Any:
    """A script for `RawServer`: an HTTP proxy for both kinds of request."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        if refuse:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        if method == b"CONNECT":
            host, _, port = target.rpartition(b":")
            there = await asyncio.open_connection(host.decode(), int(port))
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy")

    return script


def test_a_plain_request_goes_to_the_proxy_with_its_whole_address(run: Run[Any]) -> None:
    seen: list[bytes] = []

    async def main() -> None:
        async with RawServer(tunnelling(seen)) as proxy:
            client = Httpx2("http://model.invalid:81/v1", proxy=proxy.url)
            assert (await fetch(client, UpstreamRequest("GET", b"/a/../b?q=%41", [])))[2] == b"proxy"
            assert seen[0].startswith(b"GET http://model.invalid:81/v1/a/../b?q=%41 HTTP/1.1\r\n")
            await client.aclose()

    run(main())


def test_a_request_over_tls_goes_through_a_tunnel_with_the_proxys_credentials(
    run: Run[Any], server_side: ssl.SSLContext, certificate: Path
) -> None:
    seen: list[bytes] = []

    async def main() -> None:
        async with RawServer(tunnelling(seen)) as proxy, RawServer(always_ok, tls=server_side) as server:
            with_credentials = proxy.url.replace("http://", "http://user:pass@")
            client = Httpx2(server.url, tls=Tls(ca_file=certificate), proxy=with_credentials)
            secret = UpstreamRequest("GET", b"/", [(b"authorization", b"Bearer sk-model")])
            assert (await fetch(client, secret))[2] == b"ok"
            assert seen[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % server.port)
            assert b"Basic dXNlcjpwYXNz" in seen[0]
            assert b"sk-model" not in seen[0]
            await client.aclose()

    run(main())


def test_a_proxy_that_refuses_is_a_connect_error(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(tunnelling([], refuse=True)) as proxy:
            client = Httpx2("https://model.invalid", proxy=proxy.url)
            with pytest.raises(UpstreamError) as raised:
                await fetch(client)
            assert (raised.value.kind, raised.value.sent) == ("connect", False)
            assert client.busy == 0
            await client.aclose()

    run(main())


# --- TLS ---------------------------------------------------------------------------------------


def test_an_unknown_certificate_is_a_connect_error(run: Run[Any], server_side: ssl.SSLContext) -> None:
    async def main() -> None:
        async with RawServer(always_ok, tls=server_side) as server:
            client = Httpx2(server.url)
            with pytest.raises(UpstreamError) as raised:
                await fetch(client)
            assert (raised.value.kind, raised.value.sent) == ("connect", False)
            await client.aclose()
            client = Httpx2(server.url, tls=Tls(verify=False))
            assert (await fetch(client))[2] == b"ok"
            await client.aclose()

    run(main())


def test_a_handshake_that_never_ends_runs_into_the_connect_timeout(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(silent) as server:
            client = Httpx2(server.url.replace("http:", "https:"), Timeouts(connect=0.05))
            with pytest.raises(UpstreamError) as raised:
                await fetch(client)
            assert (raised.value.kind, raised.value.sent) == ("timeout", False)
            assert client.busy == 0
            await client.aclose()

    run(main())


def test_requests_in_line_fail_when_the_client_is_closed(run: Run[Any]) -> None:
    async def main() -> None:
        async with RawServer(answering()) as server:
            client = Httpx2(server.url, max_connections=1)
            first = asyncio.create_task(fetch(client))
            await until(lambda: client.busy)
            second = asyncio.create_task(fetch(client))
            await asyncio.sleep(0)
            await client.aclose()
            done = await asyncio.gather(first, second, return_exceptions=True)
            assert [error.sent for error in done if isinstance(error, UpstreamError)] == [True, False]

    run(main())
