"""The bytes of a body ↔ its JSON object: content codings, then strict JSON.

Strict because the gateway and the model server must read the same text: a key that stands twice, a
number that one parser calls infinite or half a surrogate pair means different things to different
parsers, and whatever we score differently from what is served is a way around the score. What the
object means belongs to the dialects; framing of streams to `gateway.stream`.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from itertools import accumulate
from typing import NoReturn, Protocol

import brotli  # type: ignore[import-untyped]
import msgspec
import zstandard

from gateway.dialects.base import Object
from gateway.errors import CallError
from gateway.model import JSON

MAX_DEPTH = 200
"""Levels of nesting that are accepted; honest tool schemas stay below 40."""
FEED_LIMIT = 64 * 1024 * 1024
"""Bytes that one `Inflater.feed` may give."""

_SLICE = 64 * 1024
_ZSTD_SLICE = 32
"""Each four bytes of zstd may become one 128 KiB block, so these are at most 1 MiB at once (RFC 8878)."""
_BROTLI_SLICE = 8
"""A few bytes of brotli may become a meta-block of 16 MiB (RFC 7932); measured, no more at once."""
_ZSTD_WINDOW = 8 * 1024 * 1024
"""RFC 9659: the content coding `zstd` must not need a larger window."""
_MAX_MEMBERS = 1024
"""gzip members or zstd frames in a row; each costs a fresh decoder, so empty ones would cost us CPU."""
_MAX_CODINGS = 4

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [0] * 256
for _open, _close in (b"[]", b"{}"):
    _STEP[_open], _STEP[_close] = 1, -1


# --- JSON ------------------------------------------------------------------------------------------


def decode(raw: bytes) -> Object:
    """The object in a request body. Raises CallError(400, …), and nothing else, whatever the bytes."""
    if not raw.strip():
        raise CallError(400, "empty_body", "the request has no body")
    if _depth(raw) > MAX_DEPTH:
        raise CallError(400, "too_deep", f"the body is nested deeper than {MAX_DEPTH} levels")
    value = _parse(_text(raw))
    if not isinstance(value, dict):
        raise CallError(400, "not_an_object", "the body must be a JSON object")
    _refuse_lone_surrogates(raw, value)
    return value


def encode(value: JSON) -> bytes:
    """Compact JSON in UTF-8, escaped to ASCII where a lone surrogate cannot be written in UTF-8.

    Not-a-number and infinity, which only an answer can have, become null: JSON has no word for them.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        plain = json.loads(json.dumps(value), parse_constant=lambda name: None)
        return json.dumps(plain, separators=(",", ":")).encode()


