"""One transaction per call: two tracks, cumulative rungs, honest limits, and nothing acts in shadow."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions.pin import digest
from gateway.actions.tasks import Notice, Pace, Pin
from gateway.engine import Transaction
from gateway.fields import Facts
from gateway.model import Mode, Principal, Usage
from gateway.policies.compile import with_mode
from gateway.stores.memory import MemoryStore
from tests.support import Drive, Recording, bundle, chat, policy


def points(points: float, **changes: Any) -> str:
    """A policy that gives `points` to every call that asks for echo."""
    body = f"signals: {{echo: {{request: {{request.echo: true}}, points: {points}}}}}"
    return policy(body, **changes)


ECHO = chat(echo=True)


def test_points_lead_to_a_rung_on_both_tracks() -> None:
    decision = Drive(bundle(points(55))).send(ECHO)
    assert (decision.enforced.score, decision.enforced.rung) == (55.0, "throttle")
    assert decision.shadow == decision.enforced
    assert decision.enforced.actions == ("log", "logprobs", "cap", "limit")
    assert [signal.id for signal in decision.signals] == ["probe.echo"]
    assert decision.policies[0].enforced == 55.0


@pytest.mark.parametrize(("ceiling", "mode"), [(Mode.SHADOW, "enforce"), (Mode.ENFORCE, "shadow")])
def test_in_shadow_nothing_acts_and_what_would_have_is_said(ceiling: Mode, mode: str) -> None:
    drive = Drive(bundle(points(70, mode=mode)), ceiling)
    for _ in range(5):
        decision = drive.send(chat(echo=True, n=4))
        assert drive.last is not None
        assert (decision.refusal, decision.delay, decision.applied) == (None, 0.0, ())
        assert (drive.last.edited, drive.last.editors) == (None, [])
        assert (decision.enforced.score, decision.enforced.rung) == (0.0, None)
        assert decision.shadow.rung == "perturb"
    assert decision.would == ("limit",)


def test_a_disabled_policy_gives_nothing_on_either_track() -> None:
    drive = Drive(bundle(points(70)))
    drive.send(ECHO)
    drive.policies = bundle(points(70, mode="disabled"))
    decision = drive.send(ECHO)
    assert (decision.enforced.score, decision.shadow.score, decision.signals) == (0.0, 0.0, ())


def test_a_disabled_signal_is_neither_read_nor_counted() -> None:
    body = """
        signals:
          off: {count: {of: requests, over: 1h}, ramp: [0, 1], points: 50, mode: disabled}
    """
    decision = Drive(bundle(policy(body))).send()
    assert (decision.signals, decision.shadow.score) == ((), 0.0)


def test_a_shadow_signal_in_an_enforced_policy_counts_on_the_shadow_track_only() -> None:
    body = """
        signals:
          hard: {request: {request.echo: true}, points: 30}
          soft: {request: {request.echo: true}, points: 30, mode: shadow}
    """
    decision = Drive(bundle(policy(body))).send(ECHO)
    assert (decision.enforced.score, decision.shadow.score) == (30.0, 60.0)


def test_a_peak_holds_and_fades() -> None:
    drive = Drive(bundle(points(60, half_life="1h")))
    drive.send(ECHO)
    drive.now = 3600.0
    decision = drive.send()
    assert decision.enforced.score == pytest.approx(30.0)
    assert decision.signals[0].points == 0.0


def test_calls_that_do_not_match_are_not_counted() -> None:
    body = """
        match: {request.stream: true}
        signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 50}}
    """
    drive = Drive(bundle(policy(body)))
    drive.send()
    assert drive.send().signals == ()
    assert drive.send(chat(stream=True)).signals[0].value == 1.0


def test_a_policy_about_the_answer_counts_from_the_next_call_on() -> None:
    body = "signals: {long: {field: usage.output_tokens, ramp: [0, 1000], points: 40}}"
    drive = Drive(bundle(policy(body, half_life="7d")))
    decision = drive.send(usage=Usage(output_tokens=500))
    assert (decision.enforced.score, decision.signals) == (0.0, ())
    assert drive.last is not None
    assert drive.last.decision.signals[0].points == 20.0
    assert drive.send().enforced.score == 20.0


def test_rungs_with_requirements_wait_for_corroboration() -> None:
    alone = Drive(bundle(points(90))).send(ECHO)
    assert alone.enforced.rung == "perturb"
    both = Drive(bundle(points(50), points(50, id="other"))).send(ECHO)
    assert both.enforced.rung == "refuse"
    assert both.refusal is not None
    assert (both.refusal.status, both.applied) == (403, ("reject",))


def test_an_account_with_a_known_beginning_is_as_old_as_the_mapping_says() -> None:
    ladder = """
---
kind: ladder
id: default
version: 1
title: Age
rungs:
  old: {at: 10, requires: {principal_age: 1h}, do: [{log: true}]}
