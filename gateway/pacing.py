"""How fast an answer may pass: bytes in, pieces out, each with the wait before it. No clock, no waiting.

Laws: the pieces are the bytes, in order and unchanged, whatever the chunking; what is due depends on tokens
alone; at most one unfinished event (of a stream) or the whole answer (if it is one JSON document) is held,
up to the limits of `gateway.stream`. What cannot be read passes at four bytes a token: this is friction,
and no reason to withhold an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from gateway.actions.tasks import Pace
from gateway.dialects.base import Dialect, Framing, Object
from gateway.stream import EVENT_LIMIT, EventTooLarge, Splitter, decode, objects, parse
from gateway.usage import CHARS_PER_TOKEN


class Pacer:
    """Paces one answer: `feed` it, before each piece wait as long as `wait` says, then send the piece.

    `framing` None means one JSON document, `readable` False bytes in a coding that nobody asked for; `began`
    is the time from which on tokens are due, in seconds of any steady clock.
    """

    def __init__(
        self, pace: Pace, dialect: Dialect, framing: Framing | None, began: float, *, readable: bool = True
    ) -> None:
        self._seconds = 1.0 / pace.tokens_per_second
        self._longest = pace.longest
        self._dialect = dialect
        self._framing = framing
        self._splitter = Splitter(framing) if framing and readable else None
        self._document = bytearray()
        self._holds = framing is None and readable
        self._due = began
        self._pieces = self._chars = self._counted = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        """The pieces that `data` completes, and how many tokens each holds."""
        if self._splitter is not None:
            yield from self._events(data)
        elif self._holds:
            self._document += data
            if len(self._document) > EVENT_LIMIT:
                self._holds = False
                yield from self._opaque(self._release())
        else:
            yield from self._opaque(data)

    def close(self) -> tuple[bytes, float]:
        """What was held to the end, and how many tokens it holds."""
        if self._splitter is not None:
            rest = self._splitter.close()
            return rest, self._tokens(rest)
        body = self._release()
        return body, self._whole(body)

    def wait(self, tokens: float, now: float) -> float:
        """Seconds until so many tokens more are due. What is beyond the longest wait is forgiven."""
        self._due += tokens * self._seconds
        pause = max(0.0, self._due - now)
        if pause > self._longest:
            pause = self._longest
            self._due = now + pause
        return pause

    def _events(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        assert self._splitter is not None
        try:
            events, rest = self._splitter.feed(data), b""
        except EventTooLarge as problem:
            events, rest = problem.events, self._splitter.close()
            self._splitter = None
        for event in events:
            yield event, self._tokens(event)
        yield from self._opaque(rest)

    def _tokens(self, raw: bytes) -> float:
        """By how many a stream grows with this event, as `gateway.usage.Meter` counts: each piece of text is
        a token, and more where all of the text is too long for that."""
        message = parse(raw, self._framing or "ndjson").object()
        for text in () if message is None else self._dialect.texts(message):
            self._pieces += bool(text)
            self._chars += len(text)
        before, self._counted = self._counted, max(self._pieces, ceil(self._chars / CHARS_PER_TOKEN))
        return float(self._counted - before)

    def _whole(self, body: bytes) -> float:
        return float(sum(self._answer(message) for message in objects(decode(body))))

    def _answer(self, message: Object) -> int:
        usage = self._dialect.usage(message)
        delivered = sum(_estimate(text) for text in self._dialect.texts(message))
        return usage.output_tokens if usage and usage.output_tokens else delivered

    def _release(self) -> bytes:
        body = bytes(self._document)
        self._document.clear()
        return body

    @staticmethod
    def _opaque(data: bytes) -> Iterator[tuple[bytes, float]]:
        if data:
            yield data, float(ceil(len(data) / CHARS_PER_TOKEN))


def _estimate(text: str) -> int:
    return ceil(len(text) / CHARS_PER_TOKEN)
