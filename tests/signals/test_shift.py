"""Change from an account's own past: what is compared, and for whom there is no verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.model import Usage
from tests.signals.support import Bench, bench, call, detector

DAY = 86400.0
ECHO = {"request.echo": True}


def shift(of: str = "requests", **options: Any) -> Bench:
    return bench("shift", {"of": of, "every": "1d", "min": 14, "least": 5} | options)


def days(
    signal: Bench, first: int, last: int, calls: int, tokens: int = 10, **parameters: Any
) -> float | None:
    """So many calls on each day; what is read at the end of the last."""
    for day in range(first, last):
        for number in range(calls):
            signal.now = (day + number / (calls + 1)) * DAY
            signal.send(call("a", **parameters), Usage(output_tokens=tokens))
    signal.now = (last - 0.001) * DAY
    found = signal.send(call("a", **parameters), Usage(output_tokens=tokens))
    return found.value if found else None


def test_a_new_account_has_no_verdict_whatever_it_does() -> None:
    signal = shift()
    assert days(signal, 0, 10, 2) is None
    assert days(signal, 10, 14, 200) is None


def test_ten_times_the_usual_for_a_day_is_eight_days_worth() -> None:
    signal = shift()
    assert days(signal, 0, 20, 9) == pytest.approx(0.0)
    assert days(signal, 20, 21, 90) == pytest.approx(8.45, abs=0.1)


def test_days_with_calls_are_told() -> None:
    signal = shift()
    days(signal, 0, 20, 5)
    signal.now = 20.5 * DAY
    found = signal.send(call("a"))
    assert found is not None
    assert found.n == 20


def test_tokens_are_compared_after_the_answer() -> None:
    signal = shift("output_tokens", least=50)
    assert days(signal, 0, 20, 5, tokens=10) == 0.0
    assert days(signal, 20, 21, 5, tokens=1000) == pytest.approx(100 * 5 / 5.05 - 1.5, rel=0.3)
    assert signal.send(call("a"), settle=False) is not None


def test_a_share_is_compared() -> None:
    signal = shift("share", where=ECHO, least=0.05)
    assert days(signal, 0, 20, 25) == 0.0
    assert days(signal, 20, 21, 25, echo=True) == pytest.approx(1 / 0.05 - 1.5, rel=0.1)


def test_only_calls_of_the_condition_count() -> None:
    signal = shift(where=ECHO)
    assert days(signal, 0, 20, 5, echo=True) == 0.0
    assert days(signal, 20, 21, 500) == 0.0


@pytest.mark.parametrize(("where", "steps"), [(ECHO, (1, 0)), ({"response.status": 200}, (0, 1))])
def test_what_needs_the_answer_is_counted_at_its_end(where: Any, steps: tuple[int, int]) -> None:
    from gateway.fields import Facts
    from gateway.model import Client, Outcome, Principal

    made = detector("shift", {"of": "requests", "every": "1d", "min": 14, "least": 5, "where": where})
    facts = Facts(call("a", echo=True), Principal("p"), Client(), 0.0)
    entered = len(made.enter(facts))
    facts.outcome = Outcome(200)
    assert (entered, len(made.settle(facts))) == steps


def test_an_answer_without_a_cost_counts_nothing() -> None:
    signal = shift("output_tokens")
    signal.send(call("a"))
    assert len(signal.store.apply([("p", signal.detector.reads)], 0.0)[0]) == 1
    assert signal.store.nbytes("p") < 300


@pytest.mark.parametrize("options", [{"min": 3}, {"least": 0}, {"of": "share"}, {"every": "0d"}])
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        shift(**({"of": "requests"} | options))


def test_signals_that_ask_the_same_share_a_counter() -> None:
    assert shift().detector.reads == shift(every="24h").detector.reads
    assert shift().detector.reads != shift(where=ECHO).detector.reads


def test_fields_are_those_of_the_condition_and_the_cost() -> None:
    assert shift().detector.fields == frozenset()
    assert shift("output_tokens", where=ECHO).detector.fields == {"usage.output_tokens", "request.echo"}


@given(st.integers(1, 20), st.integers(1, 60))
def test_more_on_the_last_day_never_lowers_the_number(usual: int, calls: int) -> None:
    less, more = shift(), shift()
    for signal in (less, more):
        days(signal, 0, 15, usual)
    one, other = days(less, 15, 16, calls), days(more, 15, 16, 2 * calls)
    assert one is not None
    assert other is not None
    assert other >= one