"""
    made = bundle(points(50), ladder=ladder)
    assert Drive(made).send(ECHO).enforced.rung is None
    assert Drive(made, now=7200.0, who=Principal("p", since=0.0)).send(ECHO).enforced.rung == "old"
    seen = Drive(made)
    seen.send()
    seen.now = 3600.0
    assert seen.send(ECHO).enforced.rung == "old"


def test_a_floor_lifts_to_its_rung_at_full_strength_only() -> None:
    body = """
        signals:
          canary: {request: {request.echo: true}, points: 1, floor: throttle}
          other: {request: {request.stream: true}, points: 1, floor: perturb}
    """
    drive = Drive(bundle(policy(body)))
    decision = drive.send(ECHO)
    assert (decision.enforced.score, decision.enforced.rung) == (1.0, "throttle")


def test_a_floor_in_shadow_lifts_the_shadow_track_only() -> None:
    body = "signals: {canary: {request: {request.echo: true}, points: 1, floor: throttle, mode: shadow}}"
    decision = Drive(bundle(policy(body))).send(ECHO)
    assert (decision.enforced.rung, decision.shadow.rung) == (None, "throttle")


def test_a_throttled_principal_gets_its_burst_and_then_an_honest_wait() -> None:
    drive = Drive(bundle(points(55)))
    refusals = [drive.send(ECHO).refusal for _ in range(4)]
    assert [refusal is None for refusal in refusals] == [True, True, False, False]
    assert refusals[3] is not None
    assert (refusals[3].status, refusals[3].retry_after) == (429, 10.0)
    drive.now = 10.0
    assert drive.send(ECHO).refusal is None


def test_the_shadow_track_spends_its_own_tokens() -> None:
    drive = Drive(bundle(points(55)), Mode.SHADOW)
    for _ in range(3):
        decision = drive.send(ECHO)
    assert decision.would == ("limit",)
    drive.ceiling = Mode.ENFORCE
    assert drive.send(ECHO).refusal is None


def test_an_edit_changes_a_copy_and_says_so() -> None:
    body = chat(echo=True, n=4, logprobs=True, top_logprobs=20)
    drive = Drive(bundle(points(40)))
    decision = drive.send(body)
    assert drive.last is not None
    assert drive.last.edited is not None
    assert drive.last.edited["n"] == 1
    assert body["n"] == 4
    assert "cap" in decision.applied
    assert len(drive.last.editors) == 1


def test_a_call_that_needs_no_edit_is_sent_as_it_came() -> None:
    drive = Drive(bundle(points(25)))
    decision = drive.send(ECHO)
    assert drive.last is not None
    assert (decision.applied, drive.last.edited) == (("log",), None)


def test_delays_are_a_value_not_a_wait() -> None:
    assert Drive(bundle(points(70))).send(ECHO).delay == 1.0


FRICTION = """
---
kind: ladder
id: default
version: 1
title: Friction
rungs:
  slow: {at: 20, do: [{shape: {tokens_per_second: 20}}, {pin: {within: 1m}}, {clamp: {seed: drop}}]}
"""


def test_what_the_driver_shall_do_is_told_and_reads_the_request_as_it_will_be_sent() -> None:
    drive = Drive(bundle(points(25), ladder=FRICTION))
    decision = drive.send({**ECHO, "seed": 3, "options": {"seed": 4}})
    assert drive.last is not None
    assert decision.applied == ("shape", "pin", "clamp")
    edited = {**ECHO, "options": {}}
    assert drive.last.tasks == [Pace(20.0, 30.0), Pin(digest(drive.last.call, edited), 60.0)]


HOOKED = """
---
kind: ladder
id: default
version: 1
title: Hooked
rungs:
  ask: {at: 20, do: [{log: true}, {step_up: {url: 'https://h/x', every: 1h}}]}
  slow: {at: 50, do: [{limit: {requests: 1/1m}}]}
  shut: {at: 80, requires: {policies: 2}, do: [{reject: {status: 403, code: c}}]}
