"""Observing: any chunking is the same, and the short way over common events sees what the long one sees."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.base import Framing, Object
from gateway.observer import BATCH, Observer
from gateway.stream import Splitter, parse
from tests.streams import FRAMINGS, cut, places, single, streams


def observed(
    chunks: Iterable[bytes], framing: Framing | None, **options: Any
) -> tuple[list[Object], str | None]:
    seen: list[Object] = []
    observer = Observer(framing, seen.append, **options)
    for chunk in chunks:
        observer.feed(chunk)
    observer.close()
    return seen, observer.blind


@given(streams(), places(), st.sampled_from((*FRAMINGS, None)), st.sampled_from(("", "gzip")))
def test_an_observer_sees_the_same_in_any_chunking(
    data: bytes, where: list[int], framing: Framing | None, coding: str
) -> None:
    wire = gzip.compress(data) if coding else data
    assert observed(cut(wire, where), framing, coding=coding) == observed([data], framing)


def test_an_observer_sees_every_object_and_skips_garbage() -> None:
    data = b'data: {"a":1}\n\ndata: {\n\n: c\n\ndata: [DONE]\n\ndata: {"b":2}'
    assert observed([data], "sse") == ([{"a": 1}, {"b": 2}], None)
    assert observed([b'{"a":1}\nxx\n{"b":2}'], "ndjson") == ([{"a": 1}, {"b": 2}], None)


def test_an_observer_reads_a_whole_answer_at_its_end() -> None:
    assert observed(single(b'{"a":1}'), None) == ([{"a": 1}], None)
    assert observed([b'[{"a":1},2,{"b":2}]'], None) == ([{"a": 1}, {"b": 2}], None)
    assert observed([b"<html>"], None) == ([], None)
    assert observed([], None) == ([], None)


def test_an_observer_that_cannot_go_on_says_why_and_forgets() -> None:
    long = b'data: {"a":1}\n\ndata: ' + b"x" * 100
    assert observed([long, b"\n\n", b'data: {"b":2}\n\n'], "sse", limit=50) == ([{"a": 1}], "too_large")
    assert observed([b"{" + b" " * 100, b"}"], None, limit=50) == ([], "too_large")
    assert observed([b'data: {"a":1}\n\n'], "sse", coding="compress") == ([], "coding")
    assert observed([b"not gzip", b"at all"], "sse", coding="gzip") == ([], "corrupt")


def test_an_observer_reads_a_broken_compressed_stream_as_far_as_it_came() -> None:
    wire = gzip.compress(b'data: {"a":1}\n\n' + b"data: x\n\n" * 50)
    seen, blind = observed([wire[:-4]], "sse", coding="gzip")
    assert (seen, blind) == ([{"a": 1}], None)


@given(streams(), places())
def test_an_observer_sees_what_the_events_of_the_standard_hold(data: bytes, where: list[int]) -> None:
    splitter = Splitter("sse")
    events = [*splitter.feed(data), splitter.close()]
    held = [message for event in events if (message := parse(event, "sse").object()) is not None]
    assert observed(cut(data, where), "sse") == (held, None)


def test_an_observer_takes_any_line_ends_and_fields() -> None:
    data = b'data: {"a":1}\n\n\ndata: {"b":2}\n\nevent: x\ndata:{"c":3}\n\n'
    data += b'data: {"d":\ndata: 4}\r\n\r\ndata: {"e":5}\r\r'
    seen = [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}, {"e": 5}]
    assert observed([data], "sse") == (seen, None)
    assert observed(single(data), "sse") == (seen, None)
    assert observed([b"\n\xef\xbb\xbfdata: {}\n", b"\n"], "sse") == ([{}], None)


@given(st.integers(1, 300), st.lists(st.sampled_from((10, 200, 9000)), min_size=1, max_size=40))
def test_an_observer_reads_long_streams_and_long_events_piece_by_piece(step: int, sizes: list[int]) -> None:
    sent = [{"n": number, "text": "x" * size} for number, size in enumerate(sizes * 3)]
    data = b"".join(b"data: " + json.dumps(message).encode() + b"\n\n" for message in sent)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    assert observed(chunks, "sse") == (sent, None)
    cut_off = observed(chunks[:-1], "sse")[0]
    assert cut_off == sent[: len(cut_off)]


def test_an_observer_does_not_keep_a_stream() -> None:
    seen: list[Object] = []
    observer = Observer("sse", seen.append)
    for number in range(10_000):
        observer.feed(b'data: {"n":%d}\n\n' % number)
        assert number - len(seen) < BATCH // 12
