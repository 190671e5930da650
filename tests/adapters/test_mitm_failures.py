"""When clients leave and model servers fail, the addon in a real mitmdump writes the proxy's records."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.model import Mode
from gateway.policies.load import load_bundle
from gateway.records import to_json
from gateway.testing import RawServer, read_request
from tests.adapters.mitm_process import headers, scripted
from tests.adapters.support import (
    Replying,
    ask,
    chat_bytes,
    gateway,
    json_answer,
    read_answer,
    read_chunk,
    read_head,
    request_bytes,
)
from tests.adapters.traffic_cases import LOGPROBS, write_policies
from tests.adapters.wire import SSE, UNEDITABLE, chunk, coded, event, run

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Act = Callable[[int], Awaitable[Any]]


# --- the same as the proxy, when things go wrong -----------------------------------------------------


async def both(
    script: Script, act: Act, ceiling: Mode, home: Path, count: int = 1, **options: Any
) -> tuple[tuple[Any, Any], list[dict[str, Any]]]:
    """Do the same to the proxy and to the addon; what each of them let see, and their common records."""
    policies = write_policies(home / "policies")
    async with (
        RawServer(script) as upstream,
        gateway(upstream.url, load_bundle(policies), ceiling, **options) as proxy,
    ):
        first = await act(proxy.port)
        lines = [json.loads(to_json(record, "features")) for record in await proxy.recorded(count)]
    async with (
        RawServer(script) as upstream,
        scripted(upstream.url, policies, ceiling, home / "mitm", **options) as mitm,
    ):
        second = await act(mitm.port)
        records = await mitm.recorded(count)
    for number, (line, record) in enumerate(zip(lines, records, strict=True), 1):
        assert record == line | {"overhead_us": None, "id": f"replay-{number}"}
    return (first, second), records


def breaking(head: bytes, *pieces: bytes) -> Script:
    """A model server that dies after so much of its answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head + b"".join(pieces))
        await writer.drain()
        # What was sent must arrive before the end does, or it is not known how far the answer came.
        await asyncio.sleep(0.1)

    return script


JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n"


@pytest.mark.parametrize("rung", [None, "narrow"])
def test_a_stream_that_breaks_off_is_recorded_as_far_as_it_came(rung: str | None, tmp_path: Path) -> None:
    async def main() -> None:
        body = chat_bytes(stream=True, logprobs=True)
        script = breaking(SSE, chunk(event("one ")), chunk(event("two")), chunk(b'data: {"half'))
        request = request_bytes(body, headers=headers(rung))
        seen, (record,) = await both(script, lambda port: ask(port, request), Mode.ENFORCE, tmp_path)
        assert (record["error"], record["finished"], record["status"]) == ("upstream_closed", False, 200)
        assert record["usage"]["output_tokens"] == 2
        assert (seen[1].status, seen[1].complete) == (200, False)
        # The proxy ends the stream by an event of its own; mitmproxy lets no addon write one.
        shown = seen[1].body.partition(b'data: {"half')[0]
        assert shown
        assert seen[0].body.startswith(shown)

    run(main())


@pytest.mark.parametrize("rung", [None, "narrow"])
@pytest.mark.parametrize("head", [JSON_HEAD, b""])
def test_an_answer_that_breaks_off_is_never_completed(rung: str | None, head: bytes, tmp_path: Path) -> None:
    async def main() -> None:
        script = breaking(head, b'{"choices": [' if head else b"")
        request = request_bytes(chat_bytes(logprobs=True), headers=headers(rung))
        seen, (record,) = await both(script, lambda port: ask(port, request), Mode.ENFORCE, tmp_path)
        assert (record["error"], record["finished"]) == ("upstream_closed", False)
        if head and rung is None:
            assert [(one.status, one.complete, one.body) for one in seen] == [
                (200, False, b'{"choices": [')
            ] * 2
        else:
            assert [one.status for one in seen] == [502, 502]
            assert record["refusal"] == "upstream_closed"

    run(main())


