"""Reads one answer from bytes; no sockets, no clock, no waiting.

Law: any bytes give an answer or UpstreamError, never another exception; any cutting of the same bytes
gives the same answer; and where two readers could disagree about where an answer ends, it is an error
(RFC 9112, 11.1). The head is cut off here and tokenised by llhttp (httptools); lengths are counted here,
chunks are read by llhttp. httptools cannot be told that an answer belongs to HEAD, nor that the server
has closed, so neither question is put to it.
"""

from __future__ import annotations

from enum import Enum, auto

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.errors import UpstreamError
from gateway.upstream.base import Headers
from gateway.upstream.headers import connection_options

MAX_HEAD = 256 * 1024
"""Bytes of all heads before the body (interim ones included), and of one run of chunk framing."""

_HTTP_1_1 = b"HTTP/1.1 "
_HTTP_1_0 = b"HTTP/1.0 "
_SPECIAL = frozenset((b"connection", b"content-length", b"transfer-encoding"))
_BODILESS = (204, 304)


class _Mode(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()
    DONE = auto()


class AnswerReader:
    """One answer to a request with `method`: feed what arrives, then `end` when the server closes.

    `status` is 0 until the head is there. After `complete`, `reusable` says whether another answer may
    follow on the same connection.
    """

    __slots__ = (
        "_buffer", "_head_bytes", "_head_request", "_mode", "_overhead", "_parser", "_parts", "_remaining",
        "_scanned", "_special", "_surplus", "_tail", "chunked", "headers", "keep_alive", "status",
    )  # fmt: skip

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: Headers = []
        """All fields as received, hop-by-hop ones too; trailers are not among them."""
        self.keep_alive = False
        self.chunked = False
        """Whether the body comes in chunks."""
        self._head_request = method == "HEAD"
        self._mode = _Mode.HEAD
        self._buffer = bytearray()
        self._scanned = 0
        self._head_bytes = 0
        self._special: Headers = []
        """The fields that say where the answer ends, names in lower case."""
        self._parser: HttpResponseParser | None = None
        self._parts: list[bytes] = []
        self._remaining = 0
        self._overhead = 0
        self._tail = b""
        self._surplus = False

    @property
    def complete(self) -> bool:
        """Whether the last byte of the answer has been read."""
        return self._mode is _Mode.DONE

    @property
    def reusable(self) -> bool:
        """Whether the answer is complete, nothing came after it, and the server keeps the connection."""
        return self._mode is _Mode.DONE and self.keep_alive and not self._surplus

    def feed(self, data: bytes) -> bytes:
        """The body bytes in `data`, transfer coding removed. Raises UpstreamError (`protocol`)."""
        mode = self._mode
        if mode is _Mode.CHUNKED:
            return self._feed_chunks(data)
        if mode is _Mode.LENGTH:
            return self._feed_counted(data)
        if mode is _Mode.HEAD:
            return self._feed_head(data)
        if mode is _Mode.UNTIL_CLOSE:
            return data
        self._surplus = self._surplus or bool(data)
        return b""

    def end(self) -> None:
        """The server has closed its side. Raises UpstreamError (`closed`) if the answer was not complete."""
        if self._mode is _Mode.UNTIL_CLOSE:
            self._mode = _Mode.DONE
        elif self._mode is not _Mode.DONE:
            where = "before the answer" if not self._head_bytes and not self._buffer else "inside the answer"
            raise UpstreamError("closed", f"the server closed the connection {where}", sent=True)

    # --- the head ---------------------------------------------------------------------------------

    def _feed_head(self, data: bytes) -> bytes:
        if self._buffer:
            self._buffer += data
            return self._take_heads(self._buffer)
        # As a rule the whole head comes at once, and nothing need be kept.
        return self._take_heads(data)

    def _take_heads(self, buffer: bytes | bytearray) -> bytes:
        """Read heads until one is final, and the body bytes behind it; keep an incomplete one."""
        while True:
            # Something that is not HTTP/1 is noticed at its first bytes, not when a limit is reached.
            start = bytes(buffer[:9])
            if not (_HTTP_1_1.startswith(start) or _HTTP_1_0.startswith(start)):
                raise _malformed("the answer does not begin like HTTP/1")
            # The blank line may begin up to three bytes before the new ones.
            end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3)) + 4
            size = end if end >= 4 else len(buffer)
            if self._head_bytes + size > MAX_HEAD:
                raise _malformed("the head of the answer is too large")
            if end < 4:
                self._scanned = size
                self._buffer = buffer if isinstance(buffer, bytearray) else bytearray(buffer)
                return b""
            head, buffer = bytes(buffer[:end]), bytes(buffer[end:])
            self._read_head(head)
            self._scanned = 0
            self._head_bytes += end
            if self.status >= 200:
                self._buffer.clear()
                return self._begin_body(head.startswith(_HTTP_1_1), buffer)
            # Interim answers say nothing that outlives this hop (RFC 9110, 15.2).
            self.status = 0

    def _read_head(self, head: bytes) -> None:
        # A lone CR or LF: other readers may see other fields than we do (RFC 9112, 2.2).
        lines = head.count(b"\r\n")
        if head.count(b"\n") != lines or head.count(b"\r") != lines:
            raise _malformed("the head of the answer holds a lone CR or LF")
        self.headers = []
        self._special = []
        parser = HttpResponseParser(self)
        try:
            parser.feed_data(head)
        except HttpParserError as error:
            raise _malformed(f"the head of the answer is malformed: {error}") from error
        except HttpParserUpgrade as error:
            raise _malformed("the server switched protocols unasked") from error
        self.status = parser.get_status_code()
        if not 100 <= self.status <= 599 or self.status == 101:
            raise _malformed("the status of the answer is not one that can be forwarded")
        self._parser = parser

    def _begin_body(self, http_1_1: bool, rest: bytes) -> bytes:
        options = connection_options(self._special)
        self.keep_alive = b"close" not in options and (http_1_1 or b"keep-alive" in options)
        coded, length = self._framing(http_1_1)
        if self._head_request or self.status in _BODILESS:
            self._mode = _Mode.DONE
        elif coded:
            self.chunked = True
            self._mode = _Mode.CHUNKED
        elif length is None:
            self._mode = _Mode.UNTIL_CLOSE
            self.keep_alive = False
        else:
            self._remaining = length
            self._mode = _Mode.LENGTH if length else _Mode.DONE
        if self._mode is not _Mode.CHUNKED:
            self._parser = None
        return self.feed(rest) if rest else b""

    def _framing(self, http_1_1: bool) -> tuple[bool, int | None]:
        """Whether the body comes in chunks, else its length if known (RFC 9112, 6.3).

        llhttp has refused repeated or malformed lengths, and lengths beside a transfer coding.
        """
        coded = False
        length = None
        for name, value in self._special:
            if name == b"transfer-encoding":
                # We never sent `te`: any coding but one `chunked` is the server's fault, as is one in 1.0.
                if coded or not http_1_1 or value.lower() != b"chunked":
                    raise _malformed("the answer has a transfer coding that was not asked for")
                coded = True
            elif name == b"content-length":
                length = int(value)
        return coded, length

    # --- the body ---------------------------------------------------------------------------------

    def _feed_counted(self, data: bytes) -> bytes:
        size = len(data)
        if size > self._remaining:
            data = data[: self._remaining]
            self._surplus = True
        self._remaining -= len(data)
        if not self._remaining:
            self._mode = _Mode.DONE
        return data

    def _feed_chunks(self, data: bytes) -> bytes:
        parts = self._parts = []
        parser = self._parser
        assert parser is not None
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._mode is not _Mode.DONE:
                raise _malformed(f"the chunks of the answer are malformed: {error}") from error
            self._surplus = True
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self._tail = (self._tail + data[-5:])[-5:]
        if self._mode is _Mode.DONE:
            self._check_tail()
        # Bytes that bring no body are chunk lines and trailers; a server may not go on with them for ever.
        self._overhead = 0 if body else self._overhead + len(data)
        if self._overhead > MAX_HEAD:
            raise _malformed("the chunk framing of the answer is too large")
        return body

    def _check_tail(self) -> None:
        """llhttp skips empty lines behind a message: see them as the surplus they are."""
        self._parser = None
        if not self._tail.endswith(b"\r\n\r\n") or self._tail[:1] in (b"\r", b"\n"):
            self._surplus = True

    # --- called by httptools ----------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head, or a trailer (which is dropped: no field needs merging, RFC 9110, 6.5.1)."""
        if self._mode is _Mode.HEAD:
            # llhttp leaves trailing white space in the value.
            value = value.strip(b" \t")
            self.headers.append((name, value))
            lower = name.lower()
            if lower in _SPECIAL:
                self._special.append((lower, value))

    def on_body(self, data: bytes) -> None:
        """The payload of one chunk, or a part of it."""
        if self._mode is _Mode.CHUNKED:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        """The end of the chunks; a head without body ends here too, but that was decided without llhttp."""
        if self._mode is _Mode.CHUNKED:
            self._mode = _Mode.DONE

    def on_message_begin(self) -> None:
        """The start of the head, or of something behind the last chunk."""
        if self._mode is _Mode.DONE:
            self._surplus = True


def _malformed(message: str) -> UpstreamError:
    return UpstreamError("protocol", message, sent=True)
