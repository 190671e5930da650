"""Framing of streamed answers (SSE, NDJSON), and the rewriters inside a stream.

Here is what turns bytes into events and back, whatever the events mean: which key of an answer holds
text or probabilities is the business of `gateway.dialects`, what to do about it of `gateway.actions`.
Laws: the concatenation of all raw events and the rest is the input; any chunking of the input gives the
same events and the same output; at most one unfinished event is held, up to a stated limit. SSE follows the
WHATWG HTML standard, 9.2, but for one thing: an unfinished event at the end counts, as real clients read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import msgspec

from gateway.actions.base import Editor
from gateway.actions.texts import TextEditor
from gateway.dialects.base import Dialect, Framing, Object
from gateway.dialects.body import encode
from gateway.model import JSON

EVENT_LIMIT = 8 * 1024 * 1024
"""Bytes of one event. The largest seen is a full vocabulary of log-probabilities: 4.7 MB."""
DOCUMENT_LIMIT = 64 * 1024 * 1024
"""Bytes of one whole answer: the largest honest ones are batches of embeddings."""

_FRAMINGS: dict[str, Framing] = {"text/event-stream": "sse", "application/x-ndjson": "ndjson"}
_BOM = b"\xef\xbb\xbf"
_DONE = b"[DONE]"
_BLANK_LINE = re.compile(rb"\n\n|\r\r|(?<!\r)\n\r|\r\n\r(?:\n|(?=[^\n]))")
"""Two line ends in a row. Whether the CR of `CRLF CR` is one shows only with the byte after it; after
LF or CR the second CR counts at once, and an LF that follows is an empty event of its own."""


class Uneditable(ValueError):  # noqa: N818 - named for what the answer is, as EventTooLarge is
    """An answer that must be edited cannot be: the driver must not pass it on (fail closed)."""


class EventTooLarge(Uneditable):
    """One event is longer than the limit; `events` are the complete ones that came before it."""

    def __init__(self, events: list[bytes], limit: int) -> None:
        self.events = events
        super().__init__(f"one event is longer than {limit} bytes")


def form_of(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Framing | None, str]:
    """(framing, None for one document; content coding) of an answer with these header fields."""
    kind = coding = ""
    for name, value in headers:
        # Most fields are told apart by their length alone.
        if len(name) == 12 and name.lower() == b"content-type":
            kind = value.decode("latin-1").partition(";")[0].strip().lower()
        elif len(name) == 16 and name.lower() == b"content-encoding":
            coding = value.decode("latin-1").strip().lower()
    return _FRAMINGS.get(kind), coding


class Splitter:
    """Cuts a stream into raw events, terminators included. Linear in the input, however it is chunked."""

    def __init__(self, framing: Framing, limit: int = EVENT_LIMIT) -> None:
        self._end: Callable[[int, int], int] = self._sse_end if framing == "sse" else self._line_end
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._carriage = False

    def feed(self, data: bytes) -> list[bytes]:
        """The events that `data` completes. Raises EventTooLarge; after that only `close` has meaning."""
        buffer = self._buffer
        buffer += data
        self._carriage = self._carriage or b"\r" in data
        events: list[bytes] = []
        start, searched = 0, self._searched
        while start < len(buffer) and 0 < (end := self._end(start, searched)) <= start + self._limit:
            events.append(bytes(buffer[start:end]))
            start = searched = end
        del buffer[:start]
        # A terminator is at most four bytes long, so three of them may stand here already.
        self._searched = max(0, len(buffer) - 3)
        if len(buffer) > self._limit:
            raise EventTooLarge(events, self._limit)
        return events

    def close(self) -> bytes:
        """The unfinished rest."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest

    def _sse_end(self, start: int, searched: int) -> int:
        if self._buffer[start] in b"\r\n":
            return start + 1
        if not self._carriage:
            found_at = self._buffer.find(b"\n\n", searched)
            return found_at + 2 if found_at >= 0 else -1
        found = _BLANK_LINE.search(self._buffer, searched)
        return found.end() if found else -1

    def _line_end(self, start: int, searched: int) -> int:
        return self._buffer.find(b"\n", searched) + 1


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: its bytes as received, its joined `data` lines, and its `event:` name if it has one."""

    raw: bytes
    framing: Framing
    data: bytes | None
    name: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether this is OpenAI's end marker, which is not JSON."""
        return self.data is not None and self.data.strip() == _DONE

    def object(self) -> Object | None:
        """The decoded JSON object; None for anything else."""
        value = None if self.data is None or self.is_done else decode(self.data)
        return value if isinstance(value, dict) else None

    def with_data(self, data: bytes) -> bytes:
        """The raw event with other data on one line; all other lines and line ends as they were."""
        if self.framing == "ndjson":
            return data + self.raw[len(self.raw.rstrip(b"\r\n")) :]
        lines: list[bytes] = []
        written = False
        for line in self.raw.removeprefix(_BOM).splitlines(keepends=True):
            bare = line.rstrip(b"\r\n")
            if bare.partition(b":")[0] != b"data":
                lines.append(line)
            elif not written:
                lines.append(b"data: " + data + line[len(bare) :])
                written = True
        return b"".join(lines)


