"""The bytes of a request head, and the checks that keep one request from becoming two.

Law: a head is written only if every part of it is what RFC 9112 allows there; otherwise UpstreamError
(`protocol`, nothing sent). Fields come out as given, in order; `host` and framing are added here alone.
"""

from __future__ import annotations

import re
import string

from gateway.errors import UpstreamError
from gateway.upstream.base import UpstreamRequest
from gateway.upstream.origin import Origin

_TOKEN = (string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode()
_METHOD = re.compile(rf"[{re.escape(_TOKEN.decode())}]+")
# Everything up to the space would end the target or the line; the rest is the client's own spelling.
_BAD_TARGET = re.compile(rb"[\x00-\x20\x7f]")
_BAD_VALUE = re.compile(rb"[\r\n\x00]")
_COUNTED = re.compile(rb"[0-9]{1,18}")

# Methods whose meaning expects a body announce an empty one too (RFC 9110, 8.6).
_ALWAYS_FRAMED = frozenset(("POST", "PUT", "PATCH"))
# These speak about the connection, which belongs to the pool; next to our own framing, a second opinion
# on where the body ends is how requests are smuggled (RFC 9112, 11.2).
_FORBIDDEN = frozenset((b"connection", b"transfer-encoding", b"upgrade"))
_SPECIAL = _FORBIDDEN | {b"host", b"content-length"}


def encode_head(request: UpstreamRequest, origin: Origin) -> tuple[bytes, int | None]:
    """The head of `request` for `origin`, and the body's length in bytes (None: send it chunked).

    Raises UpstreamError (`protocol`, not sent) for bytes that do not belong where they stand.
    """
    _check_line(request)
    host, given = _own_fields(request)
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), _target(request.target, origin))]
    if host is None:
        lines.append(b"host: " + origin.authority)
    lines.extend([b"%b: %b" % field for field in request.headers])
    length = len(request.body) if isinstance(request.body, bytes) else given
    if length is None:
        lines.append(b"transfer-encoding: chunked")
    elif given is None and (length or request.method in _ALWAYS_FRAMED):
        lines.append(b"content-length: %d" % length)
    lines.append(b"\r\n")
    return b"\r\n".join(lines), length


def _target(target: bytes, origin: Origin) -> bytes:
    return target if target == b"*" else origin.prefix + target


def _check_line(request: UpstreamRequest) -> None:
    method = request.method
    # CONNECT would make a tunnel of the connection, which nothing here can follow.
    if not _METHOD.fullmatch(method) or method == "CONNECT":
        raise _refuse("the method is not one that can be forwarded")
    target = request.target
    if not (target.startswith(b"/") or (target == b"*" and method == "OPTIONS")):
        raise _refuse("the request target is not a path")
    if _BAD_TARGET.search(target):
        raise _refuse("the request target holds a control character or a space")


def _own_fields(request: UpstreamRequest) -> tuple[bytes | None, int | None]:
    """The `host` and `content-length` among the caller's fields, after all fields were checked."""
    if not request.headers:
        return None, None
    names, values = zip(*request.headers, strict=True)
    # All at once: one call per header and check would be half the cost of a head.
    if b"" in names or b"".join(names).translate(None, _TOKEN):
        raise _refuse("a header name is not a token")
    if _BAD_VALUE.search(b"".join(values)):
        raise _refuse("a header value holds a line break or a NUL")
    lower = [name.lower() for name in names]
    if _SPECIAL.isdisjoint(lower):
        return None, None
    for name in lower:
        if name in _FORBIDDEN:
            raise _refuse(f"the header {name.decode()} belongs to the connection")
        if name in _SPECIAL and lower.count(name) > 1:
            raise _refuse(f"the header {name.decode()} stands there twice")
    own = dict(zip(lower, values, strict=True))
    given = own.get(b"content-length")
    return own.get(b"host"), None if given is None else _length(given, request)


def _length(given: bytes, request: UpstreamRequest) -> int:
    if not _COUNTED.fullmatch(given):
        raise _refuse("content-length is not a number")
    length = int(given)
    if isinstance(request.body, bytes) and length != len(request.body):
        raise _refuse("content-length is not the length of the body")
    return length


def _refuse(message: str) -> UpstreamError:
    return UpstreamError("protocol", message, sent=False)
