"""Answers that are given again: the memory behind the response `pin`.

What is kept is what the model server sent, and what is given again runs through the same editors as ever, so
that an answer that was kept on a low rung shows nothing that a higher one takes away. It is bounded by bytes,
and kept nowhere but in this process; keys are digests. Calls for the same answer that come at once wait for
the first of them, or a repetition in parallel would be a way around.

A driver hands in how to ask the model server and relays what it is given, kept or new.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from cachetools import TLRUCache

from gateway.actions.tasks import Pin
from gateway.dialects.base import Dialect, Object
from gateway.exchange import Head
from gateway.model import JSON
from gateway.stream import Splitter, decode, form_of, objects, parse
from gateway.upstream.base import Headers, UpstreamResponse

SHARE = 8
"""No single answer may have more of the memory than one in so many parts."""

_MEANING = ("anthropic-", "openai-")
"""How names of headers begin that change what an answer may be (versions, betas, projects)."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Headers
    body: bytes
    until: float

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers) + 256


def key_of(pin: Pin, principal: str, head: Head) -> bytes:
    """What an answer is kept under: never the same for two principals, targets or API versions."""
    said = sorted(pair for pair in head.headers if pair[0].decode("latin-1").startswith(_MEANING))
    parts = (principal.encode(), head.target, *(part for pair in said for part in pair), pin.prompt)
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


class Pins:
    """The kept answers of one process, at most `most` bytes of them. Use from one event loop.

    `clock` is the one of the calls (seconds); `told` hears `given`, `kept` or `passed` (not to be kept).
    """

    def __init__(
        self, most: int, clock: Callable[[], float], told: Callable[[str], None] = lambda result: None
    ) -> None:
        self._limit = most // SHARE
        self._clock = clock
        self._told = told
        self._answers: TLRUCache[bytes, _Answer] = TLRUCache(
            most, ttu=lambda key, answer, now: answer.until, timer=clock, getsizeof=lambda answer: answer.size
        )
        self._asked: dict[bytes, asyncio.Event] = {}

    async def answer(
        self, key: bytes, within: float, dialect: Dialect, send: Callable[[], Awaitable[UpstreamResponse]]
    ) -> UpstreamResponse:
        """The kept answer, or the one that `send` brings, which is kept if it is whole and successful.

        Raises whatever `send` raises.
        """
        while (asked := self._asked.get(key)) is not None:
            await asked.wait()
        kept = self._answers.get(key)
        if kept is not None:
            self._told("given")
            return _Given(kept)
        self._asked[key] = asyncio.Event()
        try:
            response = await send()
        except BaseException:
            self._release(key)
            raise
        return _Keeping(response, self._limit, lambda body: self._end(key, within, dialect, response, body))

    def _end(
        self, key: bytes, within: float, dialect: Dialect, response: UpstreamResponse, body: bytes | None
    ) -> None:
        """The answer was read to its end (`body`), or was not, or was too long (None)."""
        result = "passed"
        if body is not None and response.status == 200 and whole(response.headers, body, dialect):
            answer = _Answer(200, list(response.headers), body, self._clock() + within)
            if answer.size <= self._limit:
                self._answers[key] = answer
                result = "kept"
        self._told(result)
        self._release(key)

    def _release(self, key: bytes) -> None:
        self._asked.pop(key).set()

    @property
    def nbytes(self) -> float:
        """Bytes held."""
        return self._answers.currsize


class _Given:
    """A kept answer as the model server would send it."""

    def __init__(self, answer: _Answer) -> None:
        self.status = answer.status
        self.headers = list(answer.headers)
        self._rest = answer.body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._rest:
            raise StopAsyncIteration
        body, self._rest = self._rest, b""
        return body

    async def aclose(self) -> None:
        """Nothing is held."""


class _Keeping:
    """An answer of the model server that is passed on and kept; `end` is told once what was read of it."""

    def __init__(self, response: UpstreamResponse, limit: int, end: Callable[[bytes | None], None]) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._pieces = aiter(response)
        self._limit = limit
        self._end: Callable[[bytes | None], None] | None = end
        self._read: bytearray | None = bytearray()
        self._complete = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._pieces)
        except StopAsyncIteration:
            self._complete = True
            raise
        if self._read is not None:
            self._read += chunk
            if len(self._read) > self._limit:
                self._read = None
        return chunk

    async def aclose(self) -> None:
        """Close the answer itself; whoever waits for it may go on."""
        end, self._end = self._end, None
        if end is not None:
            end(bytes(self._read) if self._complete and self._read is not None else None)
        await self._response.aclose()


def whole(headers: Headers, body: bytes, dialect: Dialect) -> bool:
    """Whether this is a complete answer of a model, and no error that came under a good status."""
    framing, coding = form_of(headers)
    if coding not in ("", "identity"):
        return False
    if framing is None:
        found = objects(decode(body))
        return bool(found) and not any(map(_failed, found))
    splitter = Splitter(framing, len(body) + 1)
    events = [parse(raw, framing) for raw in (*splitter.feed(body), splitter.close())]
    messages = [message for event in events if (message := event.object()) is not None]
    ended = any(event.is_done for event in events) or any(map(dialect.finished, messages))
    return ended and not any(map(_failed, messages))


def _failed(message: Object) -> bool:
    """Errors stand at the top, or (Responses) in the object that the last event carries."""
    inner: JSON = message.get("response")
    return bool(
        message.get("error")
        or message.get("type") == "error"
        or (isinstance(inner, dict) and inner.get("error"))
    )