def _depth(raw: bytes) -> int:
    """An upper bound of the nesting, exact only where it may exceed the limit; no recursion."""
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= MAX_DEPTH:
        return opened
    brackets = _STRINGS.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _text(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        # RFC 8259, 8.1: must not be added; parsers differ in whether they ignore it.
        raise CallError(400, "invalid_json", "the body starts with a byte order mark")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CallError(400, "invalid_utf8", f"the body is not UTF-8 at byte {error.start}") from None


def _parse(text: str) -> JSON:
    try:
        value: JSON = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        end = " (it ends too early)" if error.pos >= len(text.rstrip()) else ""
        message = f"the body is not valid JSON at character {error.pos}{end}"
        raise CallError(400, "invalid_json", message) from None
    except ValueError:
        # The interpreter's own limit on the digits of an integer (CVE-2020-10735).
        raise CallError(400, "invalid_number", "the body has a number with too many digits") from None
    return value


def _unique(pairs: list[tuple[str, JSON]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CallError(400, "duplicate_key", "an object in the body has the same key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise CallError(400, "invalid_number", f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise CallError(400, "invalid_number", "the body has a number that is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _refuse_lone_surrogates(raw: bytes, value: Object) -> None:
    """Half a surrogate pair: some parsers replace it, some drop it, some refuse it."""
    if b"\\u" not in raw or _SURROGATE.search(raw) is None:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise CallError(400, "lone_surrogate", "a string in the body has half a surrogate pair") from None


# --- content codings -------------------------------------------------------------------------------


class _TooMuchError(ValueError):
    """More output than the limit."""


class _Stage(Protocol):
    """One coding undone: at most `limit` bytes out of each `feed`."""

    def feed(self, data: bytes, limit: int) -> bytes: ...

    def close(self) -> None:
        """Raises ValueError if the coded stream has not come to its end."""
        ...


class _Zlib:
    """gzip (several members) and deflate (with and without the zlib header, as servers send both)."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._held = b""
        self._members = 0
        self._decoder = zlib.decompressobj(31) if gzip else None

    def feed(self, data: bytes, limit: int) -> bytes:
        data, self._held = self._held + data, b""
        if self._decoder is None:
            if len(data) < 2:
                self._held = data
                return b""
            # RFC 1950: method 8 and a check value divisible by 31; otherwise it is bare deflate.
            header = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._decoder = zlib.decompressobj(15 if header else -15)
        out = bytearray()
        while data:
            try:
                out += self._decoder.decompress(data, limit + 1 - len(out))
            except zlib.error as error:
                raise ValueError(str(error)) from None
            if len(out) > limit:
                raise _TooMuchError("more output than the limit")
            data = self._next_member() if self._decoder.eof else b""
        return bytes(out)

    def _next_member(self) -> bytes:
        assert self._decoder is not None
        rest = self._decoder.unused_data
        if rest:
            self._members += 1
            if not self._gzip or self._members >= _MAX_MEMBERS:
                raise ValueError("data after the end of the coded stream")
            self._decoder = zlib.decompressobj(31)
        return rest

    def close(self) -> None:
        if self._decoder is None or not self._decoder.eof:
            raise ValueError("the coded stream is cut short")


class _Brotli:
    """Without `output_buffer_limit`, which brotli has since 1.2 only (mitmproxy pins 1.1)."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    def feed(self, data: bytes, limit: int) -> bytes:
        out = bytearray()
        for start in range(0, len(data), _BROTLI_SLICE):
            if self._decoder.is_finished():
                raise ValueError("data after the end of the coded stream")
            try:
                out += self._decoder.process(data[start : start + _BROTLI_SLICE])
            except brotli.error as error:
                raise ValueError(str(error)) from None
            if len(out) > limit:
                raise _TooMuchError("more output than the limit")
        return bytes(out)

    def close(self) -> None:
        if not self._decoder.is_finished():
            raise ValueError("the coded stream is cut short")


class _Zstd:
    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._decoder = self._context.decompressobj()
        self._frames = 0

    def feed(self, data: bytes, limit: int) -> bytes:
        out = bytearray()
        for start in range(0, len(data), _ZSTD_SLICE):
            piece = data[start : start + _ZSTD_SLICE]
            while piece:
                piece = self._step(piece, out)
            if len(out) > limit:
                raise _TooMuchError("more output than the limit")
        return bytes(out)

    def _step(self, piece: bytes, out: bytearray) -> bytes:
        if self._decoder.eof:
            self._frames += 1
            if self._frames >= _MAX_MEMBERS:
                raise ValueError("too many frames")
            self._decoder = self._context.decompressobj()
        try:
            out += self._decoder.decompress(piece)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        return self._decoder.unused_data if self._decoder.eof else b""

    def close(self) -> None:
        if not self._decoder.eof:
            raise ValueError("the coded stream is cut short")


def _stage(name: str) -> _Stage:
    if name in ("gzip", "x-gzip"):
        return _Zlib(gzip=True)
    if name == "deflate":
        return _Zlib(gzip=False)
    return _Brotli() if name == "br" else _Zstd()


_KNOWN = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})


def _codings(header: str | None) -> list[str]:
    """Names in the order in which they were applied, without `identity`."""
    names = [name.strip().lower() for name in (header or "").split(",")]
    return [name for name in names if name not in ("", "identity")]


class Inflater:
    """Undoes the codings of a `content-encoding` value piece by piece.

    Raises ValueError for unknown codings (`knows` tells beforehand), for corrupt or truncated input,
    and when one `feed` would give more than `limit` bytes.
    """

    def __init__(self, content_encoding: str | None, limit: int = FEED_LIMIT) -> None:
        if not self.knows(content_encoding):
            raise ValueError("unknown content coding")
        self._stages = [_stage(name) for name in reversed(_codings(content_encoding))]
        self._limit = limit
        self._fed = False

    @staticmethod
    def knows(coding: str | None) -> bool:
        """Whether every coding in this header value can be undone, and they are not absurdly many."""
        names = _codings(coding)
        return len(names) <= _MAX_CODINGS and _KNOWN.issuperset(names)

    def feed(self, data: bytes) -> bytes:
        """The bytes that this piece gives."""
        self._fed = self._fed or bool(data)
        for place, stage in enumerate(self._stages):
            # What is still coded may be larger than what it holds (headers, incompressible data).
            last = place == len(self._stages) - 1
            data = stage.feed(data, self._limit if last else self._limit + _SLICE)
        return data

    def close(self) -> bytes:
        """Always empty, as `feed` holds nothing back that could be given; an empty body is no error."""
        if self._fed:
            for stage in self._stages:
                stage.close()
        return b""


def inflate(raw: bytes, content_encoding: str | None, limit: int) -> bytes:
    """A request body without its codings; holds at most about twice `limit` and one block of the coding.

    Raises CallError: 415 `unsupported_encoding`, 400 `invalid_encoding`, 413 `body_too_large`.
    """
    if content_encoding is None and len(raw) <= limit:
        return raw
    if not Inflater.knows(content_encoding):
        raise CallError(415, "unsupported_encoding", "the content coding of the body is not supported")
    inflater = Inflater(content_encoding, limit)
    out = bytearray()
    try:
        for start in range(0, len(raw), _SLICE):
            out += inflater.feed(raw[start : start + _SLICE])
            if len(out) > limit:
                raise _TooMuchError("more output than the limit")
        inflater.close()
    except _TooMuchError:
        message = f"the body is larger than {limit} bytes"
        raise CallError(413, "body_too_large", message) from None
    except ValueError:
        message = "the body does not match its content coding"
        raise CallError(400, "invalid_encoding", message) from None
    return bytes(out)
