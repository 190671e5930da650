"""The proxy as its neighbours see it: bytes, streams, errors, and who is told when somebody leaves."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.asgi import Parts, Proxy
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
    read_chunk,
    read_head,
    request_bytes,
)
from tests.support import bundle, policy

ANSWER = {
    "id": "x",
    "choices": [{"index": 0, "message": {"content": "hi"}}],
    "usage": {"completion_tokens": 3},
}
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine to its end, but not for ever."""

    async def limited() -> None:
        async with asyncio.timeout(60):
            await main

    asyncio.run(limited())


def event(text: str, **more: Any) -> bytes:
    """One chat event."""
    delta = {"choices": [{"index": 0, "delta": {"content": text}, **more}]}
    return b"data: " + json.dumps(delta).encode() + b"\n\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# --- fidelity ----------------------------------------------------------------------------------------

token = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
value = st.text("ABCabc012 ;=/\"'äö", max_size=20).map(lambda text: text.strip().encode("latin-1"))
fields = st.lists(st.tuples(token.map(lambda name: b"x-t-" + name.encode()), value), max_size=6)
ceilings = st.sampled_from([Mode.DISABLED, Mode.SHADOW])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sent=fields,
    body=st.one_of(st.binary(max_size=300), st.just(chat_bytes(stream=True, logprobs=True, n=3))),
    status=st.sampled_from([200, 201, 400, 404, 418, 429, 500, 503, 599]),
    back=fields,
    kind=st.sampled_from([b"application/json", b"text/event-stream", b"application/x-ndjson", b"image/png"]),
    chunks=st.lists(st.binary(min_size=1, max_size=60), max_size=5),
    chunked=st.booleans(),
    ceiling=ceilings,
    path=st.sampled_from(["/v1/chat/completions", "/v1/messages?beta=true", "/v1/%66oo/..//bar?x=%2F", "/"]),
)
def test_shadow_changes_nothing_on_the_wire(
    sent: list[tuple[bytes, bytes]],
    body: bytes,
    status: int,
    back: list[tuple[bytes, bytes]],
    kind: bytes,
    chunks: list[bytes],
    chunked: bool,
    ceiling: Mode,
    path: str,
) -> None:
    """Whatever the client sends and the server answers, valid or not, scored at 100 points or not."""
    answer = b"".join(chunks)
    head = [b"HTTP/1.1 %d Whatever" % status, b"content-type: " + kind, b"date: today", b"server: s"]
    head += [name + b": " + text for name, text in back]
    framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % len(answer)
    packed = b"".join(map(chunk, chunks)) + b"0\r\n\r\n" if chunked else answer
    upstream = Replying(b"\r\n".join([*head, framing, b"", b""]) + packed)

    async def main() -> None:
        async with pair(upstream, always(100), ceiling) as running:
            headers = tuple((name.decode(), text.decode("latin-1")) for name, text in sent)
            request = request_bytes(body, path, headers=headers)
            encoded = request if not any(text for _, text in sent) else _latin(body, path, sent)
            seen = await ask(running.port, encoded)
            assert (seen.status, seen.body, seen.complete) == (status, answer, True)
            expected = [(b"content-type", kind), (b"date", b"today"), (b"server", b"s"), *back]
            assert [pair for pair in seen.headers if pair[0] not in _FRAMING] == expected
            (arrived,) = upstream.requests
            got_head, _, got_body = arrived.partition(b"\r\n\r\n")
            assert got_body == body
            line, *got = got_head.split(b"\r\n")
            assert line == f"POST {path} HTTP/1.1".encode()
            pairs = [tuple(field.split(b": ", 1)) for field in got]
            assert [pair for pair in pairs if pair[0].startswith(b"x-t-")] == sent

    run(main())


_FRAMING = (b"content-length", b"transfer-encoding", b"connection")


