"""The proxy as its neighbours see it: bytes, streams, and what is scored on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.asgi import Parts, Proxy
from gateway.config import load_config
from gateway.gate import Gate
from gateway.identity import Identifier
from gateway.model import Mode
from gateway.stores.memory import MemoryStore
from gateway.testing import read_request
from tests.adapters.support import (
    SECRET,
    Replying,
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
from tests.adapters.wire import ANSWER, SSE, chunk, event, run

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


# --- the header for operators ------------------------------------------------------------------------


def test_answers_name_the_bundle_where_operators_asked_for_it() -> None:
    """The model's answers and ours."""

    async def main() -> None:
        made = always(0)
        identity = Identifier(load_config(None).identity, SECRET)
        gate = Gate(made, Mode.SHADOW, MemoryStore(9), identity, gen=7, badge=True)
        upstream = Replying(json_answer(ANSWER))
        async with pair(upstream, gates=lambda: gate, deny_unknown=True) as running:
            for path, status in (("/v1/chat/completions", 200), ("/nowhere", 404)):
                seen = await ask(running.port, request_bytes(chat_bytes(), path))
                assert (seen.status, seen.get(b"x-gateway-bundle")) == (
                    status,
                    f"{made.hash}; gen=7".encode(),
                )

    run(main())