def parse(event: bytes, framing: Framing) -> Event:
    """Read one raw event; never fails. A byte order mark is skipped wherever it stands first."""
    if framing == "sse" and event[:6] == b"data: " and event.find(b"\n") == len(event) - 2:
        # Nine in ten events are one line of data; a CR could end a line before.
        only = event[6:-2]
        if b"\r" not in only:
            return Event(event, framing, only)
    text = event.removeprefix(_BOM)
    if framing == "ndjson":
        return Event(event, framing, text.strip() or None)
    data: list[bytes] = []
    name = b""
    for line in text.splitlines():
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return Event(event, framing, b"\n".join(data) if data else None, name.decode(errors="replace") or None)


def decode(data: bytes) -> JSON:
    """The JSON value as a lenient client would read it, or None.

    What msgspec refuses but clients of other languages accept (NaN, lone surrogates, broken UTF-8, raw
    control characters) goes through the standard library: an answer must not dodge an editor that way.
    """
    try:
        return cast("JSON", msgspec.json.decode(data))
    except (ValueError, RecursionError):
        pass
    try:
        return cast("JSON", json.loads(data.decode("utf-8-sig", "replace"), strict=False))
    except (ValueError, RecursionError):
        return None


def is_error(message: Object) -> bool:
    """Whether `message` is nothing but an error: `error` is filled and no other member has structure.

    An answer that reports an error *beside* its output (a failed Responses object, OpenRouter's last
    chunk) is an answer and is edited like one.
    """
    return bool(message.get("error")) and not any(
        isinstance(value, dict | list) for key, value in message.items() if key != "error"
    )


def objects(value: JSON) -> list[Object]:
    """The answers in a whole body."""
    # llama.cpp answers several prompts with an array of answers.
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict)]


# --- inside the stream -----------------------------------------------------------------------------


