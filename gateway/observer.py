"""Reads along beside an answer after its bytes were sent on; holds nobody up and changes nothing.

What an event means is the business of whoever is handed it. This is on the way of every event of every
stream, so events are read some at a time, and what nearly all of them are (one line of data, a line feed, a
blank line) is cut by one `bytes.split`; whatever else SSE allows goes through `gateway.stream.Splitter`, to
the same result.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.dialects.base import Framing, Object
from gateway.dialects.body import Inflater
from gateway.stream import EVENT_LIMIT, EventTooLarge, Splitter, decode, objects, parse

_DATA = b"data: "
_DONE = b"[DONE]"
_GAP = b"\n\n"
BATCH = 4096
"""Bytes of server-sent events that are read at a time: sixteen or so in a row cost half of what each costs
alone, between other streams (measured), and an event that was passed on has no need to be read at once."""


class Observer:
    """Hands each JSON object of an answer to `see`.

    `framing` None means one whole JSON answer, read at the end. What cannot be read is skipped; when
    nothing more can be read `blind` says why: `coding`, `corrupt` or `too_large`.
    """

    def __init__(
        self,
        framing: Framing | None,
        see: Callable[[Object], None],
        *,
        coding: str = "",
        limit: int = EVENT_LIMIT,
    ) -> None:
        known = Inflater.knows(coding)
        self.blind: str | None = None if known else "coding"
        self._inflater = Inflater(coding) if known and coding not in ("", "identity") else None
        self._framing = framing
        self._see = see
        self._limit = limit
        self._splitter: Splitter | None = Splitter(framing, limit) if framing == "ndjson" else None
        """None while SSE needs none."""
        self._pieces: list[bytes] = []
        """What has not been read yet: the whole answer, or some events and the beginning of one."""
        self._size = 0
        self._due = BATCH
        """The size at which to read on."""

    def feed(self, data: bytes) -> None:
        """Read along; `data` as it went over the wire."""
        if self.blind is not None:
            return
        if self._inflater is not None:
            try:
                data = self._inflater.feed(data)
            except ValueError:
                self._give_up("corrupt")
                return
        if self._splitter is not None:
            self._split(data, self._splitter)
        elif self._framing is None:
            self._keep(data)
        else:
            self._lines(data)

    def close(self) -> None:
        """Read what is left; an answer that broke off is read as far as it came."""
        if self._framing is None:
            for message in objects(decode(b"".join(self._pieces))):
                self._see(message)
        elif self.blind is None:
            if self._splitter is None:
                self._read_on()
            self._hand(b"".join(self._pieces) if self._splitter is None else self._splitter.close())
        self._pieces.clear()

    def _lines(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= self._due:
            self._read_on()

    def _read_on(self) -> None:
        """Server-sent events without a CR, not too much at once; others from here on by the splitter."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        if b"\r" in data or len(data) > self._limit:
            self._splitter = splitter = Splitter("sse", self._limit)
            self._split(data, splitter)
            return
        *events, rest = data.split(_GAP)
        for event in events:
            self._hand(event)
        self._size = len(rest)
        # A long event must not be looked through again and again while it comes in.
        self._due = max(BATCH, 2 * self._size)
        self._pieces.append(rest)

    def _keep(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._size += len(data)
            if self._size > self._limit:
                self._give_up("too_large")

    def _split(self, data: bytes, splitter: Splitter) -> None:
        try:
            events = splitter.feed(data)
        except EventTooLarge as problem:
            events = problem.events
            self._give_up("too_large")
        for event in events:
            self._hand(event)

    def _hand(self, event: bytes) -> None:
        data: bytes | None = event[6:]
        if self._framing == "ndjson" or event[:6] != _DATA or b"\n" in event:
            data = parse(event.lstrip(b"\n"), self._framing or "ndjson").data
        if data and data != _DONE:
            message = decode(data)
            if isinstance(message, dict):
                self._see(message)

    def _give_up(self, reason: str) -> None:
        self.blind = reason
        self._pieces.clear()
        if self._splitter is not None:
            self._splitter.close()
