"""The bytes of a request head."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.upstream.base import Headers, UpstreamRequest
from gateway.upstream.origin import parse_origin
from gateway.upstream.request import encode_head
from tests.upstream.helpers import pieces

ORIGIN = parse_origin("http://model:8000/base")


def head(request: UpstreamRequest) -> bytes:
    return encode_head(request, ORIGIN)[0]


def request(
    headers: Headers | None = None, *, method: str = "POST", target: bytes = b"/x", body: Any = b""
) -> UpstreamRequest:
    return UpstreamRequest(method, target, headers or [], body)


def test_fields_stand_as_given_between_host_and_length() -> None:
    fields = [(b"X-Two", b"1"), (b"x-two", b" 2 "), (b"B", b""), (b"C", b"caf\xc3\xa9")]
    assert head(request(fields, body=b"abc", target=b"/p?q=%20")) == (
        b"POST /base/p?q=%20 HTTP/1.1\r\nhost: model:8000\r\nX-Two: 1\r\nx-two:  2 \r\nB: \r\n"
        b"C: caf\xc3\xa9\r\ncontent-length: 3\r\n\r\n"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_is_announced_where_one_is_expected(method: str) -> None:
    assert head(request(method=method)).endswith(b"\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_no_length_is_given_where_no_body_is_expected(method: str) -> None:
    assert b"content-length" not in head(request(method=method))
    assert head(request(method=method, body=b"x")).endswith(b"content-length: 1\r\n\r\n")


def test_a_host_of_the_caller_replaces_ours() -> None:
    assert (
        head(request([(b"Host", b"other")], method="GET")) == b"GET /base/x HTTP/1.1\r\nHost: other\r\n\r\n"
    )


def test_an_iterator_is_chunked_unless_its_length_is_given() -> None:
    chunked, length = encode_head(request(body=pieces()), ORIGIN)
    assert chunked.endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n")
    assert length is None
    counted, length = encode_head(request([(b"Content-Length", b"7")], body=pieces()), ORIGIN)
    assert counted.endswith(b"\r\nContent-Length: 7\r\n\r\n")
    assert b"transfer-encoding" not in counted
    assert length == 7


def test_a_right_length_of_the_caller_is_kept_and_not_repeated() -> None:
    assert head(request([(b"Content-Length", b"3")], body=b"abc")).lower().count(b"content-length") == 1


def test_asterisk_form_goes_without_prefix() -> None:
    assert head(request(method="OPTIONS", target=b"*")).startswith(b"OPTIONS * HTTP/1.1\r\n")


BAD = [
    request(method="GET\r\nX"),
    request(method="G T"),
    request(method=""),
    request(method="GÉT"),
    request(method="CONNECT"),
    request(target=b""),
    request(target=b"*"),
    request(target=b"http://evil/"),
    request(target=b"/a b"),
    request(target=b"/a HTTP/1.1\r\nx: y"),
    request(target=b"/a\x00"),
    request(target=b"/a\x7f"),
    request([(b"", b"v")]),
    request([(b"a b", b"v")]),
    request([(b"a:", b"v")]),
    request([(b"a\r\nb", b"v")]),
    request([(b"a\x00", b"v")]),
    request([(b"a", b"v\r\nb: c")]),
    request([(b"a", b"v\nb")]),
    request([(b"a", b"v\rb")]),
    request([(b"a", b"v\x00")]),
    request([(b"Transfer-Encoding", b"chunked")]),
    request([(b"Connection", b"close")]),
    request([(b"Upgrade", b"h2c")]),
    request([(b"Host", b"a"), (b"host", b"a")]),
    request([(b"Content-Length", b"0"), (b"content-length", b"0")]),
    request([(b"Content-Length", b"2")], body=b"abc"),
    request([(b"Content-Length", b"+3")], body=b"abc"),
    request([(b"Content-Length", b"3 ")], body=b"abc"),
    request([(b"Content-Length", b"")]),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.method!r} {bad.target!r} {bad.headers!r}")
def test_nothing_that_could_end_the_head_early_or_frame_it_twice_is_written(bad: UpstreamRequest) -> None:
    with pytest.raises(UpstreamError) as raised:
        encode_head(bad, ORIGIN)
    assert (raised.value.kind, raised.value.sent) == ("protocol", False)


@given(st.text(), st.binary(), st.lists(st.tuples(st.binary(), st.binary())), st.binary())
def test_any_parts_give_one_head_of_as_many_lines_or_one_error(
    method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    try:
        written = head(UpstreamRequest(method, b"/" + target, headers, body))
    except UpstreamError as error:
        written = error.kind.encode()
    lines = written.split(b"\r\n")
    if lines != [b"protocol"]:
        assert len(headers) + 3 <= len(lines) <= len(headers) + 5
        assert lines[-2:] == [b"", b""]
        assert b"" not in lines[:-2]
