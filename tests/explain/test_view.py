"""A decision is explained from its record's line and the bundle that made it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.proof import started
from gateway.explain.patterns import matched
from gateway.explain.text import text
from gateway.explain.view import Context, Explanation, Need, explain
from gateway.model import Mode
from gateway.policies.bundle import Bundle
from gateway.policytests.traffic import sent
from gateway.records import Record, to_json
from tests.policytests.support import BUNDLE, COUNTING, ECHO, PHRASES, WORDY, one
from tests.support import bundle, exemption

STRICT = """
---
kind: ladder
id: default
title: L
rungs:
  watch: {at: 20, do: [{log: true}]}
  throttle: {at: 30, do: [{limit: {requests: 6/1m, burst: 2}}, {logprobs: {max_top: 0}}]}
  refuse:
    at: 45
    requires: {policies: 2, principal_age: 1h, sustained: 10m}
    do: [{reject: {status: 403, code: no}}]
"""
TENANT = """
---
kind: tenant
id: labs
title: Labs
orgs: [lab]
mode: shadow
set: {echoing.signals.echo.points: 4}
"""
EXEMPTION = exemption("{points: 0.5x}", "echoing", match="{principal.org: batch}", expires="2099-12-31")


def last(traffic: str, policies: Bundle = BUNDLE, ceiling: Mode = Mode.ENFORCE, **head: str) -> Record:
    drive = started(policies, ceiling)
    for number, found in enumerate(sent(one(traffic, **head)), 1):
        record = drive(found.line, number)
    return record


def line(record: Record) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(to_json(record, "features"))
    return decoded


def explained(
    traffic: str, policies: Bundle = BUNDLE, ceiling: Mode = Mode.ENFORCE, **head: str
) -> Explanation:
    return explain(line(last(traffic, policies, ceiling, **head)), policies)


ECHOED = "every: 1m, times: 10, request: {echo: true}"


def test_signals_stand_with_ramp_window_and_points_the_heaviest_first() -> None:
    found = explained(ECHOED)
    echo, many = found.signals
    assert (echo.id, echo.ramp, echo.points, echo.most, echo.mode, echo.because) == (
        "echoing.echo", None, 40.0, 40.0, "enforce", "",
    )  # fmt: skip
    assert (many.id, many.value, many.ramp, many.over, many.points) == (
        "counting.many", 10.0, (0.0, 100.0), "1h", 6.0,
    )  # fmt: skip
    assert [(row.id, row.now, row.cap) for row in found.policies] == [
        ("echoing", 40.0, 40.0),
        ("counting", 6.0, 100.0),
    ]
    assert (found.shadow.score, found.shadow.rung, found.shadow.at) == (46.0, "narrow", 35.0)
    assert found.known


def test_the_next_rung_tells_everything_that_it_asks_for() -> None:
    policies = bundle(COUNTING, ECHO, PHRASES, WORDY, ladder=STRICT)
    told = line(last(ECHOED, policies))
    now = told["ts"]
    full = Context(since=now - 1800, began=now - 540, number=10, above={"refuse": now - 60})
    found = explain(told, policies, full)
    assert found.next is not None
    assert (found.next.rung, found.next.at) == ("refuse", 45.0)
    assert found.next.needs == (
        Need("score", 46.0, 45.0),
        Need("policies", 2.0, 2.0),
        Need("account age", 1800.0, 3600.0),
        Need("sustained", 60.0, 600.0),
    )
    assert [need.met for need in found.next.needs] == [True, True, False, False]
    assert (found.age, found.offset, found.number) == (1800.0, 540.0, 10)
    unknown = explain(told, policies)
    assert unknown.next is not None
    assert [need.met for need in unknown.next.needs] == [True, True, None, None]
    fresh = explain(told, policies, replace(full, above={}))
    assert fresh.next is not None
    assert fresh.next.needs[3].has == 0.0
    assert "account age 1h (has 30m); sustained 10m (has 1m)" in text(found)
    assert "account age 1h (not known here)" in text(unknown)


def test_at_the_top_there_is_no_next_rung() -> None:
    top = STRICT[: STRICT.index("  refuse")]
    assert explained(ECHOED, bundle(COUNTING, ECHO, PHRASES, WORDY, ladder=top)).next is None


def test_the_responses_stand_with_their_options() -> None:
    policies = bundle(COUNTING, ECHO, PHRASES, WORDY, ladder=STRICT)
    found = explained(ECHOED + ", at: 2h", policies, Mode.SHADOW)
    assert found.applied == ()
    assert found.would == ("log", "logprobs")
    assert found.responses["limit"] == {"requests": {"count": 6, "seconds": 60.0}, "burst": 2}
    assert "would have: log; logprobs max_top=0" in text(found)
    assert "did: log; logprobs max_top=0" in text(explained(ECHOED, policies))


@pytest.mark.parametrize(
    ("documents", "ceiling", "because"),
    [
        ((ECHO.replace("points: 40", "points: 40, mode: shadow"),), Mode.ENFORCE, "signal"),
        ((ECHO.replace("mode: enforce", "mode: shadow"),), Mode.ENFORCE, "policy"),
        (
            (ECHO.replace("mode: enforce", "mode: enforce\nrollout: 0.5%"),),
            Mode.ENFORCE,
            "outside the 0.5% rollout",
        ),
        ((ECHO, TENANT), Mode.ENFORCE, "tenant labs"),
        ((ECHO,), Mode.SHADOW, "gateway"),
    ],
)
def test_what_holds_a_signal_in_shadow_is_named(
    documents: tuple[str, ...], ceiling: Mode, because: str
) -> None:
    found = explained(ECHOED, bundle(*documents), ceiling, defaults="{principal: {org: lab}}")
    assert (found.signals[0].mode, found.signals[0].because) == ("shadow", because)
    assert f"shadow ({because})" in text(found)


def test_a_tenants_own_numbers_are_shown() -> None:
    found = explained(ECHOED, bundle(ECHO, TENANT), defaults="{principal: {org: lab, tier: paid}}")
    assert (found.tenant, found.signals[0].points, found.signals[0].most) == ("labs", 4.0, 4.0)
    assert "(org lab, paid, tenant labs)" in text(found)


def test_exemptions_tell_what_they_took_off() -> None:
    found = explained(ECHOED, bundle(ECHO, EXEMPTION), defaults="{principal: {org: batch}}")
    assert (found.signals[0].points, found.signals[0].exempted) == (20.0, 20.0)
    assert found.exemptions == ({"id": "known", "points": 20.0},)
    assert "exemption known: 20.0 points less" in text(found)
    assert "enforce (exempted: 20.0 points less)" in text(found)


@pytest.mark.parametrize("other", [None, replace(BUNDLE, hash="another")])
def test_under_another_bundle_only_what_was_recorded_is_told(other: Bundle | None) -> None:
    found = explain(line(last(ECHOED)), other)
    assert not found.known
    assert [(row.ramp, row.most, row.over) for row in found.signals] == [(None, None, "")] * 2
    assert [(row.cap, row.half_life) for row in found.policies] == [(None, None)] * 2
    assert (found.shadow.rung, found.shadow.at, found.next) == ("narrow", None, None)
    said = text(found)
    assert "decided by another bundle" in said
    assert "→ narrow\n" in said


def test_what_was_not_scored_says_why() -> None:
    found = explained("every: 1s, times: 1, request: {messages: 7}")
    assert (found.unscored, found.bundle, found.status) == ("invalid_type", None, 400)
    assert "no bundle" in text(found)
    assert "not scored: invalid_type" in text(found)
    assert "400 (invalid_type, answered by the gateway)" in text(found)


def test_signals_that_failed_are_named() -> None:
    told = line(last(ECHOED)) | {"skipped": {"a.b": "KeyError"}, "route": None, "model": None, "status": None}
    assert "a.b could not run: KeyError\n" in text(explain(told, BUNDLE))
    assert "\nunknown route → no answer\n" in text(explain(told, BUNDLE))


def test_patterns_are_found_in_any_turn() -> None:
    record = last("every: 1s, times: 1, system: alpha beta, prompt: gamma delta")
    assert list(matched(record.call, BUNDLE.patterns)) == ["phrases.one", "phrases.two"]
    assert list(matched(None, BUNDLE.patterns)) == []
