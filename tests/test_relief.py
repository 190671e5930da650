"""Exemptions never raise a score, never multiply, end when they say so, and are tallied to the point."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Decision, Measure, Mode, Principal, SignalScore, Tally, Usage
from gateway.policies.bundle import Effect, Exemption, Signal
from gateway.policies.exemptions import DAY
from gateway.relief import Relief
from gateway.score import signal_score
from gateway.units import day
from tests.support import Drive, bundle, chat, exemption, policy

ECHO = chat(echo=True)
POINTS = "signals: {echo: {request: {request.echo: true}, points: 30}}"
COUNT = "signals: {burst: {count: {of: requests, over: 1h}, ramp: [1, 11], points: 40}}"


def decided(*documents: str, **drive: object) -> Decision:
    return Drive(bundle(*documents), **drive).send(ECHO)  # type: ignore[arg-type]


def test_a_skipped_signal_gives_no_points_and_the_record_says_how_many_it_would_have() -> None:
    decision = decided(policy(POINTS), exemption())
    assert (decision.enforced.score, decision.shadow.score) == (0.0, 0.0)
    assert decision.exemptions == (Tally("known", 30.0),)
    (score,) = decision.signals
    assert (score.value, score.points, score.exemption, score.exempted) == (1.0, 0.0, "known", 30.0)


def test_a_part_of_the_points_may_stay() -> None:
    decision = decided(policy(POINTS), exemption("{points: 0.5x}"))
    assert decision.enforced.score == 15.0
    assert decision.exemptions == (Tally("known", 15.0),)


def test_a_ramp_moves_away_by_its_factor_whichever_way_it_goes() -> None:
    rising = Drive(bundle(policy(COUNT), exemption("{ramp: 2x}")))
    assert [rising.send().signals[0].strength for _ in range(4)] == [0.0, 0.0, 0.05, pytest.approx(0.1)]
    falling = """
        signals: {even: {ratio: {where: {request.echo: true}, over: 1h, min: 1}, ramp: [1, 0], points: 40}}
    """
    drive = Drive(bundle(policy(falling), exemption("{ramp: 2x}")))
    for body in (ECHO, chat(), chat(), chat()):
        decision = drive.send(body)
    assert (decision.signals[0].value, decision.signals[0].strength) == (0.25, 0.5)


def test_another_call_another_signal_and_another_day_are_not_exempt() -> None:
    other = policy(POINTS, id="other")
    assert decided(policy(POINTS), other, exemption()).enforced.score == 30.0
    assert decided(policy(POINTS), exemption(), who=Principal("q")).exemptions == ()
    last = day("2027-02-28") + DAY
    assert decided(policy(POINTS), exemption(), now=last - 1).enforced.score == 0.0
    late = decided(policy(POINTS), exemption(), now=last)
    assert (late.enforced.score, late.exemptions) == (30.0, ())


def test_an_exemption_holds_until_the_score_without_it_is_reached() -> None:
    drive = Drive(bundle(policy(COUNT), exemption(until_score=20)))
    scores = [drive.send().enforced.score for _ in range(7)]
    assert scores == [0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 24.0]
    assert drive.last is not None
    assert drive.last.decision.exemptions == ()


def test_shadow_signals_end_no_exemption_of_what_acts() -> None:
    loud = policy("signals: {loud: {request: {request.echo: true}, points: 90}}", id="loud", mode="shadow")
    decision = decided(policy(POINTS), loud, exemption(applies="probe, loud", until_score=50))
    assert (decision.enforced.score, decision.shadow.score) == (0.0, 90.0)
    assert decision.exemptions == (Tally("known", 30.0),)


def test_the_exemption_that_takes_off_most_counts_alone() -> None:
    half, third = exemption("{points: 0.5x}"), exemption("{points: 0.9x}", id="weaker")
    for pair in ((half, third), (third, half)):
        decision = decided(policy(POINTS), *pair)
        assert decision.enforced.score == 15.0
        assert decision.exemptions == (Tally("known", 15.0),)


def test_the_tally_is_what_the_score_really_lost() -> None:
    body = """
        combine: max
        signals:
          low: {request: {request.echo: true}, points: 20}
          high: {request: {request.echo: true}, points: 40}
    """
    decision = decided(policy(body, cap=30), exemption())
    assert decision.exemptions == (Tally("known", 30.0),)
    one = decided(policy(body, cap=30), exemption(applies="probe.high"))
    assert (one.shadow.score, one.exemptions) == (20.0, (Tally("known", 10.0),))


def test_an_exemption_that_took_off_nothing_is_named_all_the_same() -> None:
    decision = Drive(bundle(policy(COUNT), exemption())).send()
    assert decision.exemptions == (Tally("known", 0.0),)


def test_a_skipped_signal_lifts_to_no_floor() -> None:
    body = "signals: {canary: {request: {request.echo: true}, points: 1, floor: throttle}}"
    assert decided(policy(body), exemption()).enforced.rung is None
    assert decided(policy(body), exemption("{points: 0.5x}")).enforced.rung == "throttle"


def test_what_is_known_after_the_answer_is_softened_too() -> None:
    body = "signals: {long: {field: usage.output_tokens, ramp: [0, 1000], points: 40}}"
    drive = Drive(bundle(policy(body), exemption()))
    drive.send(usage=Usage(output_tokens=500))
    assert drive.last is not None
    assert drive.last.decision.exemptions == (Tally("known", 20.0),)
    assert drive.send().enforced.score == 0.0


calls = st.lists(st.tuples(st.floats(0, 900), st.booleans()), min_size=1, max_size=10)
effects = st.sampled_from(["skip", "{ramp: 1x}", "{ramp: 3x}", "{points: 0.3x}", "{points: 1x}"])
LOAD = """
    signals:
      burst: {count: {of: requests, over: 10m}, ramp: [1, 8], points: 40, floor: narrow}
      even: {ratio: {where: {request.echo: true}, over: 10m, min: 2}, ramp: [0.8, 0.2], points: 40}
