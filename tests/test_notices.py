"""Notices to the operator's systems: what they say, how they prove it, and that nothing waits for them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.actions.tasks import Notice
from gateway.model import Decision, Mode, Principal, SignalScore, Standing
from gateway.notices import PAUSES, REASONS, WAITING, Notices, body_of, sign
from gateway.testing import RawServer, read_request
from tests.adapters.wire import run

SECRET = b"a secret for the tests"
WHO = Principal("key_1", org="acme")


def score(name: str, points: float, mode: Mode = Mode.ENFORCE) -> SignalScore:
    return SignalScore(name, 1.0, 1, 1.0, points, mode, f"{points:g} of something")


DECISION = Decision(
    "id-1",
    "abc123",
    enforced=Standing(61.23456, "throttle"),
    signals=(
        score("a.low", 1.0),
        score("a.high", 40.0),
        score("b.shadow", 90.0, Mode.SHADOW),
        score("c.none", 0.0),
    ),
)


def test_a_notice_says_who_where_and_why_in_the_words_of_the_record() -> None:
    assert json.loads(body_of(WHO, DECISION, 1000.00049)) == {
        "type": "step_up",
        "id": "id-1",
        "at": 1000.0,
        "principal": "key_1",
        "score": 61.235,
        "rung": "throttle",
        "held": False,
        "bundle": "abc123",
        "reasons": [
            {"signal": "a.high", "points": 40.0, "text": "40 of something"},
            {"signal": "a.low", "points": 1.0, "text": "1 of something"},
        ],
    }


def test_a_notice_names_a_few_reasons_only() -> None:
    many = Decision("id", "b", signals=tuple(score(f"a.s{at}", 1.0) for at in range(20)))
    assert len(json.loads(body_of(WHO, many, 0.0))["reasons"]) == REASONS


def test_a_receiver_can_check_the_signature_with_any_library() -> None:
    told = hmac.new(SECRET, b"1000." + b"{}", hashlib.sha256).hexdigest()
    assert sign(SECRET, 1000, b"{}") == f"t=1000,v1={told}"


class Hook:
    """The operator's system: answers each request with the next status, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[tuple[dict[bytes, bytes], bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The script of one connection."""
        while request := await read_request(reader):
            head, _, body = request.partition(b"\r\n\r\n")
            fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
            self.seen.append(({name: value for name, _, value in fields}, body))
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
            await writer.drain()


class Told:
    """Hears how notices end."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self.pauses: list[float] = []
        self.changed = asyncio.Event()

    def __call__(self, result: str) -> None:
        """One more."""
        self.results.append(result)
        self.changed.set()

    async def count(self, number: int) -> list[str]:
        """The results as soon as there are so many."""
        while len(self.results) < number:
            self.changed.clear()
            await self.changed.wait()
        return self.results

    async def pause(self, seconds: float) -> None:
        """No waiting."""
        self.pauses.append(seconds)


def made(told: Told, secret: bytes | None = SECRET, clock: Callable[[], float] = lambda: 1000.0) -> Notices:
    return Notices(secret, clock, told, told.pause)


def test_a_notice_arrives_signed_and_is_told_once() -> None:
    async def main() -> None:
        hook, told = Hook(204), Told()
        notices = made(told)
        async with RawServer(hook) as server, notices.running():
            notices.tell(Notice(f"{server.url}/step-up"), WHO, DECISION)
            assert await told.count(1) == ["sent"]
            ((fields, body),) = hook.seen
            assert body == body_of(WHO, DECISION, 1000.0)
            assert fields[b"x-gateway-signature"].decode() == sign(SECRET, 1000, body)
            assert (fields[b"content-type"], fields[b"x-gateway-notice"]) == (b"application/json", b"id-1")

    run(main())


@pytest.mark.parametrize(
    ("statuses", "result", "tries"),
    [((500, 429, 200), "sent", 3), ((503,), "failed", 3), ((400,), "failed", 1), ((302,), "failed", 1)],
)
def test_what_may_pass_is_tried_again_and_what_is_refused_is_not(
    statuses: tuple[int, ...], result: str, tries: int
) -> None:
    async def main() -> None:
        hook, told = Hook(*statuses), Told()
        notices = made(told)
        async with RawServer(hook) as server, notices.running():
            notices.tell(Notice(server.url), WHO, DECISION)
            assert await told.count(1) == [result]
            assert len(hook.seen) == tries
            assert told.pauses == list(PAUSES[: tries - 1])

    run(main())


def test_a_hook_that_is_down_is_named_by_its_host_only(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        told = Told()
        notices = made(told)
        async with notices.running():
            notices.tell(Notice("http://127.0.0.1:1/secret-path"), WHO, DECISION)
            assert await told.count(1) == ["failed"]

    run(main())
    assert "notice id-1 to 127.0.0.1 failed: connect" in caplog.text
    assert "secret-path" not in caplog.text


def test_without_a_secret_nothing_is_sent_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        told = Told()
        notices = made(told, None)
        async with notices.running():
            for _ in range(2):
                notices.tell(Notice("http://127.0.0.1:1/"), WHO, DECISION)
        assert told.results == ["unsigned", "unsigned"]

    run(main())
    assert caplog.text.count("webhook.secret") == 1


def test_what_cannot_wait_and_what_still_waits_at_the_end_is_dropped_and_counted() -> None:
    async def main() -> None:
        told = Told()
        notices = made(told)
        for _ in range(WAITING + 3):
            notices.tell(Notice("http://127.0.0.1:1/"), WHO, DECISION)
        assert told.results == ["dropped"] * 3
        async with notices.running():
            pass
        assert told.results == ["dropped"] * (WAITING + 3)

    run(main())


def test_a_notice_on_its_way_at_the_end_is_dropped_and_counted() -> None:
    async def main() -> None:
        reached = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            reached.set()
            await reader.read()

        told: Any = Told()
        notices = made(told)
        async with RawServer(silent) as server:
            async with notices.running():
                notices.tell(Notice(server.url), WHO, DECISION)
                await reached.wait()
            assert told.results == ["dropped"]

    run(main())