class Rewriter:
    """Runs editors over the events of a stream; what no editor changes passes byte for byte.

    Comments, `[DONE]`, errors and anything but JSON objects pass as they are. What editors held back is
    added before `[DONE]` or the API's terminal event, at the latest at the end of the stream.
    """

    def __init__(self, dialect: Dialect, editors: Sequence[Editor], *, limit: int = EVENT_LIMIT) -> None:
        self._dialect = dialect
        self._editors = tuple(editors)
        self._splitter = Splitter(dialect.framing, limit)
        self._failure: EventTooLarge | None = None
        self._named = False
        self._line_end = b"\n"

    def feed(self, data: bytes) -> bytes:
        """The edited bytes of the events that `data` completes.

        Raises EventTooLarge once all that came before the event that is too large has been returned.
        """
        if self._failure is None:
            try:
                events = self._splitter.feed(data)
            except EventTooLarge as problem:
                self._failure, events = problem, problem.events
            edited = b"".join([self._event(event) for event in events])
            if edited or self._failure is None:
                return edited
        raise self._failure

    def close(self) -> bytes:
        """The edited rest and what editors held back. Raises EventTooLarge as `feed` does."""
        if self._failure is not None:
            raise self._failure
        return self._event(self._splitter.close(), last=True)

    def _event(self, raw: bytes, *, last: bool = False) -> bytes:
        event = parse(raw, self._dialect.framing)
        message = event.object()
        if message is None and last and event.data is not None and not event.is_done:
            # A stream that broke off inside an event: the standard forgets the fragment, and so do we,
            # as it may hold half of what an editor would have removed.
            return self._held()
        if message is None or is_error(message):
            ends = last or event.is_done or message is not None
            return self._held() + raw if ends else raw
        self._named = self._named or event.name is not None
        self._line_end = b"\r\n" if raw.endswith(b"\r\n") else b"\n"
        last = last or self._dialect.finished(message)
        # No event comes after the last one to carry held text on: closing again completes it in place.
        return self._ahead(message, last=last) + self._edited(event, message, self._editors, last=last)

    def _edited(
        self, event: Event, message: Object, editors: Sequence[Editor], *, last: bool = False
    ) -> bytes:
        changed = False
        for editor in editors:
            verdict = editor.edit(message)
            if verdict == "drop":
                return b""
            changed = changed or verdict == "changed"
            if last:
                editor.close()
        return event.with_data(encode(message)) if changed else event.raw

    def _ahead(self, message: Object, *, last: bool) -> bytes:
        """What editors held back and must not come after this message."""
        pieces: list[bytes] = []
        for position, editor in enumerate(self._editors):
            if isinstance(editor, TextEditor):
                pieces += self._added(position, editor.ahead(message, everything=last))
            elif last:
                pieces += self._added(position, editor.close())
        return b"".join(pieces)

    def _held(self) -> bytes:
        """All that editors held back."""
        pieces: list[bytes] = []
        for position, editor in enumerate(self._editors):
            pieces += self._added(position, editor.close())
        return b"".join(pieces)

    def _added(self, position: int, messages: Iterable[Object]) -> Iterator[bytes]:
        """Messages of the editor at `position` as events, edited by those after it."""
        for message in messages:
            name = message.get("type")
            # Anthropic and Responses name each event as its `type` says; the others have no names.
            head = b"event: %b\n" % name.encode() if self._named and isinstance(name, str) else b""
            event = parse(self._frame(head, encode(message)), self._dialect.framing)
            yield self._edited(event, message, self._editors[position + 1 :])

    def _frame(self, head: bytes, data: bytes) -> bytes:
        if self._dialect.framing == "ndjson":
            return data + self._line_end
        return (head + b"data: " + data + b"\n\n").replace(b"\n", self._line_end)


class DocumentRewriter:
    """Runs editors over a whole JSON answer, which is held until its end.

    `close` of an editor is called before the answer is written, so that it may complete it in place.
    """

    def __init__(self, editors: Sequence[Editor], *, limit: int = DOCUMENT_LIMIT) -> None:
        self._editors = tuple(editors)
        self._limit = limit
        self._body = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Nothing yet. Raises Uneditable past the limit."""
        self._body += data
        if len(self._body) > self._limit:
            raise Uneditable(f"the answer is longer than {self._limit} bytes")
        return b""

    def close(self) -> bytes:
        """The edited answer; an empty one stays empty. Raises Uneditable if it is not JSON."""
        body = bytes(self._body)
        if not body.strip():
            return body
        value = decode(body)
        if not isinstance(value, dict | list):
            raise Uneditable("the answer is not a JSON object")
        changed = False
        for message in objects(value):
            if not is_error(message):
                changed = self._edit(message) or changed
        return encode(value) if changed else body

    def _edit(self, message: Object) -> bool:
        changed = False
        for editor in self._editors:
            changed = editor.edit(message) != "kept" or changed
            editor.close()
        return changed
