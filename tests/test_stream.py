"""Framing and parsing: any chunking is the same, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.base import Framing
from gateway.stream import (
    EventTooLarge,
    Splitter,
    decode,
    is_error,
    parse,
)
from tests.streams import FRAMINGS, cut, places, single, split, streams

# --- splitting -------------------------------------------------------------------------------------


@given(streams(), places(), st.sampled_from(FRAMINGS), st.integers(min_value=1, max_value=80))
def test_any_chunking_gives_the_same_events(
    data: bytes, where: list[int], framing: Framing, limit: int
) -> None:
    whole = split([data], framing, limit)
    assert split(cut(data, where), framing, limit) == whole
    assert split(single(data), framing, limit) == whole
    assert b"".join(whole[0]) + whole[1] == data
    assert all(len(event) <= limit for event in whole[0])


@pytest.mark.parametrize(
    ("data", "events", "rest"),
    [
        (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"], b""),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a\r\n\r\n", b"data: b\r\n\r\n"], b""),
        (b"data: a\r\rdata: b\r\r", [b"data: a\r\r", b"data: b\r\r"], b""),
        (b"data: a\r\n\ndata: b", [b"data: a\r\n\n"], b"data: b"),
        (b"data: a\n\r\ndata: b", [b"data: a\n\r", b"\n"], b"data: b"),
        (b"data: a\r\n\rdata: b\n\n", [b"data: a\r\n\r", b"data: b\n\n"], b""),
        (b"data: a\r\n\r", [], b"data: a\r\n\r"),
        (b"data: a\n", [], b"data: a\n"),
        (b"\r\n\n: ping\n\n", [b"\r", b"\n", b"\n", b": ping\n\n"], b""),
        (b"", [], b""),
    ],
)
def test_events_end_at_a_blank_line_of_any_kind(data: bytes, events: list[bytes], rest: bytes) -> None:
    assert split([data]) == (events, rest, False)


def test_lines_are_the_events_of_ndjson() -> None:
    assert split([b'{"a":1}\r\n\n{"b"'], "ndjson") == ([b'{"a":1}\r\n', b"\n"], b'{"b"', False)


def test_a_complete_event_is_given_at_once_without_waiting_for_the_next() -> None:
    for end in (b"\n\n", b"\r\r", b"\r\n\r\n", b"\r\n\n"):
        assert Splitter("sse").feed(b"data: x" + end) == [b"data: x" + end]


@pytest.mark.parametrize("noise", [b"", b"\r"])
def test_byte_by_byte_searches_each_byte_a_constant_number_of_times(noise: bytes) -> None:
    splitter = Splitter("sse")
    searched: list[int] = []
    find = splitter._end

    def counting(start: int, resume: int) -> int:
        searched.append(len(splitter._buffer) - resume)
        return find(start, resume)

    splitter._end = counting
    data = b"data: " + noise + b"x" * 20_000 + b"\n\n"
    events = [event for byte in single(data) for event in splitter.feed(byte)]
    assert events == [data]
    assert max(searched) <= 4
    assert len(searched) <= len(data)


def test_a_five_megabyte_event_passes() -> None:
    data = b"data: " + b"x" * 5_000_000 + b"\n\n"
    chunks = [data[i : i + 16_384] for i in range(0, len(data), 16_384)]
    assert split(chunks, limit=8_000_000) == ([data], b"", False)


def test_an_event_past_the_limit_is_an_error_that_carries_the_events_before_it() -> None:
    splitter = Splitter("sse", limit=10)
    with pytest.raises(EventTooLarge) as caught:
        splitter.feed(b"data: a\n\ndata: far too long\n\n")
    assert caught.value.events == [b"data: a\n\n"]
    assert isinstance(caught.value, ValueError)
    assert splitter.close() == b"data: far too long\n\n"


# --- parsing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "data", "name"),
    [
        (b"data: x\n\n", b"x", None),
        (b"data:x\n\n", b"x", None),
        (b"data:  x\n\n", b" x", None),
        (b"data: x\r\ndata: y\rdata\n\n", b"x\ny\n", None),
        (b"event: ping\nid: 1\nretry: 5\ndata: {}\n\n", b"{}", "ping"),
        (b"event: a\nevent: b\ndata: x\n\n", b"x", "b"),
        (b"event\ndata: x\n\n", b"x", None),
        (b"event: \xff\n\n", None, "\ufffd"),
        (b": OPENROUTER PROCESSING\n\n", None, None),
        (b"\xef\xbb\xbfdata: x\n\n", b"x", None),
        (b"database: x\n\n", None, None),
        (b"data: x", b"x", None),
        (b"", None, None),
    ],
)
def test_an_event_is_read_as_the_standard_says(raw: bytes, data: bytes | None, name: str | None) -> None:
    event = parse(raw, "sse")
    assert (event.raw, event.data, event.name) == (raw, data, name)


def test_a_line_of_ndjson_is_its_data() -> None:
    assert parse(b'\xef\xbb\xbf{"a":1}\r\n', "ndjson").object() == {"a": 1}
    assert parse(b" \r\n", "ndjson").data is None


def test_only_json_objects_are_objects() -> None:
    assert parse(b'data: {"a":\ndata: 1}\n\n', "sse").object() == {"a": 1}
    assert parse(b'data: {"a":\rdata: 1}\n\n', "sse").object() == {"a": 1}
    assert parse(b"data: [1]\n\n", "sse").object() is None
    assert parse(b"data: {\n\n", "sse").object() is None
    assert parse(b": x\n\n", "sse").object() is None


def test_done_is_told_apart() -> None:
    assert parse(b"data: [DONE]\n\n", "sse").is_done
    assert parse(b"data: [DONE]\n\n", "sse").object() is None
    assert not parse(b"data: {}\n\n", "sse").is_done
    assert not parse(b": [DONE]\n\n", "sse").is_done


@given(streams(), st.sampled_from(FRAMINGS))
def test_any_bytes_parse(data: bytes, framing: Framing) -> None:
    event = parse(data, framing)
    assert event.raw == data
    assert event.object() is None or event.data is not None


def test_other_data_keeps_every_other_line_and_line_end() -> None:
    event = parse(b'event: e\r\n: c\r\ndata: {"a":\r\ndata: 1}\r\nid: 7\r\n\r\n', "sse")
    assert event.with_data(b"{}") == b"event: e\r\n: c\r\ndata: {}\r\nid: 7\r\n\r\n"
    assert parse(b"\xef\xbb\xbfdata:1", "sse").with_data(b"{}") == b"data: {}"
    assert parse(b" 1 \r\n", "ndjson").with_data(b"{}") == b"{}\r\n"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b'{"a":-Infinity}', {"a": float("-inf")}),
        (b'{"a":"\\ud800"}', {"a": "\ud800"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":"\t"}', {"a": "\t"}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b"nonsense", None),
        (b"[" * 100_000 + b"]" * 100_000, None),
    ],
)
def test_json_is_read_as_a_lenient_client_would(data: bytes, value: Any) -> None:
    assert decode(data) == value


def test_an_error_beside_output_is_an_answer() -> None:
    assert is_error({"error": {"message": "x"}, "status": 500})
    assert is_error({"type": "error", "error": {"type": "overloaded_error"}})
    assert not is_error({"error": None, "output": []})
    assert not is_error({"error": {"message": "x"}, "choices": []})
