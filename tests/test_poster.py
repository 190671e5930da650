"""One POST to another system: where it goes, how long it may take, and how much of the answer is read."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.errors import UpstreamError
from gateway.poster import LARGEST, Poster, parts_of
from gateway.testing import RawServer, read_request
from tests.adapters.support import Replying, json_answer
from tests.adapters.wire import run


def test_a_body_is_posted_and_the_connection_used_again() -> None:
    async def main() -> None:
        script = Replying(json_answer({"fine": True}))
        async with RawServer(script) as server, Poster() as poster:
            for _ in range(2):
                url = f"{server.url}/hook/a%20b?x=1"
                status, body = await poster.post(url, {"x-sign": "v1"}, b"{}", patience=10.0)
                assert (status, json.loads(body)) == (200, {"fine": True})
            assert server.accepted == 1
            head, _, body = script.requests[0].partition(b"\r\n\r\n")
            assert head.startswith(b"POST /hook/a%20b?x=1 HTTP/1.1\r\nhost: 127.0.0.1:")
            assert b"x-sign: v1" in head
            assert body == b"{}"

    run(main())


def test_no_redirect_is_followed() -> None:
    async def main() -> None:
        script = Replying(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
        async with RawServer(script) as server, Poster() as poster:
            assert await poster.post(server.url, {}, b"", patience=10.0) == (302, b"")
            assert script.requests[0].startswith(b"POST / HTTP/1.1")

    run(main())


def test_an_answer_is_read_so_far_and_no_further() -> None:
    async def main() -> None:
        body = b"x" * (LARGEST + 1000)
        script = Replying(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        async with RawServer(script) as server, Poster() as poster:
            assert await poster.post(server.url, {}, b"", patience=10.0) == (200, b"x" * LARGEST)

    run(main())


def test_whoever_does_not_answer_in_time_is_left() -> None:
    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await reader.read()

        async with RawServer(silent) as server, Poster() as poster:
            with pytest.raises(UpstreamError) as failed:
                await poster.post(server.url, {}, b"", patience=0.05)
            assert (failed.value.kind, failed.value.sent) == ("timeout", True)

    run(main())


@pytest.mark.parametrize(
    "url",
    ["gateway:9901", "ftp://x/", "http://", "http://u:p@h/", "http://h/#x", "http://h/\u00e9", "", "/x"],
)
def test_what_is_no_url_is_an_error(url: str) -> None:
    async def main() -> None:
        async with Poster() as poster:
            with pytest.raises(ValueError, match=r"."):
                await poster.post(url, {}, b"", patience=1.0)

    run(main())


def test_a_url_is_taken_apart() -> None:
    assert parts_of("https://h:8443/a/b?c=d") == ("https://h:8443", b"/a/b?c=d")
    assert parts_of("https://h") == ("https://h", b"/")
