"""A recorded HTTP exchange → a line: what HAR files and flow dumps have in common.

Keys leave this module only as keyed hashes, and headers not at all; the query is cut off, because some
APIs take keys there. Of the answer only the cost is kept, read as the live gateway reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from gateway import dialects
from gateway.dialects import body as bodies
from gateway.dialects.base import Framing
from gateway.dialects.routes import resolve
from gateway.errors import CallError
from gateway.identity import Identifier
from gateway.model import Call, Route, Usage
from gateway.observer import Observer
from gateway.readers.base import ABSENT, Features, Line
from gateway.usage import Meter

_FRAMINGS: dict[str, Framing] = {"text/event-stream": "sse", "application/x-ndjson": "ndjson"}
_LARGEST = 256 * 1024 * 1024
"""Bytes of a request body without its codings; a live gateway would have refused less."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One exchange as a recorder saw it; header names are lower case, bodies None where not recorded.

    Bodies are coded as their `content-encoding` says; a recorder that decodes them drops that header.
    """

    ts: float
    method: str
    target: bytes
    headers: Headers
    body: bytes | None
    status: int | None
    answer_headers: Headers
    answer: bytes | None
    peer_ip: str | None = None
    finished: bool = True


def lines(heard: Heard, identifier: Identifier) -> Iterator[Line]:
    """The line of an exchange; none if it was no call to a model API."""
    route = resolve(heard.method, heard.target)
    if route is None:
        return
    body = _plain(heard)
    call = _call(heard, route, body)
    usage = None if call is None else _usage(heard, call)
    principal, client = identifier.principal(
        heard.headers, heard.peer_ip, None if call is None else call.end_user
    )
    lacks = [] if body is not None else ["prompt", "parameters", "request.model", "request.bytes"]
    if usage is None and heard.answer is None and heard.status and 200 <= heard.status < 300:
        lacks.append("usage")
    if client.ip is None:
        lacks.append("client.ip")
    features = Features(route.dialect, route.endpoint) if body is None else None
    yield Line(
        ts=heard.ts,
        principal=principal.id,
        request=ABSENT if body is None else msgspec.Raw(_as_json(body)),
        kind=principal.kind,
        org=principal.org,
        tier=principal.tier,
        tags=principal.tags,
        since=principal.since,
        ip=client.ip,
        ua=client.user_agent,
        route=heard.target.split(b"?")[0].decode("latin-1"),
        usage=None if usage is None else msgspec.to_builtins(usage),
        status=heard.status,
        method=heard.method,
        features=features,
        lacks=tuple(lacks),
    )


def _header(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1").strip().lower() for key, value in headers if key == name), "")


def _plain(heard: Heard) -> bytes | None:
    """The request's body without its codings; `{}` where there is none to send, None if not recorded."""
    if heard.method != "POST":
        return b"{}"
    if heard.body is None:
        return None
    try:
        return bodies.inflate(heard.body, _header(heard.headers, b"content-encoding"), _LARGEST)
    except CallError:
        # Scored by nobody when it was live, and so it is in replay.
        return heard.body


def _as_json(body: bytes) -> bytes:
    """The body as one line of JSON; what is no JSON becomes a string, which replay cannot score either."""
    try:
        msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return msgspec.json.encode(body.decode("utf-8", "replace"))
    # Inside JSON strings there are no raw line breaks (RFC 8259, 7), so these are mere layout.
    return body.replace(b"\r", b" ").replace(b"\n", b" ")


def _call(heard: Heard, route: Route, body: bytes | None) -> Call | None:
    """What was asked; None where no dialect can read it."""
    if heard.method != "POST" or body is None:
        return Call(route)
    try:
        return dialects.get(route.dialect).read(bodies.decode(body), route, len(body))
    except CallError:
        return None


def _usage(heard: Heard, call: Call) -> Usage | None:
    if heard.answer is None:
        return None
    kind = _header(heard.answer_headers, b"content-type").partition(";")[0].strip()
    meter = Meter(dialects.get(call.route.dialect))
    coding = _header(heard.answer_headers, b"content-encoding")
    observer = Observer(_FRAMINGS.get(kind), meter.see, coding=coding)
    observer.feed(heard.answer)
    observer.close()
    return meter.usage(call, heard.finished and observer.blind is None)
