"""A candidate bundle is asked about every call, shares what is counted, and never acts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import turns
from gateway.model import Mode, Trial, Usage
from gateway.planner import plan
from gateway.policies.bundle import Bundle
from gateway.signals.volume import Count
from tests.support import Drive, Recording, bundle, chat, policy

ECHO = chat(echo=True, n=4)


def points(number: int, **changes: Any) -> Bundle:
    body = f"signals: {{echo: {{request: {{request.echo: true}}, points: {number}}}}}"
    return bundle(policy(body, **changes))


COUNT = "signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 100], points: 50}}"
OTHER = "signals: {burst: {count: {of: requests, over: 2h}, ramp: [0, 100], points: 100}}"


def trial(drive: Drive) -> Trial:
    assert drive.last is not None
    found = drive.last.decision.candidate
    assert found is not None
    return found


def test_the_candidate_is_asked_when_the_request_is_on_its_way() -> None:
    drive = Drive(points(10), candidate=points(90))
    decision = drive.send(ECHO)
    assert decision.candidate is None
    assert drive.candidate is not None
    assert trial(drive) == Trial(drive.candidate.hash, 90.0, "perturb")
    drive.candidate = None
    assert drive.send(ECHO).candidate is None
    assert drive.last is not None
    assert drive.last.decision.candidate is None


@pytest.mark.parametrize("ceiling", [Mode.SHADOW, Mode.ENFORCE])
def test_whatever_the_candidate_says_nothing_else_changes(ceiling: Mode) -> None:
    alone, tried = Drive(points(40), ceiling), Drive(points(40), ceiling, candidate=points(95))
    for now in (0.0, 10.0, 4000.0):
        alone.now = tried.now = now
        assert alone.send(ECHO) == tried.send(ECHO)
        assert alone.last is not None
        assert tried.last is not None
        assert alone.last.edited == tried.last.edited
        assert len(alone.last.editors) == len(tried.last.editors)


def test_a_disabled_gateway_tries_nothing() -> None:
    drive = Drive(points(40), Mode.DISABLED, candidate=points(90))
    drive.send(ECHO)
    assert trial(drive).score == 0.0


def test_the_candidate_keeps_peaks_and_rungs_of_its_own() -> None:
    drive = Drive(points(10, half_life="1h"), candidate=points(60, half_life="1h"))
    drive.send(ECHO)
    drive.now = 1200.0
    decision = drive.send()
    assert decision.shadow.score == pytest.approx(10 * 0.5 ** (1 / 3))
    assert trial(drive).score == pytest.approx(60 * 0.5 ** (1 / 3))
    assert trial(drive).rung == "throttle"


def test_counters_that_both_ask_for_are_counted_once() -> None:
    shared = bundle(policy(COUNT))
    drive = Drive(shared, candidate=bundle(policy(COUNT.replace("points: 50", "points: 100"))))
    alone = Drive(shared)
    for number in range(1, 5):
        assert drive.send().signals[0].value == alone.send().signals[0].value == number
        assert trial(drive).score == pytest.approx(number)


def test_what_only_the_candidate_counts_is_counted_for_it() -> None:
    drive = Drive(bundle(policy(COUNT)), candidate=bundle(policy(OTHER)))
    for number in range(1, 4):
        drive.send()
        assert trial(drive).score == pytest.approx(number)


def test_what_a_disabled_policy_does_not_count_the_candidate_does() -> None:
    drive = Drive(bundle(policy(COUNT, mode="disabled")), candidate=bundle(policy(COUNT)))
    for number in range(1, 4):
        drive.send()
        assert trial(drive).score == pytest.approx(number / 2)


def test_an_organisation_s_counter_is_shared_as_well() -> None:
    both = bundle(policy(COUNT, key="org"))
    drive = Drive(both, candidate=both)
    for number in range(1, 4):
        assert drive.send().signals[0].value == number
        assert trial(drive).score == pytest.approx(number / 2)
    drive = Drive(bundle(policy(COUNT)), candidate=bundle(policy(OTHER, key="org")))
    drive.send()
    assert trial(drive).score == pytest.approx(1.0)


def test_what_the_answer_tells_counts_for_the_candidate_from_the_next_call_on() -> None:
    body = "signals: {long: {field: usage.output_tokens, ramp: [0, 1000], points: 40}}"
    tokens = "signals: {many: {count: {of: output_tokens, over: 1h}, ramp: [0, 1000], points: 40}}"
    long = Drive(points(10), candidate=bundle(policy(body, half_life="7d")))
    many = Drive(points(10), candidate=bundle(policy(tokens, half_life="7d")))
    for drive in (long, many):
        drive.send(usage=Usage(output_tokens=500))
        assert trial(drive).score == 0.0
        drive.send()
        assert trial(drive).score == 20.0


def test_a_candidate_s_signal_that_fails_is_named_as_its_own(monkeypatch: Any) -> None:
    drive = Drive(points(10), candidate=bundle(policy(COUNT)))

    def fail(*_: Any) -> Any:
        raise KeyError

    monkeypatch.setattr(Count, "read", fail)
    decision = drive.send(ECHO)
    assert decision.enforced.score == 10.0
    assert drive.last is not None
    assert drive.last.decision.skipped == {"candidate.probe.burst": "KeyError"}
    assert trial(drive).score == 0.0


def test_before_the_request_goes_out_the_candidate_only_reads() -> None:
    made = bundle(policy(OTHER))
    store = Recording()
    alone = Recording()
    Drive(points(10), store=store, candidate=made).send(ECHO)
    Drive(points(10), store=alone).send(ECHO)
    ask, enter, _, _ = store.trips
    assert ask[0] == alone.trips[0][0]
    # And what the active bundle reads as well is not read twice.
    read = {op.key for op in ask[0][1]}
    rest = [op for op in plan(made, trial=True).batches[0] if op.key not in read]
    assert [*ask[1][1]] == rest
    assert {"first", turns.QUERY.key} <= read
    assert enter == alone.trips[1]


def test_a_call_that_was_never_sent_on_was_not_tried() -> None:
    drive = Drive(points(10), candidate=points(90))
    assert drive.send(ECHO).candidate is None


@given(st.lists(st.tuples(st.floats(0, 2000), st.booleans()), min_size=1, max_size=8))
@settings(deadline=None)
def test_a_candidate_equal_to_the_active_bundle_stands_where_it_stands(
    sent: list[tuple[float, bool]],
) -> None:
    body = """
        signals:
          burst: {count: {of: requests, over: 10m}, ramp: [2, 20], points: 40}
          share: {ratio: {where: {request.echo: true}, over: 10m, min: 3}, ramp: [0.2, 0.8], points: 40}
          sweep: {profile: {metric: repeats, min: 2}, ramp: [0, 1], points: 20}
    """
    made = bundle(policy(body))
    drive = Drive(made, candidate=made)
    for gap, echo in sent:
        drive.now += gap
        decision = drive.send(chat("one two three four five six seven eight", echo=echo))
        assert (trial(drive).score, trial(drive).rung) == (decision.shadow.score, decision.shadow.rung)
