"""The model server and the load generator, byte by byte and against each other."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from benchmarks.side_by_side import traffic
from benchmarks.side_by_side.loader import Client, Job, Load
from benchmarks.side_by_side.scenarios import SCENARIOS
from benchmarks.side_by_side.upstream import Server, burst
from tests.benchmarks.side_by_side.support import Transport

Ends = tuple[Load, Client, Transport]


def ends(scenario: str) -> Ends:
    """A load inside its window, and one connection that has asked."""
    load = Load(Job(scenario=SCENARIOS[scenario], port=1, seconds=1.0))
    load._open = True
    client = Client(load)
    transport = Transport()
    client.connection_made(cast("Any", transport))
    client.ask(0.0)
    return load, client, transport


def served(request: bytes) -> bytes:
    """What the model server writes at once."""

    async def main() -> bytes:
        server, transport = Server(), Transport()
        server.connection_made(cast("Any", transport))
        server.data_received(request)
        server.connection_lost(None)
        return b"".join(transport.written)

    return asyncio.run(main())


def request(scenario: str) -> bytes:
    """A request as the load generator writes it."""
    return Load(Job(scenario=SCENARIOS[scenario], port=1, seconds=1.0)).request()


def test_each_load_gets_the_kind_of_answer_that_it_is_about() -> None:
    assert served(request("J")) == traffic.answer()
    assert served(request("B")) == burst(200)
    paced = served(request("D5"))
    assert paced.startswith(traffic.STREAM_HEAD)
    assert paced.count(traffic.MARK) == 1, "the next event is due later"


def test_a_request_in_pieces_and_two_at_once_are_answered() -> None:
    whole = request("J")
    assert served(whole[:100]) == b""
    assert served(whole + whole) == traffic.answer() * 2


def test_no_two_requests_are_the_same() -> None:
    load = Load(Job(scenario=SCENARIOS["J"], port=1, seconds=1.0))
    assert len({load.request() for _ in range(3 * traffic.PROMPTS)}) == 3 * traffic.PROMPTS


def test_a_target_with_one_key_is_asked_with_that() -> None:
    load = Load(Job(scenario=SCENARIOS["J"], port=1, seconds=1.0, key="sk-only", headers=(("x-more", "1"),)))
    for _ in range(3):
        sent = load.request()
        assert b"\r\nauthorization: Bearer sk-only\r\n" in sent
        assert b"\r\nx-more: 1\r\n" in sent


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
def test_any_cutting_of_an_answer_is_counted_alike(step: int) -> None:
    for scenario, answer in (("J", traffic.answer()), ("B", burst(200))):
        load, client, transport = ends(scenario)
        for at in range(0, len(answer), step):
            client.data_received(answer[at : at + step])
        events = SCENARIOS[scenario].events
        assert (load.seen.requests, load.seen.chunks, load.seen.errors) == (1, events, 0)
        assert len(transport.written) == 2, "a closed loop asks again"


def test_an_answer_that_is_no_success_is_an_error_with_its_words() -> None:
    load, client, transport = ends("J")
    client.data_received(b"HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nslow")
    assert (load.seen.errors, load.seen.requests) == (1, 0)
    assert "429" in load.seen.error
    assert transport.aborted


def test_a_stream_that_lost_events_is_an_error() -> None:
    load, client, _ = ends("B")
    short = burst(199)
    client.data_received(short)
    assert (load.seen.errors, load.seen.error) == (1, "199 events came of 200")


def test_a_connection_that_ends_is_an_error_until_the_window_is_over() -> None:
    load, client, _ = ends("J")
    client.connection_lost(None)
    load._over = True
    client.connection_lost(None)
    assert load.seen.errors == 1


def test_an_open_loop_counts_from_when_a_request_was_due() -> None:
    load, client, transport = ends("L")
    load._late.append(7.0)
    client.data_received(traffic.answer())
    assert (client.asked, len(transport.written)) == (7.0, 2)
    client.data_received(traffic.answer())
    assert load._idle == [client]
    assert len(transport.written) == 2
