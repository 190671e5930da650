"""Which fields end at this hop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.headers import HOP_BY_HOP, answer_fields, connection_options, end_to_end

KEPT = [
    (b"Anthropic-Beta", b"a"),
    (b"anthropic-beta", b"b, c"),
    (b"User-Agent", b"x"),
    (b"authorization", b"k"),
]


def test_end_to_end_fields_keep_order_case_and_duplicates() -> None:
    assert end_to_end(KEPT) == KEPT
    assert answer_fields(KEPT) == KEPT


def test_every_hop_by_hop_field_is_dropped_in_both_directions() -> None:
    headers = [(name.title(), b"x") for name in sorted(HOP_BY_HOP)]
    assert end_to_end([*headers, *KEPT]) == KEPT
    assert answer_fields([*headers, *KEPT]) == KEPT


def test_fields_that_connection_nominates_are_dropped_even_from_a_second_connection_field() -> None:
    headers = [(b"X-A", b"1"), (b"Connection", b"close, x-a"), (b"x-b", b"2"), (b"connection", b"X-B"), *KEPT]
    assert end_to_end(headers) == KEPT
    assert answer_fields(headers) == KEPT


def test_a_request_loses_the_fields_that_our_client_writes_itself() -> None:
    headers = [(b"Host", b"h"), (b"Content-Length", b"3"), (b"Expect", b"100-continue")]
    assert end_to_end(headers) == []


def test_an_answer_keeps_its_content_length_even_if_nominated() -> None:
    headers = [(b"connection", b"content-length"), (b"Content-Length", b"3")]
    assert answer_fields(headers) == [(b"Content-Length", b"3")]


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_what_is_kept_is_a_part_of_what_came_unchanged(headers: list[tuple[bytes, bytes]]) -> None:
    for kept in (end_to_end(headers), answer_fields(headers)):
        rest = iter(headers)
        assert all(field in rest for field in kept)


def test_connection_options_are_compared_without_case_and_spaces() -> None:
    assert connection_options([(b"Connection", b" Close ,\tX-a")]) == {b"close", b"x-a"}
    assert connection_options(KEPT) == frozenset()