"""


def notices(drive: Drive, times: list[float]) -> list[Notice | None]:
    found = []
    for drive.now in times:
        drive.send(ECHO)
        assert drive.last is not None
        found.append(drive.last.notice)
    return found


def test_a_principal_is_reported_once_in_a_while_and_the_call_goes_on() -> None:
    drive = Drive(bundle(points(25), ladder=HOOKED))
    told = Notice("https://h/x")
    assert notices(drive, [0.0, 1.0, 3599.0, 3600.0]) == [told, None, None, told]
    drive.now = 7200.0
    decision = drive.send(ECHO)
    assert (decision.applied, decision.refusal) == (("log", "step_up"), None)
    assert drive.send(ECHO).applied == ("log",)


def test_whoever_is_refused_is_reported_all_the_same() -> None:
    drive = Drive(bundle(points(60), ladder=HOOKED))
    assert drive.send(ECHO).applied == ("log", "step_up")
    decision = drive.send(ECHO)
    assert (decision.applied, decision.refusal is not None) == (("limit",), True)
    drive.now = 3600.0
    drive.policies = bundle(points(50), points(50, id="other"), ladder=HOOKED)
    decision = drive.send(ECHO)
    assert (decision.applied, decision.refusal is not None) == (("step_up", "reject"), True)
    assert drive.send(ECHO).applied == ("reject",)


def test_in_shadow_nobody_is_reported_and_promotion_reports_at_once() -> None:
    drive = Drive(bundle(points(25), ladder=HOOKED), Mode.SHADOW)
    assert notices(drive, [0.0, 1.0]) == [None, None]
    drive.ceiling = Mode.ENFORCE
    assert notices(drive, [2.0]) == [Notice("https://h/x")]
    other = Drive(bundle(points(25), ladder=HOOKED), Mode.SHADOW)
    assert [other.send(ECHO).would for _ in range(2)] == [("log", "step_up"), ("log",)]


def test_in_shadow_the_driver_is_told_nothing() -> None:
    drive = Drive(bundle(points(25), ladder=FRICTION), Mode.SHADOW)
    decision = drive.send({**ECHO, "seed": 3})
    assert drive.last is not None
    assert (decision.would, drive.last.tasks) == (("shape", "pin", "clamp"), [])


def test_policies_that_ask_the_same_share_one_counter() -> None:
    body = "signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 10}}"
    drive = Drive(bundle(policy(body), policy(body, id="twin")))
    drive.send()
    assert [signal.value for signal in drive.send().signals] == [2.0, 2.0]


def test_a_policy_by_org_counts_all_keys_of_the_org() -> None:
    body = """
        key: org
        signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 10}}
    """
    drive = Drive(bundle(policy(body)), who=Principal("a", org="o"))
    drive.send()
    drive.who = Principal("b", org="o")
    assert drive.send().signals[0].value == 2.0
    drive.who = Principal("c")
    assert drive.send().signals[0].value == 1.0


def test_only_the_new_turn_is_scored() -> None:
    body = "signals: {length: {field: prompt.chars, ramp: [0, 100], points: 10}}"
    drive = Drive(bundle(policy(body)))
    messages: list[Any] = [{"role": "user", "content": "x" * 40}]
    assert drive.send({"messages": messages}).signals[0].value == 40.0
    messages = [*messages, {"role": "assistant", "content": "y"}, {"role": "user", "content": "z" * 7}]
    assert drive.send({"messages": messages}).signals[0].value == 7.0


def test_evaluating_everything_as_enforced_changes_modes_only() -> None:
    made = bundle(points(55, mode="shadow", rollout="1%"))
    decision = Drive(with_mode(made, Mode.ENFORCE)).send(ECHO)
    assert decision.enforced.rung == "throttle"
    assert decision.bundle == made.hash


def test_reading_writes_nothing_and_each_phase_is_one_round_trip() -> None:
    store = Recording()
    drive = Drive(bundle(points(10)), store=store)
    drive.send(ECHO)
    ask, enter, study, settle = store.trips
    untouched = MemoryStore(1)
    untouched.apply(ask, 0.0)
    assert untouched.nbytes("p") == sys.getsizeof({})
    assert [type(op).__name__ for op in enter[0][1]] == [
        "Register",
        "Recent",
        "Register",
        "Register",
        "Peaks",
    ]
    assert study == settle == [("p", [])]


traffic = st.lists(st.tuples(st.floats(0, 300), st.booleans()), min_size=1, max_size=12)
LOAD = """
    signals:
      burst: {count: {of: requests, over: 10m}, ramp: [2, 20], points: 40}
      echo: {ratio: {where: {request.echo: true}, over: 10m, min: 3}, ramp: [0.2, 0.8], points: 40}
"""


def _best(sent: list[tuple[float, bool]], times: int, principals: int = 1) -> list[float]:
    drive = Drive(bundle(policy(LOAD)), Mode.SHADOW)
    best = [0.0] * principals
    turn = itertools.cycle(range(principals))
    for gap, echo in sent:
        drive.now += gap
        for _ in range(times):
            at = next(turn)
            drive.who = Principal(f"p{at}")
            best[at] = max(best[at], drive.send(chat(echo=echo)).shadow.score)
    return best


@given(traffic)
def test_doubling_traffic_never_lowers_the_highest_score(sent: list[tuple[float, bool]]) -> None:
    counted = [(gap, True) for gap, _ in sent]
    assert _best(counted, 2)[0] >= _best(counted, 1)[0]


@given(traffic)
def test_the_same_traffic_gives_the_same_scores(sent: list[tuple[float, bool]]) -> None:
    assert _best(sent, 1) == _best(sent, 1)


@given(traffic)
def test_shadow_and_enforce_decide_alike(sent: list[tuple[float, bool]]) -> None:
    made = bundle(policy(LOAD))
    shadow, enforce = Drive(made, Mode.SHADOW), Drive(made, Mode.ENFORCE)
    for gap, echo in sent:
        shadow.now = enforce.now = shadow.now + gap
        one, other = shadow.send(chat(echo=echo)), enforce.send(chat(echo=echo))
        assert one.shadow == other.shadow == other.enforced
        assert one.would == other.applied


def test_facts_join_texts_once() -> None:
    drive = Drive(bundle(points(10)))
    drive.send()
    assert isinstance(drive.last, Transaction)
    facts = Facts(drive.last.call, drive.who, drive.last.client, 0.0, fresh=drive.last.call.turns)
    assert facts.text("user") is facts.text("user")