def _latin(body: bytes, path: str, sent: list[tuple[bytes, bytes]]) -> bytes:
    head = b"".join(name + b": " + text + b"\r\n" for name, text in sent)
    start = b"POST %b HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n" % (path.encode(), len(body))
    return start + head + b"\r\n" + body


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
@pytest.mark.parametrize(
    ("path", "kind", "first"),
    [
        ("/v1/chat/completions", "text/event-stream", event("one")),
        ("/v1/messages", "text/event-stream", b'event: ping\ndata: {"type": "ping"}\n\n'),
        ("/api/chat", "application/x-ndjson", b'{"message": {"content": "one"}, "done": false}\n'),
        ("/v1/unknown", "text/event-stream", b"data: anything\n\n"),
    ],
)
def test_the_first_event_arrives_before_the_second_is_sent(
    ceiling: Mode, path: str, kind: str, first: bytes
) -> None:
    """In shadow, and in enforce with an editor in the stream."""

    async def main() -> None:
        received = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(SSE.replace(b"text/event-stream", kind.encode()) + chunk(first))
            await received.wait()
            writer.write(chunk(first) + b"0\r\n\r\n")
            await writer.drain()

        async with pair(upstream, always(40), ceiling) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes(stream=True, max_tokens=5), path))
            await read_head(reader)
            assert await read_chunk(reader) == first
            received.set()
            assert await read_chunk(reader) == first
            assert await read_chunk(reader) == b""
            writer.close()

    run(main())


def test_a_connection_serves_many_requests_and_the_pool_comes_to_rest() -> None:
    async def main() -> None:
        async with pair(Replying(json_answer(ANSWER))) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            for _ in range(5):
                writer.write(request_bytes(chat_bytes()))
                assert (await read_answer(reader)).json() == ANSWER
            writer.close()
            assert (running.pool.idle, running.pool.busy) == (1, 0)

    run(main())


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models?limit=2", "/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_requests_without_a_body_pass(method: str, path: str) -> None:
    async def main() -> None:
        upstream = Replying(b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n")
        async with pair(upstream) as running:
            seen = await ask(running.port, f"{method} {path} HTTP/1.1\r\nhost: g\r\n\r\n".encode(), method)
            assert (seen.status, seen.get(b"x-a")) == (204, b"1")
            assert upstream.requests[0].startswith(f"{method} {path} HTTP/1.1\r\n".encode())
            assert b"content-length" not in upstream.requests[0].lower()

    run(main())


def test_hop_by_hop_and_gateway_fields_do_not_travel() -> None:
    async def main() -> None:
        upstream = Replying(json_answer(ANSWER))
        async with pair(upstream) as running:
            fields = (("connection", "x-hop"), ("x-hop", "1"), ("x-gateway-mode", "off"), ("te", "trailers"))
            await ask(running.port, request_bytes(chat_bytes(), headers=fields))
            head = upstream.requests[0].lower()
            assert not any(name in head for name in (b"x-hop", b"x-gateway", b"te: "))

    run(main())


# --- what is scored ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/chat/completions",
        "/v1/chat/completions/",
        "//v1//chat//completions",
        "/v1/x/../chat/completions",
        "/v1/%63hat/completions",
        "/v1/%2e%2e/v1/chat/completions",
        "/V1/Chat/Completions",
        "/openai/deployments/gpt/chat/completions?api-version=1",
    ],
)
def test_aliases_and_dot_segments_cannot_dodge_scoring(path: str) -> None:
    async def main() -> None:
        upstream = Replying(json_answer(ANSWER))
        async with pair(upstream, always(30)) as running:
            await ask(running.port, request_bytes(chat_bytes(), path))
            (record,) = await running.recorded()
            assert (record.route, record.shadow.rung) == ("/v1/chat/completions", "watch")
            assert upstream.requests[0].startswith(f"POST {path} ".encode())

    run(main())


