"""How fast answers may pass: no byte is touched, and what is due depends on tokens alone."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import dialects
from gateway.actions.tasks import Pace
from gateway.dialects.base import Framing
from gateway.pacing import Pacer
from gateway.stream import EVENT_LIMIT

CHAT = dialects.get("openai_chat")


def pacer(
    framing: Framing | None = "sse", *, rate: float = 10.0, longest: float = 30.0, readable: bool = True
) -> Pacer:
    return Pacer(Pace(rate, longest), CHAT, framing, 0.0, readable=readable)


def event(text: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


def passed(one: Pacer, chunks: list[bytes]) -> tuple[list[tuple[bytes, float]], float]:
    """The pieces with the time at which each is sent, by a driver that waits exactly; the time at the end."""
    now, sent = 0.0, []
    for chunk in chunks:
        for piece, tokens in one.feed(chunk):
            now += one.wait(tokens, now)
            sent.append((piece, now))
    rest, tokens = one.close()
    now += one.wait(tokens, now)
    return [*sent, (rest, now)], now


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({min(place, len(data)) for place in at} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


STREAM = event() + b"".join(event(text) for text in ("a", "bb", "", "a word of length")) + b"data: [DONE]\n\n"
TOKENS = (1 + 2 + len("a word of length") + 3) // 4


@given(st.lists(st.integers(0, len(STREAM))))
def test_however_a_stream_is_cut_its_bytes_pass_unchanged_and_each_event_at_the_same_time(
    at: list[int],
) -> None:
    sent, end = passed(pacer(), cut(STREAM, at))
    assert b"".join(piece for piece, _ in sent) == STREAM
    assert end == pytest.approx(TOKENS / 10)
    assert sent == passed(pacer(), [STREAM])[0]


def test_pieces_of_ordinary_length_are_a_token_each_in_sum_and_long_ones_are_more() -> None:
    words = ["inform", "ation", " is", " a", " word", "."]
    sent, end = passed(pacer(), [b"".join(map(event, words))])
    assert end == pytest.approx(0.6)
    assert [round(at, 6) for _, at in sent] == [0.2, 0.3, 0.4, 0.4, 0.6, 0.6, 0.6]


def test_the_first_event_waits_for_its_own_share_only() -> None:
    sent, _ = passed(pacer(), [event("a") + event("b")])
    assert [round(at, 6) for _, at in sent] == [0.1, 0.2, 0.2]


def test_a_model_that_is_slower_than_the_rate_is_not_slowed_down() -> None:
    one = pacer(rate=10.0)
    assert [one.wait(1, now) for now in (1.0, 2.0, 3.0)] == [0.0, 0.0, 0.0]


def test_what_is_beyond_the_longest_wait_is_forgiven() -> None:
    one = pacer(rate=1.0, longest=30.0)
    assert one.wait(500, 0.0) == 30.0
    assert one.wait(1, 30.0) == 1.0


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 10)), max_size=30))
def test_no_wait_is_longer_than_the_longest_and_none_is_negative(steps: list[tuple[int, float]]) -> None:
    one, now = pacer(rate=3.0, longest=5.0), 0.0
    for tokens, later in steps:
        now += later
        pause = one.wait(tokens, now)
        assert 0.0 <= pause <= 5.0
        now += pause


@given(st.lists(st.integers(0, 20), max_size=30))
def test_tokens_never_pass_faster_than_the_rate(counts: list[int]) -> None:
    one, now, total = pacer(rate=7.0, longest=60.0), 0.0, 0
    for tokens in counts:
        now += one.wait(tokens, now)
        total += tokens
        assert total <= 7.0 * now + 1e-6


ANSWER = {"choices": [{"message": {"content": "x" * 400}}], "usage": {"completion_tokens": 50}}


@given(st.lists(st.integers(0, 600)))
def test_a_whole_answer_waits_for_the_tokens_that_it_reports(at: list[int]) -> None:
    body = json.dumps(ANSWER).encode()
    sent, end = passed(pacer(None), cut(body, at))
    assert sent == [(body, end)]
    assert end == pytest.approx(5.0)


def test_a_whole_answer_without_figures_waits_for_its_text() -> None:
    body = json.dumps({"choices": ANSWER["choices"]}).encode()
    assert passed(pacer(None), [body])[1] == pytest.approx(10.0)


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"7"])
def test_an_answer_without_text_does_not_wait(body: bytes) -> None:
    assert passed(pacer(None), [body]) == ([(body, 0.0)], 0.0)


def test_bytes_in_a_coding_that_nobody_asked_for_pass_by_their_size() -> None:
    sent, end = passed(pacer(readable=False), [b"x" * 40, b"", b"y" * 41])
    assert [piece for piece, _ in sent] == [b"x" * 40, b"y" * 41, b""]
    assert end == pytest.approx(2.1)


@pytest.mark.parametrize("framing", ["sse", None])
def test_no_more_than_the_limit_is_held(framing: Framing | None) -> None:
    one = pacer(framing, rate=10_000, longest=1.0)
    start = event("a") if framing else b""
    half = b"x" * (EVENT_LIMIT // 2)
    assert [piece for piece, _ in one.feed(start + half)] == ([start] if framing else [])
    assert b"".join(piece for piece, _ in one.feed(half + b"y")) == half + half + b"y"
    # From there on nothing is held at all.
    assert [piece for piece, _ in one.feed(b"z")] == [b"z"]
    assert one.close() == (b"", 0.0)


def test_an_unfinished_event_is_given_back_at_the_end() -> None:
    one = pacer()
    assert list(one.feed(event("a")[:-1])) == []
    assert one.close() == (event("a")[:-1], 1.0)
