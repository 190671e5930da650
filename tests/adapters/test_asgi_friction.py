"""The proxy when it slows answers down and gives them again: every byte arrives, and leaving ends it all."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.adapters.pins import Pins
from gateway.model import Mode
from gateway.notices import Notices
from gateway.policies.bundle import Bundle
from gateway.testing import read_request
from gateway.upstream.base import UpstreamRequest, UpstreamResponse
from tests.adapters.support import (
    POINTS,
    Replying,
    ask,
    chat_bytes,
    json_answer,
    pair,
    read_head,
    request_bytes,
)
from tests.adapters.wire import SSE, chunk, event, run
from tests.support import bundle, policy


def responding(*actions: str) -> Bundle:
    """Policies under which every call meets these responses."""
    rung = f"{{at: 10, do: [{', '.join(actions)}]}}"
    ladder = f"---\nkind: ladder\nid: default\nversion: 1\ntitle: T\nrungs:\n  all: {rung}\n"
    return bundle(policy(POINTS.format("true", 50)), ladder=ladder)


class Waiting:
    """A steady clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def parts(self) -> dict[str, Any]:
        """For `gateway`."""
        return {"steady": lambda: self.now, "pause": self.pause}

    async def pause(self, seconds: float) -> None:
        """No time passes but this."""
        self.pauses.append(round(seconds, 6))
        self.now += seconds


STREAM = b"".join(event(word) for word in "abcd") + b"data: [DONE]\n\n"
SLOW = "{shape: {tokens_per_second: 10}}"


@pytest.mark.parametrize("size", [5, 100, 10_000])
def test_events_of_a_stream_pass_one_by_one_however_they_came(size: int) -> None:
    async def main() -> None:
        parts = b"".join(chunk(STREAM[i : i + size]) for i in range(0, len(STREAM), size))
        waiting = Waiting()
        upstream = Replying(SSE + parts + b"0\r\n\r\n")
        async with pair(upstream, responding(SLOW), Mode.ENFORCE, parts=waiting.parts()) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(stream=True)))
            assert (seen.body, seen.complete) == (STREAM, True)
            assert waiting.pauses == [0.1, 0.1, 0.1, 0.1]
            assert running.records[0].applied == ("shape",)
            assert running.records[0].usage is not None
            assert running.records[0].usage.output_tokens == 4
            assert b"gateway_paced_seconds_total 0.4" in running.metrics.exposition()[0]
            assert b"accept-encoding: identity" in upstream.requests[0]

    run(main())


@pytest.mark.parametrize("edited", [False, True])
def test_a_whole_answer_waits_once_edited_or_not(edited: bool) -> None:
    async def main() -> None:
        answer = {"choices": [{"index": 0, "message": {"content": "hi"}}], "usage": {"completion_tokens": 20}}
        waiting = Waiting()
        policies = responding(SLOW, *(["{logprobs: {off: true}}"] if edited else []))
        async with pair(
            Replying(json_answer(answer)), policies, Mode.ENFORCE, parts=waiting.parts()
        ) as running:
            seen = await ask(running.port, request_bytes(chat_bytes()))
            assert (seen.json(), waiting.pauses) == (answer, [2.0])

    run(main())


def test_a_refusal_of_the_model_server_is_not_slowed_down() -> None:
    async def main() -> None:
        waiting = Waiting()
        upstream = Replying(json_answer({"error": {"message": "no"}}, "429 Too Many Requests"))
        async with pair(upstream, responding(SLOW), Mode.ENFORCE, parts=waiting.parts()) as running:
            assert (await ask(running.port, request_bytes(chat_bytes()))).status == 429
            assert waiting.pauses == []

    run(main())


def test_shadow_slows_nothing_down_and_pins_nothing() -> None:
    async def main() -> None:
        waiting, pins = Waiting(), Pins(1 << 20, lambda: 0.0)
        upstream = Replying(SSE + chunk(STREAM) + b"0\r\n\r\n")
        policies = responding(SLOW, "{pin: {within: 10m}}")
        extra = {**waiting.parts(), "pins": pins}
        async with pair(upstream, policies, Mode.SHADOW, parts=extra) as running:
            for _ in range(2):
                assert (await ask(running.port, request_bytes(chat_bytes(stream=True)))).body == STREAM
            assert (waiting.pauses, pins.nbytes, len(upstream.requests)) == ([], 0, 2)
            assert [record.would for record in running.records] == [("shape", "pin")] * 2
            assert all(b"accept-encoding" not in request for request in upstream.requests)

    run(main())