def test_an_unknown_route_passes_unread_and_is_counted() -> None:
    async def main() -> None:
        arrived = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"5\r\nfirst\r\n")
            arrived.set()
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(json_answer({"ok": True}))
            await writer.drain()

        async with pair(upstream, max_body=3) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(
                b"POST /v1/files HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
            )
            await arrived.wait()
            writer.write(chunk(b"second") + b"0\r\n\r\n")
            assert (await read_answer(reader)).json() == {"ok": True}
            writer.close()
            (record,) = await running.recorded()
            assert (record.unscored, record.route, record.status) == ("unknown_route", None, 200)
            exposed = running.metrics.exposition()[0]
            assert b'gateway_unknown_routes_total{action="pass"} 1.0' in exposed

    run(main())


def test_an_unknown_route_may_be_denied_in_the_callers_dialect() -> None:
    async def main() -> None:
        upstream = Replying(b"")
        async with pair(upstream, deny_unknown=True) as running:
            openai = await ask(running.port, request_bytes(b"{}", "/v1/files"))
            fields = (("anthropic-version", "2023-06-01"),)
            anthropic = await ask(running.port, request_bytes(b"{}", "/v1/other", headers=fields))
            assert (openai.status, openai.json()["error"]["code"]) == (404, "unknown_route")
            assert anthropic.json()["type"] == "error"
            assert upstream.requests == []

    run(main())


def test_usage_of_a_stream_is_counted_and_recorded() -> None:
    async def main() -> None:
        last = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}\n\n'
        last += b"data: [DONE]\n\n"
        upstream = Replying(SSE + chunk(event("a") + event("b")) + chunk(last) + b"0\r\n\r\n")
        async with pair(upstream) as running:
            await ask(running.port, request_bytes(chat_bytes(stream=True)))
            (record,) = await running.recorded()
            assert record.usage is not None
            assert (record.usage.input_tokens, record.usage.output_tokens) == (7, 2)
            assert record.finished
            assert record.overhead_us is not None

    run(main())


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


# --- enforced responses on the wire ------------------------------------------------------------------


def test_a_refusal_is_opaque_and_tells_sdks_not_to_retry() -> None:
    async def main() -> None:
        upstream = Replying(b"")

        twice = [
            policy("signals: {s: {request: {request.messages: 1}, points: 45}}", id=name) for name in "ab"
        ]
        async with pair(upstream, bundle(*twice), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.status, seen.get(b"x-should-retry")) == (403, b"false")
            assert seen.json()["error"]["code"] == "usage_review"
            assert seen.get(b"x-gateway-request-id") == b"id-1"
            assert b"id-1" in seen.body
            assert not any(word in seen.body for word in (b"a.s", b"policy", b"points", b"score"))
            assert running.records[0].applied == ("reject",)
            assert upstream.requests == []

    run(main())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_a_throttled_client_is_told_how_long_to_wait(path: str) -> None:
    async def main() -> None:
        async with pair(Replying(json_answer(ANSWER)), always(55), Mode.ENFORCE) as running:
            request = request_bytes(chat_bytes(max_tokens=5), path)
            statuses = [(await ask(running.port, request)).status for _ in range(2)]
            seen = await ask(running.port, request)
            assert statuses == [200, 200]
            assert (seen.status, seen.get(b"retry-after")) == (429, b"10")
            assert (seen.get(b"retry-after-ms"), seen.get(b"x-should-retry")) == (b"10000", b"true")

    run(main())


TOP = [{"token": t, "logprob": -0.1234567 - i, "bytes": None} for i, t in enumerate("abcdefgh")]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1234567, "bytes": None, "top_logprobs": TOP}]}