def test_a_model_server_that_is_not_there_is_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        async with RawServer(Replying(b"")) as gone:
            url = gone.url
        policies = write_policies(tmp_path / "policies")
        lines = []
        async with gateway(url, load_bundle(policies), Mode.SHADOW) as proxy:
            for _ in range(4):
                assert (await ask(proxy.port, request_bytes(chat_bytes()))).status == 502
            lines = [json.loads(to_json(record, "features")) for record in await proxy.recorded(4)]
        async with scripted(url, policies, Mode.SHADOW, tmp_path / "mitm") as mitm:
            for _ in range(4):
                assert (await ask(mitm.port, request_bytes(chat_bytes()))).status == 502
            records = await mitm.recorded(4)
        for number, (line, record) in enumerate(zip(lines, records, strict=True), 1):
            assert record == line | {"overhead_us": None, "id": f"replay-{number}"}
            assert (record["error"], record["refusal"]) == ("upstream_connect", "upstream_connect")
        # Each prompt was studied once, though each call failed.
        found = {signal["id"]: signal for signal in records[-1]["signals"]}
        assert (found["small.alike"]["n"], found["small.requests"]["value"]) == (3, 4.0)

    run(main())


@pytest.mark.parametrize(("kind", "coding", "body"), UNEDITABLE)
def test_an_answer_that_must_be_edited_and_cannot_be_is_withheld(
    kind: str, coding: str, body: bytes, tmp_path: Path
) -> None:
    async def main() -> None:
        script = Replying(coded(kind, coding, body))
        request = request_bytes(chat_bytes(logprobs=True, top_logprobs=9), headers=headers("narrow"))
        seen, (record,) = await both(script, lambda port: ask(port, request), Mode.ENFORCE, tmp_path)
        for one, number in zip(seen, ("id-1", "replay-1"), strict=True):
            assert (one.status, one.complete) == (502, True)
            assert one.json()["error"]["code"] == "upstream_protocol"
            assert number.encode() in one.body
        assert (record["error"], record["finished"]) == ("upstream_protocol", False)

    run(main())


def test_a_stream_that_can_no_longer_be_edited_ends_in_an_error_and_leaks_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        packed = gzip.compress(event("one") + event("two", logprobs=LOGPROBS) * 50)
        spoiled = packed[:40] + b"\xff" * 80
        head = SSE.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
        script = Replying(head + chunk(spoiled) + chunk(b"more") + b"0\r\n\r\n")
        body = chat_bytes(logprobs=True, top_logprobs=9, stream=True)
        request = request_bytes(body, headers=headers("narrow"))
        seen, (record,) = await both(script, lambda port: ask(port, request), Mode.ENFORCE, tmp_path)
        assert record["error"] == "upstream_protocol"
        assert [(one.status, one.complete) for one in seen] == [(200, True)] * 2
        assert seen[1].body == seen[0].body.replace(b"id-1", b"replay-1")
        assert b"upstream_protocol" in seen[1].body
        assert b"top_logprobs" not in seen[1].body

    run(main())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/unknown"])
@pytest.mark.parametrize("phase", ["headers", "body"])
def test_a_client_that_leaves_is_recorded_and_the_upstream_is_cancelled(
    path: str, phase: str, tmp_path: Path
) -> None:
    async def main() -> None:
        reached: asyncio.Queue[None] = asyncio.Queue()
        cancelled: asyncio.Queue[None] = asyncio.Queue()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            if phase == "body":
                writer.write(SSE + chunk(event("one")))
            reached.put_nowait(None)
            assert await reader.read() == b""
            cancelled.put_nowait(None)

        async def leave(port: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_bytes(chat_bytes(stream=True), path))
            await reached.get()
            if phase == "body":
                await read_head(reader)
                assert await read_chunk(reader) == event("one")
            writer.transport.abort()
            await cancelled.get()

        _, (record,) = await both(upstream, leave, Mode.SHADOW, tmp_path)
        assert (record["error"], record["finished"]) == ("client_gone", False)
        assert record["status"] == (200 if phase == "body" else None)

    run(main())


