"""A budget for what searches text: once it is used up the rest is skipped, and what is cheap never is."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from gateway.assemble import assemble
from gateway.budget import Budget, within
from gateway.config import load_config
from gateway.exchange import Exchange, Forward, Head
from gateway.gate import Gate
from gateway.model import Mode, Outcome
from gateway.policies.bundle import Bundle
from gateway.records import Record
from gateway.signals.request import Request
from gateway.stores.memory import MemoryStore
from tests.adapters.support import chat_bytes
from tests.exchanges import Doorkeeper
from tests.support import bundle, policy

BODY = """
signals:
  first: {request: {prompt.user: {matches: 'hello'}}, points: 1}
  second: {request: {prompt.text: {contains: 'hello'}}, points: 2}
  many: {distinct: {of: prompts, over: 1h}, ramp: [0, 9], points: 4}
  alike: {profile: {metric: repeats, min: 2}, ramp: [0, 1], points: 8}
  size: {field: request.messages, ramp: [0, 1], points: 16}
  both: {request: {prompt.user: {matches: 'hello'}, usage.output_tokens: {gte: 0}}, points: 32}
"""
MADE = bundle(policy(BODY))


def call(gate: Gate, now: float = 0.0) -> Record:
    """The record of one call."""
    exchange = Exchange(gate, Head("POST", b"/v1/chat/completions", [], "192.0.2.7"), "id", now)
    assert isinstance(exchange.judge(chat_bytes(), now), Forward)
    exchange.forwarded(now)
    return exchange.finish(Outcome(200), now)


def gate(budget: Budget | None, made: Bundle = MADE, **more: Any) -> Gate:
    return Gate(made, Mode.SHADOW, MemoryStore(9), Doorkeeper(), budget=budget, **more)


def ticking(seconds: float) -> Budget:
    """Each piece of work takes one second."""
    clock = count()
    return Budget(seconds, lambda: float(next(clock)))


def fired(record: Record) -> list[str]:
    return [score.id.partition(".")[2] for score in record.signals]


def test_within_the_budget_nothing_is_skipped_and_all_counts_are_the_same() -> None:
    limited, free = gate(ticking(1000)), gate(None)
    for now in (0.0, 1.0, 2.0):
        assert call(limited, now) == call(free, now)


@pytest.mark.parametrize(
    ("seconds", "left", "skipped"),
    [
        # The piece of work that exceeds it is the last; what was read and came too late is not counted.
        (0, ["first"], ["second", "many", "alike"]),
        (1, ["first", "second"], ["many", "alike"]),
        (2, ["first", "second", "many"], ["many", "alike"]),
        (3, ["first", "second", "many"], ["many"]),
        (4, ["first", "second", "many"], []),
    ],
)
def test_past_the_budget_the_rest_of_the_costly_signals_is_skipped(
    seconds: float, left: list[str], skipped: list[str]
) -> None:
    record = call(gate(ticking(seconds)))
    assert fired(record) == [*left, "size", "both"]
    assert record.skipped == {f"probe.{name}": "OverBudgetError" for name in skipped}


def test_each_call_has_the_whole_budget_and_is_never_called_a_failure() -> None:
    limited = gate(ticking(0))
    for now in range(30):
        assert fired(call(limited, float(now)))[0] == "first"


def test_the_candidate_waits_for_nobody() -> None:
    record = call(gate(ticking(0), candidate=MADE))
    assert record.candidate is not None
    assert record.candidate.score == call(gate(None)).shadow.score
    assert all(not name.startswith("candidate.") for name in record.skipped)


def test_a_failure_of_a_costly_signal_stays_one_and_costs_what_it_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError

    limited = gate(ticking(0))
    monkeypatch.setattr(Request, "read", fails)
    record = call(limited)
    assert (record.skipped["probe.first"], record.skipped["probe.second"]) == ("KeyError", "OverBudgetError")


def test_only_what_searches_text_before_the_answer_is_wrapped() -> None:
    limited = within(MADE, ticking(1))
    changed = [
        one.id
        for one, was in zip(limited.policies[0].signals, MADE.policies[0].signals, strict=True)
        if one.detector is not was.detector
    ]
    assert changed == ["first", "second", "many", "alike"]
    assert within(MADE, None) is MADE


@pytest.mark.parametrize("budget", [None, "5ms"])
def test_it_is_taken_from_the_settings(budget: str | None, tmp_path: Any) -> None:
    settings: dict[str, Any] = {"policies.budget": budget, "identity.state_dir": str(tmp_path)}
    found = assemble(load_config(None, settings, env={}), MADE).budget
    assert (found and found.seconds) == (None if budget is None else 0.005)