@pytest.mark.parametrize("encoded", [False, True])
def test_probabilities_are_narrowed_in_a_whole_answer_and_its_length_is_right(encoded: bool) -> None:
    async def main() -> None:
        choice = {"index": 0, "message": {"content": "a"}, "logprobs": LOGPROBS}
        body = json.dumps({"choices": [choice], "__verbose": {"prompt": "secret"}}).encode()
        extra = b""
        if encoded:
            body, extra = gzip.compress(body), b"content-encoding: gzip\r\netag: x\r\n"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        upstream = Replying(head + extra + b"\r\n" + body)
        async with pair(upstream, always(40), Mode.ENFORCE) as running:
            asked = chat_bytes(logprobs=True, top_logprobs=20, n=2, n_probs=50)
            seen = await ask(running.port, request_bytes(asked, headers=(("accept-encoding", "gzip"),)))
            top = seen.json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            assert [(t["token"], t["logprob"]) for t in top] == [
                ("a", -0.12), ("b", -1.12), ("c", -2.12), ("d", -3.12), ("e", -4.12)
            ]  # fmt: skip
            assert "__verbose" not in seen.json()
            assert seen.get(b"content-encoding") is None
            sent_head, _, sent = upstream.requests[0].partition(b"\r\n\r\n")
            assert json.loads(sent)["n"] == 1
            assert json.loads(sent)["top_logprobs"] == 5
            assert "n_probs" not in json.loads(sent)
            assert b"accept-encoding: identity" in sent_head
            assert running.records[0].applied == ("log", "logprobs", "cap")

    run(main())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_probabilities_are_narrowed_in_a_stream_however_it_is_cut(size: int) -> None:
    async def main() -> None:
        stream = event("a", logprobs=LOGPROBS) + b": comment\n\n" + b"data: [DONE]\n\n"
        parts = b"".join(chunk(stream[i : i + size]) for i in range(0, len(stream), size))
        upstream = Replying(SSE + parts + b"0\r\n\r\n")
        async with pair(upstream, always(40), Mode.ENFORCE) as running:
            asked = chat_bytes(logprobs=True, top_logprobs=2, stream=True)
            seen = await ask(running.port, request_bytes(asked))
            first, rest = seen.body.split(b"\n\n", 1)
            (entry,) = json.loads(first[6:])["choices"][0]["logprobs"]["content"]
            assert [t["token"] for t in entry["top_logprobs"]] == ["a", "b"]
            assert rest == b": comment\n\ndata: [DONE]\n\n"

    run(main())


@pytest.mark.parametrize(
    ("kind", "coding", "body"),
    [
        ("application/json", "", b"<html>not json</html>"),
        ("application/json", "br-unknown", b"{}"),
        ("application/json", "gzip", b"not gzip at all"),
        ("application/x-ndjson", "", b'{"choices": []}\n'),
    ],
)
def test_an_answer_that_must_be_edited_and_cannot_be_is_withheld(kind: str, coding: str, body: bytes) -> None:
    async def main() -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        head += f"content-encoding: {coding}\r\n" if coding else ""
        async with pair(Replying(head.encode() + b"\r\n" + body), always(40), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(logprobs=True, top_logprobs=9)))
            assert (seen.status, seen.json()["error"]["code"]) == (502, "upstream_protocol")
            assert body not in seen.body

    run(main())


def test_errors_of_the_model_server_pass_unedited_in_enforce() -> None:
    async def main() -> None:
        body = json_answer({"error": {"message": "theirs"}}, "429 Too Many Requests")
        async with pair(Replying(body), always(40), Mode.ENFORCE) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(logprobs=True, top_logprobs=9)))
            assert (seen.status, seen.json()) == (429, {"error": {"message": "theirs"}})

    run(main())


def test_other_scopes_are_not_served() -> None:
    async def nothing(*_: Any) -> Any:
        raise AssertionError

    async def main() -> None:
        async with gateway("http://127.0.0.1:9") as running:
            parts = Parts(
                gate=lambda: (_ for _ in ()).throw(AssertionError),
                upstream=running.pool,
                sink=running,
                metrics=running.metrics,
                clock=lambda: 0.0,
                new_id=lambda: "id",
            )
            with pytest.raises(RuntimeError, match="websocket"):
                await Proxy(parts)({"type": "websocket"}, nothing, nothing)

    run(main())