def test_a_client_that_leaves_in_the_middle_of_its_request_never_reaches_the_model(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(b"")

        async def leave(port: int) -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_bytes(chat_bytes())[:-5])
            await writer.drain()
            writer.close()

        _, (record,) = await both(upstream, leave, Mode.SHADOW, tmp_path)
        assert record["error"] == "client_gone"
        assert upstream.requests == []

    run(main())


def test_a_client_that_leaves_while_we_delay_never_reaches_the_model(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(json_answer({}))
        policies = write_policies(tmp_path / "policies")
        rules = policies / "test.yaml"
        rules.write_text(rules.read_text().replace("by: 10ms", "by: 2s"))
        async with (
            RawServer(upstream) as server,
            scripted(server.url, policies, Mode.ENFORCE, tmp_path / "mitm") as mitm,
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", mitm.port)
            writer.write(request_bytes(chat_bytes(), headers=headers("perturb")))
            await writer.drain()
            # Once a later call was answered, the first one is surely waiting.
            other = request_bytes(chat_bytes(user="later"), headers=headers(authorization="Bearer sk-other"))
            assert (await ask(mitm.port, other)).status == 200
            writer.close()
            _, record = await mitm.recorded(2)
            assert (record["error"], record["delay"]) == ("client_gone", 2.0)
            assert [b"later" in request for request in upstream.requests] == [True]

    run(main())


# --- requests that are not scored --------------------------------------------------------------------


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
@pytest.mark.parametrize("body", [b"", b'{"messages": [', b'{"messages": "\xff"}', b"\x00" * 40])
def test_a_body_that_is_no_json_is_recorded_alike(body: bytes, ceiling: Mode, tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(json_answer({"error": "theirs"}, "400 Bad Request"))
        seen, (record,) = await both(upstream, lambda port: ask(port, request_bytes(body)), ceiling, tmp_path)
        assert [one.status for one in seen] == [400, 400]
        assert record["unscored"] in {"empty_body", "invalid_json", "invalid_utf8"}
        reached = [request.partition(b"\r\n\r\n")[2] for request in upstream.requests]
        assert reached == ([body, body] if ceiling is Mode.SHADOW else [])

    run(main())


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/files"])
def test_what_the_driver_itself_turns_away_is_answered_and_recorded_alike(path: str, tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(b"")
        request = request_bytes(b'{"a": "%b"}' % (b"x" * 2000), path, headers=headers())
        seen, (record,) = await both(
            upstream,
            lambda port: ask(port, request),
            Mode.SHADOW,
            tmp_path,
            max_body=1000,
            deny_unknown=True,
        )
        status, code = (413, "body_too_large") if path == "/v1/messages" else (404, "unknown_route")
        assert [one.status for one in seen] == [status, status]
        assert seen[1].body == seen[0].body.replace(b"id-1", b"replay-1")
        assert (record["unscored"], record["principal"][:4]) == (code, "key_")
        assert upstream.requests == []

    run(main())


def test_requests_without_a_body_are_recorded_alike(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Replying(json_answer({"data": []}))

        async def act(port: int) -> list[int]:
            requests = [f"GET {path} HTTP/1.1\r\nhost: g\r\n\r\n".encode() for path in ("/v1/models", "/x")]
            return [(await ask(port, request, "GET")).status for request in requests]

        seen, records = await both(upstream, act, Mode.ENFORCE, tmp_path, count=2)
        assert seen == ([200, 200], [200, 200])
        assert [record["route"] for record in records] == ["/v1/models", None]

    run(main())


def test_an_unknown_route_passes_unread(tmp_path: Path) -> None:
    async def main() -> None:
        arrived = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"5\r\nfirst\r\n")
            arrived.set()
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(json_answer({"ok": True}))
            await writer.drain()

        async def act(port: int) -> Any:
            arrived.clear()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/files HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(chunk(b"first"))
            await arrived.wait()
            writer.write(chunk(b"second") + b"0\r\n\r\n")
            answer = (await read_answer(reader)).json()
            writer.close()
            return answer

        seen, (record,) = await both(upstream, act, Mode.ENFORCE, tmp_path, max_body=3)
        assert seen == ({"ok": True}, {"ok": True})
        assert (record["unscored"], record["status"]) == ("unknown_route", 200)

    run(main())
