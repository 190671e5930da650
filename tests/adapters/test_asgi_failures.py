"""The proxy when something goes wrong: bad bodies, failing servers, and clients that leave."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from gateway.model import Mode
from gateway.testing import RawServer, read_request
from gateway.upstream.base import Timeouts
from tests.adapters.support import (
    Replying,
    Running,
    always,
    ask,
    chat_bytes,
    gateway,
    json_answer,
    pair,
    read_answer,
    request_bytes,
)
from tests.adapters.wire import ANSWER, SSE, chunk, event, run

# --- bad input ---------------------------------------------------------------------------------------

BAD = [
    (b"", "empty_body"),
    (b'{"messages": [', "invalid_json"),
    (b"[1, 2]", "not_an_object"),
    (b'{"messages": "\xff"}', "invalid_utf8"),
    (b'{"messages": 5}', "invalid_type"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    (b'{"stream": false, "stream": true, "messages": []}', "duplicate_key"),
]


@pytest.mark.parametrize(("body", "code"), BAD)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat", "/completion"])
def test_a_bad_body_is_one_clear_error_in_enforce_and_passes_unscored_in_shadow(
    body: bytes, code: str, path: str
) -> None:
    if path == "/completion" and code == "invalid_type":
        body = b'{"prompt": 5}'

    async def main() -> None:
        upstream = Replying(json_answer({"error": "theirs"}, "400 Bad Request"))
        async with pair(upstream, ceiling=Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(body, path))
            assert seen.status == 400
            assert b"id-1" in seen.body
            assert running.records[0].unscored == code
            assert upstream.requests == []
        async with pair(upstream, ceiling=Mode.SHADOW) as running:
            seen = await ask(running.port, request_bytes(body, path))
            assert seen.json() == {"error": "theirs"}
            assert upstream.requests[0].endswith(b"\r\n\r\n" + body)
            (record,) = await running.recorded()
            assert record.unscored == code

    run(main())


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_a_body_over_the_limit_is_413_and_never_reaches_the_model(ceiling: Mode, framing: str) -> None:
    async def main() -> None:
        upstream = Replying(b"")
        async with pair(upstream, ceiling=ceiling, max_body=1000) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            if framing == "chunked":
                head = b"POST /v1/messages HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n"
                writer.write(head + chunk(b"x" * 600) * 2)
            else:
                # The announced size is enough; a client need not send 100 MB to be told.
                writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: g\r\ncontent-length: 100000000\r\n\r\n{")
            seen = await read_answer(reader)
            writer.close()
            assert (seen.status, seen.json()["error"]["type"]) == (413, "request_too_large")
            (record,) = await running.recorded()
            assert record.unscored == "body_too_large"
            assert upstream.requests == []

    run(main())


@pytest.mark.parametrize("coding", ["gzip", "x-unknown"])
def test_compressed_bodies_are_scored_or_refused_but_never_passed_unscored_in_enforce(coding: str) -> None:
    async def main() -> None:
        upstream = Replying(json_answer(ANSWER))
        body = gzip.compress(chat_bytes())
        async with pair(upstream, always(25), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(body, headers=(("content-encoding", coding),)))
            (record,) = await running.recorded()
            if coding == "gzip":
                assert (seen.status, record.enforced.rung) == (200, "watch")
                assert upstream.requests[0].endswith(body)
            else:
                assert (seen.status, record.unscored) == (415, "unsupported_encoding")

    run(main())


# --- when the model server fails ---------------------------------------------------------------------


def test_a_server_that_is_not_there_is_a_clear_error_in_each_dialect() -> None:
    async def main() -> None:
        async with RawServer(Replying(b"")) as gone:
            url = gone.url
        async with gateway(url) as running:
            openai = await ask(running.port, request_bytes(chat_bytes()))
            anthropic = await ask(running.port, request_bytes(chat_bytes(max_tokens=1), "/v1/messages"))
            ollama = await ask(running.port, request_bytes(chat_bytes(), "/api/chat"))
            assert [seen.status for seen in (openai, anthropic, ollama)] == [502, 502, 502]
            assert openai.json()["error"]["code"] == "upstream_connect"
            assert openai.get(b"x-should-retry") is None
            assert anthropic.json()["type"] == "error"
            assert isinstance(ollama.json()["error"], str)
            assert [record.error for record in running.records] == ["upstream_connect"] * 3

    run(main())


def test_a_silent_server_is_504_and_its_request_is_not_sent_again() -> None:
    async def main() -> None:
        requests: list[bytes] = []

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append(await read_request(reader))
            await reader.read()

        async with pair(silent, timeouts=Timeouts(1.0, 0.05, 1.0)) as running:
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.status, seen.json()["error"]["code"]) == (504, "upstream_timeout")
            assert seen.get(b"x-should-retry") == b"false"
            assert len(requests) == 1

    run(main())


def test_a_server_that_dies_after_reading_the_request_is_asked_once() -> None:
    async def main() -> None:
        requests: list[bytes] = []

        async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append(await read_request(reader))
            if len(requests) == 1:
                writer.write(json_answer(ANSWER))
                requests.append(await read_request(reader))

        async with pair(dying) as running:
            assert (await ask(running.port, request_bytes(chat_bytes()))).status == 200
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.status, seen.json()["error"]["code"]) == (502, "upstream_closed")
            assert len(requests) == 2

    run(main())


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
@pytest.mark.parametrize("cut", [0, 20])
@pytest.mark.parametrize(
    ("path", "marker"),
    [
        ("/v1/chat/completions", b'data: {"error"'),
        ("/v1/completions", b'data: {"error"'),
        ("/v1/messages", b"event: error"),
        ("/v1/responses", b"error"),
        ("/api/chat", b'{"error"'),
    ],
)
def test_a_stream_that_breaks_off_ends_in_an_error_event_and_never_in_done(
    path: str, marker: bytes, cut: int, ceiling: Mode
) -> None:
    async def main() -> None:
        kind = b"application/x-ndjson" if path == "/api/chat" else b"text/event-stream"

        async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            one, two = event("one"), event("two")
            if path == "/api/chat":
                one = two = b'{"message": {"content": "one"}, "done": false}\n'
            writer.write(SSE.replace(b"text/event-stream", kind) + chunk(one + two[:cut]))
            await writer.drain()
            writer.transport.abort()

        async with pair(breaking, always(40), ceiling) as running:
            body = chat_bytes(stream=True, max_tokens=9, input="x", prompt="x")
            seen = await ask(running.port, request_bytes(body, path))
            assert seen.complete
            assert marker in seen.body
            assert b"[DONE]" not in seen.body
            (record,) = await running.recorded()
            assert (record.error, record.finished) == ("upstream_closed", False)
            assert record.usage is not None

    run(main())


@pytest.mark.parametrize("framing", [b"content-length: 500", b"transfer-encoding: chunked"])
def test_a_whole_answer_that_breaks_off_is_cut_not_completed(framing: bytes) -> None:
    async def main() -> None:
        async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            body = b'{"choices": [' if b"length" in framing else chunk(b'{"choices": [')
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + framing + b"\r\n\r\n" + body
            )
            await writer.drain()
            writer.transport.abort()

        async with pair(breaking) as running:
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.complete, seen.body) == (False, b'{"choices": [')
            assert running.records[0].error == "upstream_closed"

    run(main())


# --- when the client leaves --------------------------------------------------------------------------


async def _leave_when(running: Running, request: bytes, reached: asyncio.Event) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(request)
    await reached.wait()
    writer.transport.abort()


@pytest.mark.parametrize("phase", ["headers", "body"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/unknown"])
def test_a_client_that_leaves_cancels_the_upstream(phase: str, path: str) -> None:
    async def main() -> None:
        reached, cancelled = asyncio.Event(), asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            if phase == "body":
                writer.write(SSE + chunk(event("one")))
            reached.set()
            assert await reader.read() == b""
            cancelled.set()

        async with pair(upstream) as running:
            await _leave_when(running, request_bytes(chat_bytes(stream=True), path), reached)
            await cancelled.wait()
            (record,) = await running.recorded()
            assert (record.error, record.finished) == ("client_gone", False)
            assert running.pool.busy == 0
            line = f'gateway_client_disconnects_total{{phase="{phase}"}} 1.0'
            # The head may or may not have been relayed when the client left.
            assert line.encode() in running.metrics.exposition()[0] or phase == "body"

    run(main())


def test_a_client_that_leaves_while_we_delay_never_reaches_the_upstream() -> None:
    async def main() -> None:
        upstream = Replying(json_answer(ANSWER))
        async with pair(upstream, always(70), Mode.ENFORCE) as running:
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes(max_tokens=1)))
            await asyncio.sleep(0.2)
            writer.transport.abort()
            (record,) = await running.recorded()
            assert (record.error, record.delay) == ("client_gone", 1.0)
            assert upstream.requests == []
            assert b'{phase="delay"} 1.0' in running.metrics.exposition()[0]

    run(main())


def test_a_client_that_leaves_in_the_middle_of_its_request_is_recorded() -> None:
    async def main() -> None:
        upstream = Replying(b"")
        async with pair(upstream) as running:
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes())[:-5])
            await writer.drain()
            writer.transport.abort()
            (record,) = await running.recorded()
            assert record.error == "client_gone"
            assert upstream.requests == []

    run(main())


def test_many_clients_that_leave_do_not_use_up_the_pool() -> None:
    async def main() -> None:
        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await read_request(reader)
            if b"stay" in request:
                writer.write(json_answer(ANSWER))
            else:
                writer.write(SSE + chunk(event("one")))
            await reader.read()

        async with pair(upstream, connections=4) as running:
            for _ in range(100):
                _, writer = await asyncio.open_connection("127.0.0.1", running.port)
                writer.write(request_bytes(chat_bytes(stream=True)))
                await asyncio.sleep(0)
                writer.transport.abort()
            assert (await ask(running.port, request_bytes(chat_bytes(user="stay")))).json() == ANSWER
            await running.recorded(101)
            assert running.pool.waiting == 0
            assert b"gateway_inflight_requests 0.0" in running.metrics.exposition()[0]

    run(main())
