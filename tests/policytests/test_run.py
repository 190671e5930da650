"""Promises kept and broken, each with the words that an author gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.adapters.proof import started
from gateway.fields import Facts
from gateway.model import Measure, Mode, Reading, Standing
from gateway.policies.bundle import Bundle, Ladder, Tenant
from gateway.policies.compile import with_mode
from gateway.policytests.coverage import Coverage
from gateway.policytests.expect import nothing_acted
from gateway.policytests.load import load_suites
from gateway.policytests.metamorphic import relations, softened
from gateway.policytests.run import run_cases
from gateway.policytests.suites import Drive
from gateway.policytests.traffic import sent
from gateway.policytests.trail import Moment, rung_order
from gateway.records import Record
from gateway.signals.base import Detector
from gateway.traffic import Line
from tests.policytests.support import BUNDLE, COUNTING, ECHO, one, result, said, suite
from tests.support import bundle, exemption, policy

TEN = "every: 1m, times: 10"
"""Ends with 10 requests, 6 points."""
FAST = "every: 1s, times: 100"
"""Climbs a point in 1.7 requests: watch (20) after 33 s."""


@pytest.mark.parametrize(
    ("traffic", "expect"),
    [
        (TEN, "rung: none, score: {lt: 7, gt: 5}, silent: [echoing, counting.wide], never: watch"),
        (TEN, "fired: {counting.many: {value: 10, n: 1, points: 6, strength: {lt: 0.2}}}"),
        (TEN, "at: 3m, fired: {counting.many: {value: 4}}, score: {lt: 3}"),
        (FAST, "reaches: {watch: {within: 1m, not_before: 30s}, throttle: }, rung: throttle"),
        (FAST, "at: 30s, never: watch, rung: none"),
        (FAST, "at: 40s, rung: watch, response: {status: 200, applied: [log]}"),
        (FAST, "response: {status: 429, code: rate_limited, delay: 0}"),
    ],
)
def test_a_promise_that_is_kept_passes(traffic: str, expect: str) -> None:
    assert said(one(traffic, expect)) == []


@pytest.mark.parametrize(
    ("traffic", "expect", "message"),
    [
        (TEN, "rung: watch", "rung is none, not watch (score 6.0)"),
        (TEN, "score: {gte: 20}", "score is 6.0, not ≥ 20"),
        (TEN, "fired: [echoing.echo]", "echoing.echo did not fire"),
        (TEN, "fired: {counting.many: {value: {gt: 10}}}", "counting.many value is 10, not > 10"),
        (TEN, "silent: [counting]", "counting.many fired after 0s: 1 in 1h (0.6 points)"),
        (TEN, "at: 4m, reaches: [watch]", "at 4m: never reached watch (best score 3.0, none)"),
        (FAST, "never: [narrow, watch]", "reached watch after 33s (score 20.4: counting.many 20.4)"),
        (FAST, "reaches: {watch: {within: 30s}}", "reached watch after 33s, not within 30s"),
        (FAST, "reaches: {watch: {not_before: 1m}}", "reached watch after 33s, before 1m"),
        (TEN, "response: {status: 403}", "response status is 200, not 403"),
        (TEN, "response: {code: usage_review}", "response code is none, not usage_review"),
        (TEN, "response: {delay: {gte: 1}}", "response delay is 0 s, not ≥ 1"),
        (TEN, "response: {applied: [log]}", "response applied is nothing, without log"),
        (f"{TEN}, at: 1h", "at: 10m, rung: none", "at 10m: no request by then"),
    ],
)
def test_a_promise_that_is_broken_says_what_differs(traffic: str, expect: str, message: str) -> None:
    assert said(one(traffic, expect)) == [message]


def test_a_rung_reached_through_memory_alone_names_no_signal() -> None:
    found = suite(
        """
- name: it
  traffic: [{every: 1s, times: 1, request: {echo: true}}, {at: 1m, every: 1s, times: 1}]
  expect: [{at: 50s, rung: narrow}, {rung: none}]
