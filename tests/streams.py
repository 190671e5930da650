"""Streams of bytes that look like events, and every way to cut them; for the tests of framing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from gateway.dialects.base import Framing
from gateway.stream import EventTooLarge, Splitter

FRAMINGS: tuple[Framing, Framing] = ("sse", "ndjson")
PIECES = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"data: ",
    b"data:",
    b"data",
    b'{"text":"ab"}',
    b'{"text":"c","end":true}',
    b'{"text":"d","gone":true}',
    b'{"error":{"message":"x"}}',
    b"{",
    b"[DONE]",
    b": ping",
    b"event: e",
    b"id: 1",
    b"\xef\xbb\xbf",
    b"\xff",
    b"x",
]


def streams() -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def places() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)


def single(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def split(
    chunks: Iterable[bytes], framing: Framing = "sse", limit: int = 10_000
) -> tuple[list[bytes], bytes, bool]:
    splitter = Splitter(framing, limit)
    events: list[bytes] = []
    rest: list[bytes] = []
    broken = False
    for chunk in chunks:
        if broken:
            rest.append(chunk)
            continue
        try:
            events += splitter.feed(chunk)
        except EventTooLarge as problem:
            events += problem.events
            broken = True
    return events, splitter.close() + b"".join(rest), broken
