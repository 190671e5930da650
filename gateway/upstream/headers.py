"""Which header fields end at this hop, in both directions.

Law: fields are dropped whole or kept byte for byte, in order and with duplicates; nothing is folded,
renamed or added here. Framing of our own requests is in `request`, of answers in `answer`.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.upstream.base import Headers

HOP_BY_HOP = frozenset(
    (
        # RFC 9110, 7.6.1: to be removed whether or not `connection` nominates them.
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        # RFC 9110, 11.7: meant for the next hop only; credentials for us are not for the model server.
        b"proxy-authenticate",
        b"proxy-authorization",
        # RFC 9113, 3.1 (obsolete h2c upgrade): without `upgrade` it has no meaning.
        b"http2-settings",
    )
)

# Fields that our own client writes for each request, and `expect`, which promises a wait that the
# gateway has already ended by reading the body (RFC 9110, 10.1.1).
_OURS = frozenset((b"host", b"content-length", b"expect"))

# A server that nominates the length of its body has not made the body shorter: framing stays ours to read.
_NEVER_NOMINATED = frozenset((b"content-length",))


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The fields of a client's request that may be forwarded: order, case and duplicates as they came.

    Drops hop-by-hop fields, those that `connection` nominates, and `host`, `content-length` and `expect`.
    """
    fields = list(headers)
    dropped = HOP_BY_HOP | _OURS | connection_options(fields)
    return [field for field in fields if field[0].lower() not in dropped]


def answer_fields(headers: Headers) -> Headers:
    """The fields of an answer that concern the client; `content-length` stays."""
    dropped = HOP_BY_HOP | (connection_options(headers) - _NEVER_NOMINATED)
    return [field for field in headers if field[0].lower() not in dropped]


def connection_options(headers: Headers) -> frozenset[bytes]:
    """The options of all `connection` fields, in lower case (RFC 9110, 7.6.1)."""
    values = [value for name, value in headers if name.lower() == b"connection"]
    if not values:
        return frozenset()
    return frozenset(option.strip(b" \t").lower() for option in b",".join(values).split(b","))