"""
    )
    assert said(next(found.cases())) == ["rung is narrow, not none (score 40.7)"]


def test_promises_are_about_everybody_unless_they_say_about_whom() -> None:
    cases = """
- name: it
  traffic: [{as: loud, every: 1s, times: 100}, {as: calm, every: 1m, times: 2, principals: 2}]
  expect: [{never: watch}, {never: watch, who: calm}, {rung: none, who: [loud, calm-2]}, {rung: none, who: x}]
"""
    found = suite(cases.replace(", {rung: none, who: x}", ""), people="{loud: {}, calm: {}}")
    assert said(next(found.cases())) == [
        "loud: reached watch after 33s (score 20.4: counting.many 20.4)",
        "loud: rung is throttle, not none (score 60.0)",
    ]


def test_a_failure_stands_where_its_promise_stands() -> None:
    found = result(one(TEN, "rung: watch"))
    assert str(found.place) == "t.yaml:4:11"
    assert [str(failure.place) for failure in found.failures] == ["t.yaml:6:14"]


def test_a_known_gap_must_fail_and_says_so_when_it_no_longer_does() -> None:
    open_gap = result(one(TEN, "rung: watch", "known_gap: too slow"))
    assert (open_gap.verdict, open_gap.passed, open_gap.failures, open_gap.gap) == (
        "gap",
        True,
        (),
        "too slow",
    )
    closed = result(one(TEN, "rung: none", "known_gap: too slow"))
    assert (closed.verdict, closed.passed) == ("fixed", False)
    assert [failure.message for failure in closed.failures] == ["the gap is closed: drop known_gap"]


def shadowed() -> str:
    return COUNTING.replace("mode: enforce", "mode: shadow\nrollout: 1%")


def test_tests_see_policies_as_fully_enforced_whatever_their_mode() -> None:
    policies = bundle(shadowed(), ECHO)
    assert said(one(FAST, "rung: throttle, response: {status: 429}"), policies) == []


def test_in_shadow_nothing_acts_and_the_shadow_score_counts() -> None:
    case = one(FAST, "rung: throttle, response: {status: 200, would: [limit]}", as_mode="shadow")
    assert said(case, BUNDLE) == []
    own = one(FAST, "rung: throttle", "as_mode: shadow")
    assert said(own, BUNDLE) == []


def test_a_document_about_some_policies_sees_only_those() -> None:
    traffic = f"{TEN}, request: {{echo: true}}"
    assert said(one(traffic, "rung: none", policies="[counting]")) == []
    assert said(one(traffic, "rung: narrow")) == []


def test_what_was_touched_is_counted() -> None:
    coverage = Coverage(BUNDLE)
    assert {kind: share.share for kind, share in coverage.shares().items()} == dict.fromkeys(
        ("signals", "rungs", "patterns"), 0.0
    )
    run_cases([one("every: 1s, times: 60, prompt: alpha beta")], BUNDLE, started, coverage)
    shares = coverage.shares()
    assert shares["signals"].missing == ("counting.wide", "echoing.echo")
    assert shares["rungs"].missing == ("throttle", "perturb", "refuse")
    assert shares["patterns"].missing == ("phrases.two",)
    assert (shares["rungs"].touched, shares["rungs"].all) == (2, 5)


def test_what_is_disabled_or_absent_needs_no_test() -> None:
    nothing = Coverage(
        with_mode(bundle(ECHO.replace("mode: enforce", "mode: disabled")), Mode.ENFORCE)
    ).shares()
    assert (nothing["signals"].all, nothing["signals"].share) == (0, 1.0)


def test_labels_and_highest_rungs_of_senders_are_kept() -> None:
    found = result(one(f"{FAST}, label: extraction", "rung: throttle"))
    assert found.peaks == {"somebody": ("extraction", 2)}
    assert result(one(TEN)).peaks == {"somebody": (None, -1)}


# --- metamorphic ----------------------------------------------------------------------------------------


def test_an_honest_policy_keeps_the_relations() -> None:
    assert said(one(FAST, "rung: throttle"), metamorphic=True) == []


def test_a_known_gap_keeps_the_relations_or_fails() -> None:
    gap = one(TEN, "rung: watch", "known_gap: x")
    assert result(gap, metamorphic=True).verdict == "gap"
    (found,) = run_cases([gap], BUNDLE, by_gap, Coverage(BUNDLE), metamorphic=True)
    assert (found.verdict, len(found.failures)) == ("fail", 3)


def by_gap(bundle: Bundle, ceiling: Mode) -> Drive:
    """A gateway whose score is the gap since the request before: slow is worse."""
    real = started(bundle, ceiling)
    last: dict[str, float] = {}

    def drive(line: Line, number: int) -> Record:
        gap = line.ts - last.get(line.principal, line.ts)
        last[line.principal] = line.ts
        return structs.replace(real(line, number), shadow=Standing(gap))

    return drive


def test_scores_that_fall_with_traffic_break_both_relations() -> None:
    assert list(relations(one("every: 10s, times: 4"), BUNDLE, by_gap)) == [
        "doubled traffic lowers somebody's score after 30s from 10.0 to 5.0",
        "split traffic raises somebody/1's score after 20s from 10.0 to 20.0",
        "split traffic raises somebody/2's score after 30s from 10.0 to 20.0",
    ]


# --- what must never pass in silence -------------------------------------------------------------------


class Broken(Detector):
    """Fails at every call."""

    def read(self, facts: Facts, readings: Sequence[Reading]) -> Measure | None:
        raise ZeroDivisionError


def test_a_signal_that_fails_fails_the_case() -> None:
    policy = BUNDLE.policies[1]
    broken = replace(policy, signals=(replace(policy.signals[0], detector=Broken()),))
    assert said(one(TEN), replace(BUNDLE, policies=(broken,))) == ["echoing.echo failed: ZeroDivisionError"]


def test_a_request_that_is_not_scored_fails_the_case() -> None:
    assert said(one("every: 1s, times: 1, request: {messages: 7}", "never: watch")) == [
        "a request was not scored: invalid_type"
    ]


def test_traffic_without_a_request_fails_the_case(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    (tmp_path / "t.yaml").write_text(
        "kind: tests\ntitle: T\ncases:\n  - name: it\n    traffic: [{file: none.jsonl}]\n"
        "    expect: [{rung: none, who: whoever}]\n"
    )
    (found,) = load_suites([tmp_path])
    assert said(next(found.cases())) == ["no request was sent"]


def test_recorded_senders_are_looked_for_and_missed_when_they_sent_nothing(tmp_path: Path) -> None:
    line = {"ts": 5, "principal": "ann", "truth": "attack:x", "request": {"messages": []}}
    (tmp_path / "a.jsonl").write_text(json.dumps(line))
    (tmp_path / "t.yaml").write_text(
        "kind: tests\ntitle: T\ncases:\n  - name: it\n    traffic: [{file: a.jsonl}]\n"
        "    expect: [{rung: none, who: [ann, bob]}]\n"
    )
    (found,) = load_suites([tmp_path])
    outcome = result(next(found.cases()))
    assert [failure.message for failure in outcome.failures] == ["bob: no request by then"]
    assert outcome.peaks == {"ann": ("attack:x", -1)}


QUIET = Moment(3.0, 0.0, -1, {}, 200, None, 0.0, (), (), 0.0, "")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"applied": ("log", "cap")}, "log, cap"),
        ({"code": "slow_down"}, "slow_down"),
        ({"enforced": 0.1}, "an enforced score"),
        ({"delay": 1.0}, "an enforced score"),
    ],
)
def test_shadow_that_acts_is_found(change: dict[str, Any], what: str) -> None:
    moments = [QUIET, replace(QUIET, ts=5.0, **change)]
    assert list(nothing_acted(moments)) == [f"in shadow, and yet {what} acted after 2s"]
    assert list(nothing_acted([QUIET])) == []


# --- tenants and exemptions ----------------------------------------------------------------------------

TENANT = """---
kind: tenant
id: labs
title: Labs
orgs: [lab]
set: {counting.cap: 1}
"""
EXEMPTION = exemption("{points: 0.5x}", "counting", match="{principal.org: batch}", expires="2099-12-31")


def test_a_document_about_some_policies_sees_only_those_for_tenants_too() -> None:
    policies = bundle(COUNTING, ECHO, TENANT)
    traffic = f"{TEN}, request: {{echo: true}}"
    head = {"defaults": "{principal: {org: lab}}"}
    assert said(one(traffic, "score: 1", policies="[counting]", **head), policies) == []
    assert said(one(traffic, "score: 41", **head), policies) == []


def test_exemptions_are_counted_where_they_were_applied() -> None:
    policies = bundle(COUNTING, EXEMPTION)
    coverage = Coverage(policies)
    assert coverage.shares()["exemptions"].missing == ("known",)
    run_cases([one(TEN, defaults="{principal: {org: batch}}")], policies, started, coverage)
    assert coverage.shares()["exemptions"].share == 1.0


def test_an_exemption_never_raises_and_is_asked() -> None:
    policies = bundle(COUNTING, EXEMPTION)
    case = one(FAST, "rung: watch", defaults="{principal: {org: batch}}")
    assert said(case, policies, metamorphic=True) == []


def perverse(bundle: Bundle, ceiling: Mode) -> Drive:
    """A gateway whose exemptions make things worse."""
    real = started(bundle, ceiling)
    score = Standing(30.0 if bundle.exemptions else 10.0)
    return lambda line, number: structs.replace(real(line, number), shadow=score)


def test_an_exemption_that_raises_a_score_is_found() -> None:
    policies = bundle(COUNTING, EXEMPTION)
    assert list(relations(one(TEN), policies, perverse)) == [
        "its exemptions raise somebody's score after 9m from 10.0 to 30.0",
        "exempting everything raises somebody's score after 9m from 10.0 to 30.0",
    ]


def test_a_policy_of_which_less_is_worse_breaks_doubling() -> None:
    """With the real engine: the peak is the same, but it fades sooner under twice the traffic."""
    idle = policy(
        "signals: {idle: {count: {of: requests, over: 1h}, ramp: [90, 0], points: 60}}", half_life="10s"
    )
    found = list(relations(one(FAST), bundle(idle), started))
    assert found[0].startswith("doubled traffic lowers somebody's score after")


def test_exemptions_are_laid_over_where_there_are_none() -> None:
    assert list(relations(one(TEN), BUNDLE, perverse)) == [
        "exempting everything raises somebody's score after 9m from 10.0 to 30.0"
    ]


def test_what_is_laid_over_softens_every_signal_and_ends_above_a_score() -> None:
    case = one(FAST)

    def records(policies: Bundle) -> list[Record]:
        drive = started(policies, Mode.SHADOW)
        return [drive(one.line, number) for number, one in enumerate(sent(case), 1)]

    with_all, without = records(softened(BUNDLE)), records(BUNDLE)
    assert with_all[0].shadow.score < without[0].shadow.score
    applied = [{score.exemption for score in record.signals if score.exempted} for record in with_all]
    assert "skipped" in set().union(*applied)
    assert applied[-1] == {"moved"}


def test_the_rungs_of_a_tenants_own_ladder_take_their_place_by_score() -> None:
    policies = bundle(COUNTING)
    rungs = tuple(replace(rung, id=f"lab-{rung.id}", at=rung.at + 1) for rung in policies.ladder.rungs[:2])
    lab = Tenant(
        "labs", frozenset(), frozenset({"lab"}), frozenset(), Mode.ENFORCE, policies.policies,
        Ladder("lab", rungs),
    )  # fmt: skip
    both = replace(policies, tenants=(lab,))
    assert rung_order(both)[:4] == ("watch", "lab-watch", "narrow", "lab-narrow")
    coverage = Coverage(both)
    case = one(FAST, "{rung: lab-narrow}".strip("{}"), defaults="{principal: {org: lab}}")
    (found,) = run_cases([case], both, started, coverage)
    assert found.failures == ()
    assert set(coverage.shares()["rungs"].missing) == {"watch", "narrow", "throttle", "perturb", "refuse"}
