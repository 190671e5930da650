"""The model server of the suite: raw callbacks on uvloop, answers made beforehand.

    python -m benchmarks.side_by_side.upstream PORT

It must cost so little that it does not matter: no ASGI server, no task per request, one write per answer, or
per event where events are paced. Its own CPU stands in the report as `direct`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop
from httptools import HttpRequestParser

from benchmarks.side_by_side import traffic


class Asked(msgspec.Struct):
    """What a request body says about the answer."""

    stream: bool = False
    max_tokens: int | None = None
    seed: int | None = None


_asked = msgspec.json.Decoder(Asked)
_answer = traffic.answer()
_events: dict[int, list[tuple[bytes, bytes]]] = {}
_bursts: dict[int, bytes] = {}


def events_of(count: int) -> list[tuple[bytes, bytes]]:
    """The events of a stream of this length, made once."""
    found = _events.get(count)
    if found is None:
        found = _events[count] = traffic.events(count)
    return found


def burst(count: int) -> bytes:
    """A whole stream with its head, made once; its times say zero."""
    found = _bursts.get(count)
    if found is None:
        body = b"".join(before + b"0" * traffic.STAMP + after for before, after in events_of(count))
        found = _bursts[count] = traffic.STREAM_HEAD + body + traffic.STREAM_END
    return found


class Server(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_body", "_left", "_loop", "_next", "_pace", "_parser", "_timer", "_transport")

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._left: Iterator[tuple[bytes, bytes]] = iter(())
        self._next = 0.0
        self._pace = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A gateway has connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The gateway is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def on_body(self, data: bytes) -> None:
        """Called by httptools."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Called by httptools: the request is whole."""
        body = b"".join(self._body)
        self._body.clear()
        asked = _asked.decode(body) if body else Asked()
        if not asked.stream:
            self._transport.write(_answer)
        elif not asked.seed:
            self._transport.write(burst(asked.max_tokens or 1))
        else:
            self._left = iter(events_of(asked.max_tokens or 1))
            self._pace = asked.seed / 1000
            self._next = self._loop.time()
            self._transport.write(traffic.STREAM_HEAD)
            self._send()

    def _send(self) -> None:
        """One event, and a date for the next; late events do not move those after them."""
        event = next(self._left, None)
        if event is None:
            self._timer = None
            self._transport.write(traffic.STREAM_END)
            return
        now = time.monotonic_ns() // 1000
        self._transport.write(event[0] + b"%015d" % now + event[1])
        self._next += self._pace
        self._timer = self._loop.call_at(self._next, self._send)


async def main(port: int) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