"""


@given(calls, effects, st.sampled_from(["probe", "probe.burst", "probe.even"]), st.sampled_from([5, 30, 100]))
@settings(deadline=None)
def test_an_exemption_never_raises_a_score_or_a_rung(
    sent: list[tuple[float, bool]], effect: str, applies: str, until: int
) -> None:
    plain, eased = bundle(policy(LOAD)), bundle(policy(LOAD), exemption(effect, applies, until_score=until))
    without, with_it = Drive(plain), Drive(eased)
    order = [None, *(rung.id for rung in plain.ladder.rungs)]
    for gap, echo in sent:
        without.now = with_it.now = without.now + gap
        one, other = without.send(chat(echo=echo)), with_it.send(chat(echo=echo))
        assert other.enforced.score <= one.enforced.score
        assert other.shadow.score <= one.shadow.score
        assert order.index(other.enforced.rung) <= order.index(one.enforced.rung)


(SIGNAL,) = bundle(policy(COUNT)).policies[0].signals
CONDITION = bundle(policy(COUNT), exemption()).exemptions[0].match
numbers = st.floats(-1000, 1000)


@given(numbers, numbers, numbers, st.floats(1, 100), st.floats(0, 1), st.floats(0, 100))
@settings(deadline=None)
def test_any_effect_on_any_number_takes_off_and_never_adds(
    value: float, low: float, high: float, ramp: float, part: float, points: float
) -> None:
    if abs(high - low) < 1e-6:
        high = low + 1.0
    signal: Signal = replace(SIGNAL, ramp=(low, high), points=points)
    score: SignalScore = signal_score("a.b", signal, Mode.SHADOW, Measure(value))
    known = Exemption("e", CONDITION, frozenset({"a.b"}), Effect(ramp, part), math.inf, math.inf, "", "")
    eased = Relief((known,), 0.0, 0.0).soften("a.b", signal, score)
    assert 0.0 <= eased.points <= score.points
    assert eased.strength <= score.strength
    assert eased.points + eased.exempted == pytest.approx(score.points)
