"""Answers that are given again: to whom, for how long, and which are kept at all."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import dialects
from gateway.actions.tasks import Pin
from gateway.adapters.pins import SHARE, Pins, key_of, whole
from gateway.errors import UpstreamError
from gateway.exchange import Head
from gateway.testing import ListClock, Reply, ScriptedUpstream
from gateway.upstream.base import UpstreamRequest, UpstreamResponse

CHAT = dialects.get("openai_chat")
JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]
REQUEST = UpstreamRequest("POST", b"/v1/chat/completions", [])
MOST = 1 << 16


def answer(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


def numbered() -> ScriptedUpstream:
    """A model that never says the same twice."""
    return ScriptedUpstream(Reply(200, JSON, (answer(str(number)),)) for number in range(1000))


async def read(response: UpstreamResponse) -> bytes:
    try:
        return b"".join([chunk async for chunk in response])
    finally:
        await response.aclose()


async def ask(pins: Pins, upstream: ScriptedUpstream, key: bytes = b"k", within: float = 60.0) -> bytes:
    return await read(await pins.answer(key, within, CHAT, lambda: upstream.send(REQUEST)))


def test_the_first_answer_is_given_again_byte_for_byte_with_its_head() -> None:
    async def main() -> None:
        headers = [*JSON, (b"x-request-id", b"r1")]
        upstream = ScriptedUpstream([Reply(200, headers, (b'{"choices": ', b"[]}"))])
        told: list[str] = []
        pins = Pins(MOST, lambda: 0.0, told.append)
        first = await ask(pins, upstream)
        again = await pins.answer(b"k", 60.0, CHAT, lambda: upstream.send(REQUEST))
        assert (again.status, again.headers, await read(again)) == (200, headers, first)
        assert (told, len(upstream.requests), upstream.unclosed) == (["kept", "given"], 1, 0)

    asyncio.run(main())


def test_after_its_time_another_answer_is_asked_for() -> None:
    async def main() -> None:
        clock, upstream = ListClock([0.0]), numbered()
        pins = Pins(MOST, clock)
        seen = []
        for _ in range(4):
            seen.append(await ask(pins, upstream, within=60.0))
            clock.advance(25.0)
        assert seen == [answer("0"), answer("0"), answer("0"), answer("1")]

    asyncio.run(main())


def test_calls_that_come_at_once_wait_for_the_first_of_them() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        upstream = ScriptedUpstream([Reply(200, JSON, (gate, answer("0")))])
        pins = Pins(MOST, lambda: 0.0)
        asked = [asyncio.ensure_future(ask(pins, upstream)) for _ in range(5)]
        await asyncio.sleep(0)
        gate.set()
        assert set(await asyncio.gather(*asked)) == {answer("0")}
        assert len(upstream.requests) == 1

    asyncio.run(main())


def test_if_the_first_fails_the_next_asks_by_itself() -> None:
    async def main() -> None:
        down = UpstreamError("connect", "down", sent=False)
        upstream = ScriptedUpstream([Reply(failure=down), Reply(200, JSON, (answer("1"),))])
        pins = Pins(MOST, lambda: 0.0)
        found = await asyncio.gather(*(ask(pins, upstream) for _ in range(3)), return_exceptions=True)
        assert found == [down, answer("1"), answer("1")]

    asyncio.run(main())


def test_if_the_first_client_leaves_the_next_asks_by_itself() -> None:
    async def main() -> None:
        reached = asyncio.Event()
        replies = iter([Reply(200, JSON, (b"{", asyncio.Event())), Reply(200, JSON, (answer("1"),))])

        def reply(request: UpstreamRequest) -> Reply:
            reached.set()
            return next(replies)

        upstream = ScriptedUpstream(reply)
        pins = Pins(MOST, lambda: 0.0)
        first = asyncio.ensure_future(ask(pins, upstream))
        second = asyncio.ensure_future(ask(pins, upstream))
        await reached.wait()
        first.cancel()
        assert await second == answer("1")
        assert (upstream.unclosed, upstream.abandoned) == (0, 1)

    asyncio.run(main())


def test_closing_twice_ends_once() -> None:
    async def main() -> None:
        told: list[str] = []
        pins = Pins(MOST, lambda: 0.0, told.append)
        response = await pins.answer(b"k", 60.0, CHAT, lambda: numbered().send(REQUEST))
        await response.aclose()
        await response.aclose()
        assert told == ["passed"]

    asyncio.run(main())


DONE = b"data: [DONE]\n\n"
PIECE = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n'
ERROR = b'data: {"error": {"message": "overloaded"}}\n\n'

NOT_KEPT: list[tuple[str, Reply]] = [
    ("an error", Reply(500, JSON, (answer("x"),))),
    ("a refusal", Reply(429, JSON, (answer("x"),))),
    ("an error under a good status", Reply(200, JSON, (b'{"error": {"message": "x"}}',))),
    ("no JSON", Reply(200, JSON, (b"<html>",))),
    ("nothing", Reply(200, JSON, ())),
    ("another coding", Reply(200, [*JSON, (b"content-encoding", b"gzip")], (answer("x"),))),
    ("a stream without its end", Reply(200, SSE, (PIECE,))),
    ("a stream with an error", Reply(200, SSE, (PIECE, ERROR, DONE))),
    ("a long answer", Reply(200, JSON, (answer("x" * (MOST // SHARE)), b"   "))),
    ("a long head", Reply(200, [*JSON, (b"x", b"y" * (MOST // SHARE))], (answer("x"),))),
]


@pytest.mark.parametrize(
    ("what", "reply"), NOT_KEPT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_only_whole_successful_answers_are_kept(what: str, reply: Reply) -> None:
    async def main() -> None:
        upstream = ScriptedUpstream([reply, Reply(200, JSON, (answer("fresh"),))])
        pins = Pins(MOST, lambda: 0.0)
        first = await ask(pins, upstream)
        assert first == b"".join(chunk for chunk in reply.chunks if isinstance(chunk, bytes))
        assert await ask(pins, upstream) == answer("fresh")

    asyncio.run(main())


def test_a_stream_that_broke_off_is_not_kept() -> None:
    async def main() -> None:
        broken = UpstreamError("closed", "gone", sent=True)
        upstream = ScriptedUpstream(
            [Reply(200, SSE, (PIECE, DONE), broken, fails_after=2), Reply(200, SSE, (PIECE, DONE))]
        )
        pins = Pins(MOST, lambda: 0.0)
        with pytest.raises(UpstreamError):
            await ask(pins, upstream)
        assert await ask(pins, upstream) == PIECE + DONE
        assert await ask(pins, upstream) == PIECE + DONE
        assert len(upstream.requests) == 2

    asyncio.run(main())


ENDS = {
    "openai_responses": b'data: {"type": "response.completed", "response": {"output": []}}\n\n',
    "anthropic": b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
    "openai_chat": DONE,
    "llamacpp": b'data: {"content": "", "stop": true}\n\n',
}


@pytest.mark.parametrize("dialect", ENDS)
def test_every_dialects_end_of_a_stream_is_known(dialect: str) -> None:
    assert whole(SSE, b": hello\n\n" + ENDS[dialect], dialects.get(dialect))
    assert not whole(SSE, b": hello\n\n", dialects.get(dialect))


def test_a_failed_response_object_is_no_answer() -> None:
    events = b'data: {"type": "response.failed", "response": {"error": {"code": "x"}}}\n\n'
    assert not whole(SSE, events, dialects.get("openai_responses"))
    assert not whole(SSE, b'data: {"type": "error", "code": "x"}\n\n' + DONE, CHAT)
    assert whole([(b"content-type", b"application/x-ndjson")], b'{"done": true}\n', dialects.get("ollama"))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2000)), max_size=40))
def test_all_answers_together_stay_within_the_memory(calls: list[tuple[int, int]]) -> None:
    async def main() -> None:
        pins = Pins(8192, lambda: 0.0)
        for key, size in calls:
            upstream = ScriptedUpstream([Reply(200, JSON, (answer("x" * size),))])
            await ask(pins, upstream, str(key).encode())
            assert pins.nbytes <= 8192

    asyncio.run(main())


def head(*headers: tuple[bytes, bytes], target: bytes = b"/v1/messages") -> Head:
    return Head("POST", target, list(headers))


def test_an_answer_is_never_given_to_anybody_else_nor_for_another_api_version() -> None:
    pin = Pin(b"p" * 16, 60.0)
    version = (b"anthropic-version", b"2023-06-01")
    keys = [
        key_of(pin, "key_a", head(version)),
        key_of(pin, "key_b", head(version)),
        key_of(pin, "key_a", head()),
        key_of(pin, "key_a", head(version, (b"anthropic-beta", b"x"))),
        key_of(pin, "key_a", head(version, target=b"/v1/messages?beta=true")),
        key_of(Pin(b"q" * 16, 60.0), "key_a", head(version)),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of(pin, "key_a", head((b"user-agent", b"x"), version)) == keys[0]


@given(st.binary(max_size=8), st.binary(max_size=8), st.binary(max_size=8), st.binary(max_size=8))
def test_no_two_targets_and_prompts_run_together(one: bytes, two: bytes, here: bytes, there: bytes) -> None:
    same = (one, here) == (two, there)
    assert (
        key_of(Pin(here, 1.0), "p", head(target=one)) == key_of(Pin(there, 1.0), "p", head(target=two))
    ) == same