def test_a_client_that_leaves_while_it_waits_ends_the_answer() -> None:
    async def main() -> None:
        gone = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(SSE + chunk(STREAM))
            assert await reader.read() == b""
            gone.set()

        never = {"pause": lambda seconds: asyncio.Event().wait()}
        async with pair(upstream, responding(SLOW), Mode.ENFORCE, parts=never) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes(stream=True)))
            await read_head(reader)
            writer.transport.abort()
            await gone.wait()
            (record,) = await running.recorded()
            assert (record.error, running.pool.busy) == ("client_gone", 0)

    run(main())


def test_nothing_more_is_read_from_the_model_server_while_the_client_waits() -> None:
    async def main() -> None:
        read: list[bytes] = []
        waited = asyncio.Event()

        class Endless:
            """An answer that goes on as long as somebody reads it."""

            status, headers = 200, [(b"content-type", b"text/event-stream")]

            async def __aiter__(self) -> AsyncIterator[bytes]:
                while True:
                    read.append(event("x"))
                    yield read[-1]

            async def aclose(self) -> None:
                """Nothing is held."""

        class Upstream:
            async def send(self, request: UpstreamRequest) -> UpstreamResponse:
                return Endless()

            async def aclose(self) -> None:
                """Nothing is held."""

        async def pause(seconds: float) -> None:
            if len(read) == 3:
                waited.set()
                await asyncio.Event().wait()

        parts = {"steady": lambda: 0.0, "pause": pause, "upstream": Upstream()}
        async with pair(Replying(b""), responding(SLOW), Mode.ENFORCE, parts=parts) as running:
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(request_bytes(chat_bytes(stream=True)))
            await waited.wait()
            writer.transport.abort()
            await running.recorded()
            assert len(read) == 3

    run(main())


def test_half_an_event_of_a_stream_that_breaks_off_is_passed_on() -> None:
    async def main() -> None:
        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(SSE + chunk(event("a") + b'data: {"half'))

        async with pair(upstream, responding(SLOW), Mode.ENFORCE, parts=Waiting().parts()) as running:
            seen = await ask(running.port, request_bytes(chat_bytes(stream=True)))
            assert seen.body.startswith(event("a") + b'data: {"half\n\ndata: {"error"')

    run(main())


# --- pinned answers ----------------------------------------------------------------------------------


class Counting:
    """A model server that never says the same twice."""

    def __init__(self) -> None:
        self.number = itertools.count()
        self.sent = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            self.sent += 1
            text = f"answer {next(self.number)}"
            if b'"stream": true' in request:
                writer.write(SSE + chunk(event(text)) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
            else:
                writer.write(json_answer({"choices": [{"message": {"content": text}}]}))
            await writer.drain()


def test_the_same_prompt_is_given_the_same_answer_in_its_own_form() -> None:
    async def main() -> None:
        told: list[str] = []
        model, pins = Counting(), Pins(1 << 20, lambda: 0.0, told.append)
        policies = responding("{pin: {within: 10m}}")
        async with pair(model, policies, Mode.ENFORCE, parts={"pins": pins}) as running:

            async def once(key: str = "sk-a", **fields: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
                request = request_bytes(chat_bytes(**fields), headers=(("authorization", key),))
                seen = await ask(running.port, request)
                return seen.status, seen.headers, seen.body

            first, stream = await once(), await once(stream=True)
            assert await once(temperature=1.5, seed=4) == first
            assert await once(stream=True, seed=4) == stream
            assert json.loads(first[2])["choices"][0]["message"]["content"] == "answer 0"
            assert b"answer 1" in stream[2]
            assert (await once(key="sk-b"))[2] != first[2]
            assert (await once(max_tokens=5))[2] != first[2]
            assert model.sent == 4
            # What is given again counts as any answer does.
            usages = {record.usage and record.usage.output_tokens for record in running.records}
            assert None not in usages
            assert (told.count("kept"), told.count("given")) == (4, 2)

    run(main())


def test_without_memory_for_pins_every_call_is_forwarded() -> None:
    async def main() -> None:
        model = Counting()
        async with pair(model, responding("{pin: {within: 10m}}"), Mode.ENFORCE) as running:
            bodies = [(await ask(running.port, request_bytes(chat_bytes()))).body for _ in range(2)]
            assert bodies[0] != bodies[1]

    run(main())


# --- notices -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ceiling", "counted"), [(Mode.ENFORCE, ["unsigned"]), (Mode.SHADOW, [])])
def test_the_operators_system_is_told_once_and_nobody_in_shadow(ceiling: Mode, counted: list[str]) -> None:
    async def main() -> None:
        told: list[str] = []
        policies = responding("{step_up: {url: 'http://127.0.0.1:1/hook'}}")
        parts = {"notices": Notices(None, lambda: 0.0, told.append)}
        model = Replying(json_answer({"choices": []}))
        async with pair(model, policies, ceiling, parts=parts) as running:
            for _ in range(2):
                assert (await ask(running.port, request_bytes(chat_bytes()))).status == 200
            assert told == counted

    run(main())
