"""Answers from bytes, without sockets."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.upstream.answer import MAX_HEAD, AnswerReader
from gateway.upstream.base import Headers

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


def read(*parts: bytes, method: str = "GET", closed: bool = False) -> tuple[AnswerReader, bytes]:
    reader = AnswerReader(method)
    body = b"".join(reader.feed(part) for part in parts)
    if closed:
        reader.end()
    return reader, body


def refused(*parts: bytes, method: str = "GET", closed: bool = False) -> str:
    with pytest.raises(UpstreamError) as raised:
        read(*parts, method=method, closed=closed)
    assert raised.value.sent
    return raised.value.kind


def test_a_head_keeps_order_case_duplicates_and_bytes() -> None:
    reader, body = read(
        b"HTTP/1.1 429 Too Many\r\nSet-Cookie: a=1\r\nX-B:  caf\xe9 \t\r\nset-cookie: b=2\r\nE:\r\n"
        b"content-length: 3\r\n\r\nabc"
    )
    assert reader.status == 429
    assert reader.headers == [
        (b"Set-Cookie", b"a=1"),
        (b"X-B", b"caf\xe9"),
        (b"set-cookie", b"b=2"),
        (b"E", b""),
        (b"content-length", b"3"),
    ]
    assert (body, reader.complete, reader.reusable) == (b"abc", True, True)


@pytest.mark.parametrize(
    ("answer", "method", "body", "reusable"),
    [
        (COUNTED + b"abc", "GET", b"abc", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "GET", b"", True),
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n", "GET", b"abcde", True),
        (COUNTED, "HEAD", b"", True),
        (CHUNKED, "HEAD", b"", True),
        (b"HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\n", "GET", b"", True),
        (b"HTTP/1.1 304 No\r\ncontent-length: 3\r\n\r\n", "GET", b"", True),
        (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", True),
        (b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx", "GET", b"x", True),
        (b"HTTP/1.1 200\r\nupgrade: h2\r\nconnection: upgrade\r\ncontent-length:0\r\n\r\n", "GET", b"", True),
    ],
)  # fmt: skip
def test_an_answer_ends_where_its_framing_says(
    answer: bytes, method: str, body: bytes, reusable: bool
) -> None:
    reader, got = read(answer, method=method)
    assert (got, reader.complete, reader.reusable) == (body, True, reusable)


def test_trailers_are_not_headers() -> None:
    reader, _ = read(CHUNKED, b"0\r\nX-Late: 1\r\n\r\n")
    assert reader.headers == [(b"Transfer-Encoding", b"chunked")]


def test_an_answer_without_length_ends_with_the_connection_and_not_before() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    reader, body = read(head, b"abc", b"def")
    assert (body, reader.complete) == (b"abcdef", False)
    reader, body = read(head + b"abc", closed=True)
    assert (body, reader.complete, reader.reusable) == (b"abc", True, False)


def test_interim_answers_are_skipped() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    reader, body = read(early + COUNTED + b"abc")
    assert (reader.status, reader.headers, body) == (200, [(b"Content-Length", b"3")], b"abc")
    # A length in an interim answer announces nothing: 1xx has no body.
    reader, body = read(b"HTTP/1.1 102 Processing\r\nContent-Length: 9\r\n\r\n" + COUNTED + b"abc")
    assert (reader.status, body) == (200, b"abc")


@pytest.mark.parametrize(
    ("answer", "method"),
    [
        (COUNTED + b"abcd", "GET"),
        (COUNTED + b"abc\r\n", "GET"),
        (COUNTED + b"abc", "HEAD"),
        (b"HTTP/1.1 204 No\r\n\r\nx", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\nH", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + COUNTED + b"def", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n\x00", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n\r\n", "GET"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n\n", "GET"),
        (CHUNKED + b"0\r\n\r\nx", "HEAD"),
    ],
)
@pytest.mark.parametrize("bytewise", [False, True])
def test_bytes_behind_an_answer_are_not_body_and_spoil_the_connection(
    answer: bytes, method: str, bytewise: bool
) -> None:
    parts = [bytes([byte]) for byte in answer] if bytewise else [answer]
    reader, body = read(*parts, method=method)
    assert body == (b"" if method == "HEAD" or b"204" in answer else b"abc")
    assert reader.complete
    assert not reader.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n",
        b"S",
        b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
        CHUNKED + b"x\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0x1\r\nx",
        CHUNKED + b"1 \r\nx",
        CHUNKED + b"1\nx",
        CHUNKED + b"3\r\nabcd\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
    ],
)
@pytest.mark.parametrize("bytewise", [False, True])
def test_an_answer_that_could_be_read_in_two_ways_is_an_error(answer: bytes, bytewise: bool) -> None:
    parts = [bytes([byte]) for byte in answer] if bytewise else [answer]
    assert refused(*parts) == "protocol"


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTT", b"HTTP/1.1 200 OK\r\n", COUNTED, COUNTED + b"ab", CHUNKED, CHUNKED + b"3\r\nab",
     CHUNKED + b"3\r\nabc\r\n0\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
)  # fmt: skip
def test_an_early_end_is_an_error_and_never_a_short_answer(answer: bytes) -> None:
    assert refused(answer, closed=True) == "closed"


def test_a_close_behind_a_complete_answer_changes_nothing() -> None:
    reader, body = read(COUNTED + b"abc", closed=True)
    assert (body, reader.complete) == (b"abc", True)


def test_a_head_may_be_as_large_as_the_limit_and_no_larger() -> None:
    frame = len(b"HTTP/1.1 204 No\r\nA: \r\n\r\n")
    fits = b"HTTP/1.1 204 No\r\nA: %b\r\n\r\n" % (b"x" * (MAX_HEAD - frame))
    assert read(fits)[0].status == 204
    too_large = fits.replace(b"A: ", b"A: x", 1)
    assert refused(too_large) == "protocol"
    assert refused(too_large[:-4] + b"xxxx") == "protocol"
    assert refused(fits[:100], too_large[100:]) == "protocol"


def test_interim_answers_count_towards_the_limit() -> None:
    assert refused(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * (MAX_HEAD // 20)) == "protocol"


def test_trailers_and_chunk_extensions_may_not_go_on_for_ever() -> None:
    assert refused(CHUNKED, b"0\r\n", *[b"A: " + b"x" * 4096 + b"\r\n"] * 80) == "protocol"
    assert refused(CHUNKED, b"1;", *[b"x" * 4096] * 80) == "protocol"


def test_many_small_chunks_are_not_taken_for_endless_framing() -> None:
    reader, body = read(CHUNKED, *[b"1\r\nx\r\n"] * MAX_HEAD, b"0\r\n\r\n")
    assert (len(body), reader.reusable) == (MAX_HEAD, True)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, Headers, bytes, bool]:
    """A valid answer: wire bytes, status, headers, body, and whether it ends with the connection."""
    status = draw(st.integers(200, 599).filter(lambda status: status not in (204, 304)))
    token = st.text("abcXYZ-_09", min_size=1).map(lambda text: b"x-" + text.encode())
    value = st.binary().map(lambda raw: bytes(b for b in raw if b >= 0x20 and b != 0x7F).strip(b" \t"))
    headers = draw(st.lists(st.tuples(token, value)))
    chunks = draw(st.lists(st.binary(min_size=1)))
    body = b"".join(chunks)
    framing = draw(st.sampled_from(("length", "chunked", "close")))
    wire = body
    if framing == "length":
        headers.append((b"Content-Length", b"%d" % len(body)))
    elif framing == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
        wire = b"".join(b"%X\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    interim = draw(st.sampled_from((b"", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n")))
    lines = b"".join(b"%b: %b\r\n" % field for field in headers)
    return (
        interim + b"HTTP/1.1 %d R\r\n%b\r\n%b" % (status, lines, wire),
        status,
        headers,
        body,
        framing == "close",
    )


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[a:b] for a, b in itertools.pairwise(marks)]


@given(answers(), st.lists(st.integers(0, 10_000)))
def test_any_cutting_gives_the_same_answer(
    answer: tuple[bytes, int, Headers, bytes, bool], places: list[int]
) -> None:
    wire, status, headers, body, until_close = answer
    reader, got = read(*cut(wire, places), closed=until_close)
    assert (reader.status, reader.headers, got) == (status, headers, body)
    assert reader.complete
    assert reader.reusable is not until_close


@given(
    st.sampled_from((b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", COUNTED, CHUNKED, CHUNKED + b"3\r\nabc\r\n")),
    st.binary() | st.text("0123aAfF;:= \r\nx").map(str.encode),
    st.lists(st.integers(0, 200)),
)
def test_any_garbage_gives_an_answer_or_one_declared_error(
    start: bytes, noise: bytes, places: list[int]
) -> None:
    reader = AnswerReader("GET")
    kind = "complete"
    try:
        for part in cut(start + noise, places):
            reader.feed(part)
        reader.end()
    except UpstreamError as error:
        kind = error.kind
    assert kind in ("complete", "protocol", "closed")
    assert reader.complete or kind != "complete"
