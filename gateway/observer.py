"""Reads along beside an answer after its bytes were sent on; holds nobody up and changes nothing.

What an event means is the business of whoever is handed it. This is on the way of every event of every
stream, so what nearly all of them are (one line of data, a line feed, a blank line) is cut by one
`bytes.split`; whatever else SSE allows goes through `gateway.stream.Splitter`, to the same result.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.dialects.base import Framing, Object
from gateway.dialects.body import Inflater
from gateway.stream import EVENT_LIMIT, EventTooLarge, Splitter, decode, objects, parse

_DATA = b"data: "
_DONE = b"[DONE]"
_GAP = b"\n\n"


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
        """What has not been read yet: the whole answer, or the beginning of an event."""
        self._size = 0

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
        rest = b"".join(self._pieces)
        if self._framing is None:
            for message in objects(decode(rest)):
                self._see(message)
        else:
            self._hand(rest if self._splitter is None else self._splitter.close())
        self._pieces.clear()

    def _lines(self, data: bytes) -> None:
        """Server-sent events without a CR, none of them too long; others from here on by the splitter."""
        pieces = self._pieces
        if b"\r" in data or self._size + len(data) > self._limit:
            self._splitter = splitter = Splitter("sse", self._limit)
            data = b"".join((*pieces, data))
            pieces.clear()
            self._split(data, splitter)
            return
        # A blank line may lie across two pieces.
        if _GAP not in data and not (pieces and data[:1] == b"\n" and pieces[-1].endswith(b"\n")):
            self._keep(data)
            return
        if pieces:
            data = b"".join((*pieces, data))
            pieces.clear()
        *events, rest = data.split(_GAP)
        for event in events:
            self._hand(event)
        self._size = 0
        if rest:
            self._keep(rest)

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
