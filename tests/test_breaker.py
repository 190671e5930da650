"""A signal that keeps failing is left out for a minute, the record says so, and then it is tried again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.breaker import FAILURES, OPEN, OPEN_FOR, WITHIN, Breaker
from gateway.exchange import Exchange, Forward, Head
from gateway.gate import Gate
from gateway.model import Mode, Outcome
from gateway.records import Record
from gateway.signals.volume import Count
from gateway.stores.memory import MemoryStore
from tests.adapters.support import chat_bytes
from tests.exchanges import Doorkeeper
from tests.support import bundle, policy

SOME = frozenset({"a.b"})


def breaker() -> Breaker[frozenset[str]]:
    """One whose product tells what is left out."""
    return Breaker(lambda own, opened: opened)


def test_what_works_is_used_whole() -> None:
    one = breaker()
    for now in range(FAILURES - 1):
        one.note({"a.b": "KeyError", "c.d": "KeyError" if now % 2 else OPEN}, now)
    assert one.working(FAILURES) == frozenset()


def test_what_fails_often_enough_is_left_out_for_a_while_and_then_counted_anew() -> None:
    one = breaker()
    for _ in range(FAILURES):
        one.note({"a.b": "KeyError"}, 5.0)
    one.note({"a.b": "KeyError"}, 5.0)  # of a call that had begun before
    assert one.working(5.0) == one.working(5.0 + OPEN_FOR - 1) == SOME
    assert one.working(5.0 + OPEN_FOR) == frozenset()
    for _ in range(FAILURES - 1):
        one.note({"a.b": "KeyError"}, 70.0)
    assert one.working(70.0) == frozenset()


def test_each_signal_has_its_own_time() -> None:
    one = breaker()
    for name, now in (("a.b", 0.0), ("c.d", 30.0)):
        for _ in range(FAILURES):
            one.note({name: "KeyError"}, now)
    assert one.working(30.0) == SOME | {"c.d"}
    assert one.working(OPEN_FOR) == {"c.d"}
    assert one.working(30.0 + OPEN_FOR) == frozenset()


@pytest.mark.parametrize("reason", [OPEN, "OverBudgetError"])
def test_what_was_left_out_on_purpose_is_no_failure(reason: str) -> None:
    one = breaker()
    for _ in range(2 * FAILURES):
        one.note({"a.b": reason}, 0.0)
    assert one.working(0.0) == frozenset()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_it_opens_just_when_so_many_failures_lie_within_a_minute(gaps: list[float]) -> None:
    one = breaker()
    times: list[float] = []
    for gap in gaps:
        times.append((times[-1] if times else 0.0) + gap)
        one.note({"a.b": "KeyError"}, times[-1])
        recent = times[-FAILURES:]
        opens = len(recent) == FAILURES and recent[-1] - recent[0] <= WITHIN
        assert (one.working(times[-1]) == SOME) is opens
        if opens:
            return


# --- in the engine ------------------------------------------------------------------------------------

TENANT = """
---
kind: tenant
id: acme
title: Acme
principals: [somebody]
"""
BODY = """
signals:
  burst: {count: {of: requests, over: 1h}, ramp: [0, 100], points: 50}
  echo: {request: {request.messages: 1}, points: 7}
"""


def call(gate: Gate, now: float) -> Record:
    """The record of one call."""
    exchange = Exchange(gate, Head("POST", b"/v1/chat/completions", [], "192.0.2.7"), "id", now)
    assert isinstance(exchange.judge(chat_bytes(), now), Forward)
    exchange.forwarded(now)
    return exchange.finish(Outcome(200), now)


def fails(*_: Any) -> Any:
    raise KeyError


def test_the_record_says_that_a_signal_is_left_out_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bundle(policy(BODY), TENANT)
    gate = Gate(made, Mode.SHADOW, MemoryStore(9), Doorkeeper(), candidate=made)
    names = ("probe.burst", "candidate.probe.burst")
    with monkeypatch.context() as broken:
        broken.setattr(Count, "read", fails)
        for now in range(FAILURES):
            assert call(gate, now).skipped == dict.fromkeys(names, "KeyError")
    record = call(gate, FAILURES)
    assert record.skipped == dict.fromkeys(names, OPEN)
    assert [(score.id, score.points) for score in record.signals] == [("probe.echo", 7.0)]
    assert record.candidate is not None
    assert record.candidate.score == 7.0
    after = call(gate, FAILURES + OPEN_FOR)
    assert after.skipped == {}
    assert [score.id for score in after.signals] == ["probe.burst", "probe.echo"]


def test_a_new_bundle_begins_with_nothing_left_out() -> None:
    made = bundle(policy(BODY))
    gate = Gate(made, Mode.SHADOW, MemoryStore(9), Doorkeeper())
    assert gate.plan is not None
    for _ in range(FAILURES):
        gate.plan.breaker.note({"probe.burst": "KeyError"}, 0.0)
    assert gate.plan.breaker.working(0.0).opened == {"probe.burst"}
    following = Gate(made, Mode.SHADOW, MemoryStore(9), Doorkeeper()).following(gate, 0.0)
    assert following.plan is not None
    assert following.plan.breaker.working(0.0).opened == frozenset()
