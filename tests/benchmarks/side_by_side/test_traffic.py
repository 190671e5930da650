"""Both ends agree on the bytes."""

from __future__ import annotations

import json

import pytest

from benchmarks.side_by_side import traffic


@pytest.mark.parametrize("stream", [False, True])
def test_all_bodies_have_one_size_and_say_what_to_answer(stream: bool) -> None:
    found = traffic.bodies(200, 5, stream)
    assert len({len(before) + len(after) for before, after in found}) == 1
    assert len(set(found)) == traffic.PROMPTS
    before, after = found[0]
    body = json.loads(before + b"00000042" + after)
    assert (body["max_tokens"], body["seed"], body.get("stream", False)) == (200, 5, stream)
    assert 2100 < len(before + after) < 2500


def test_an_event_is_one_whole_chunk_with_its_time_in_it() -> None:
    before, after = traffic.event(3, last=False)
    size, _, rest = (before + b"0" * traffic.STAMP + after).partition(b"\r\n")
    payload = rest[:-2]
    assert (int(size, 16), rest[-2:]) == (len(payload), b"\r\n")
    assert payload.startswith(b"data: {")
    assert payload.endswith(b"}\n\n")
    assert json.loads(payload[6:])["choices"][0]["delta"]["content"].startswith("@000000000000000 ")


def test_the_mark_of_a_time_stands_once_in_an_event_and_nowhere_else() -> None:
    for before, after in traffic.events(200):
        assert (before + after).count(traffic.MARK) == 1
    assert traffic.MARK not in traffic.answer() + traffic.STREAM_HEAD + traffic.STREAM_END


def test_no_stream_says_the_same_often() -> None:
    assert len(set(traffic.events(200))) == 200


def test_the_answer_has_the_length_that_it_names() -> None:
    head, body = traffic.answer().split(b"\r\n\r\n")
    assert head.endswith(b"content-length: %d" % len(body))
    assert 550 < len(body) < 800
