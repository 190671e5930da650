"""One bundle's view of one call: tenants have their own numbers, and young windows say that they are."""

from __future__ import annotations

import pytest

from gateway.model import Mode, Principal
from gateway.policies.compile import with_mode
from tests.support import LADDER, Drive, bundle, chat, policy

ECHO = chat(echo=True)
POINTS = policy("signals: {echo: {request: {request.echo: true}, points: 60}}")
COUNT = "signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 10}}"


def tenant(text: str) -> str:
    return f"---\nkind: tenant\ntitle: T\n{text}\n"


def sent(policies: str, *tenants: str, who: Principal, ceiling: Mode = Mode.ENFORCE) -> Drive:
    drive = Drive(bundle(policies, *map(tenant, tenants)), ceiling, who=who)
    drive.send(ECHO)
    return drive


def decision_for(who: Principal, *tenants: str) -> tuple[str | None, float, float]:
    drive = sent(POINTS, *tenants, who=who)
    assert drive.last is not None
    decision = drive.last.decision
    return decision.tenant, decision.enforced.score, decision.shadow.score


LABS = "id: labs\norgs: [o]\nset: {probe.signals.echo.points: 10}"
ONE = "id: one\nprincipals: [p]\nset: {probe.cap: 5}"
TRIAL = "id: trial\ntiers: [free]\nmode: shadow"


def test_the_principal_beats_the_organisation_beats_the_tier() -> None:
    everything = (LABS, ONE, TRIAL)
    assert decision_for(Principal("p", org="o", tier="free"), *everything) == ("one", 5.0, 5.0)
    assert decision_for(Principal("q", org="o", tier="free"), *everything) == ("labs", 10.0, 10.0)
    assert decision_for(Principal("q", org="x", tier="free"), *everything) == ("trial", 0.0, 60.0)
    assert decision_for(Principal("q", org="x", tier="paid"), *everything) == (None, 60.0, 60.0)
    assert decision_for(Principal("q"), *everything) == (None, 60.0, 60.0)


def test_a_tenant_s_ceiling_only_lowers() -> None:
    who = Principal("q", tier="free")
    shadow = sent(POINTS, "id: t\ntiers: [free]\nmode: enforce", who=who, ceiling=Mode.SHADOW)
    assert shadow.last is not None
    assert (shadow.last.decision.enforced.score, shadow.last.decision.shadow.score) == (0.0, 60.0)
    assert decision_for(who, "id: t\ntiers: [free]\nmode: disabled") == ("t", 0.0, 0.0)


def test_a_tenant_s_ladder_leads_to_its_own_rungs() -> None:
    gentle = "---\nkind: ladder\nid: gentle\ntitle: G\nrungs: {watch: {at: 50, do: [{log: true}]}}\n"
    made = bundle(POINTS, gentle, tenant("id: t\norgs: [o]\nladder: gentle"))
    drive = Drive(made, who=Principal("p", org="o"))
    assert drive.send(ECHO).enforced.rung == "watch"
    drive.who = Principal("q")
    assert drive.send(ECHO).enforced.rung == "throttle"


def test_tenants_are_evaluated_as_enforced_with_everybody() -> None:
    made = bundle(POINTS, tenant("id: t\norgs: [o]\nmode: shadow\nset: {probe.mode: shadow}"))
    drive = Drive(with_mode(made, Mode.ENFORCE), who=Principal("p", org="o"))
    assert drive.send(ECHO).enforced.rung == "throttle"


def test_a_window_is_warming_until_it_was_seen_whole() -> None:
    drive = Drive(bundle(policy(COUNT)))
    shares = []
    for now in (0.0, 900.0, 3599.0, 3600.0, 9000.0):
        drive.now = now
        shares.append(drive.send().signals[0].warming)
    assert shares == [0.0, 0.25, pytest.approx(3599 / 3600), None, None]


def test_a_number_of_one_call_is_never_warming() -> None:
    assert Drive(bundle(POINTS)).send(ECHO).signals[0].warming is None


def test_a_counter_younger_than_its_principal_is_warming_from_its_beginning() -> None:
    drive = Drive(bundle(policy(COUNT)))
    drive.send()
    (reads,) = drive.policies.policies[0].signals[0].detector.reads
    drive.now, drive.born = 10_000.0, {reads.key: 9_100.0}
    assert drive.send().signals[0].warming == 0.25
    drive.born = {"another": 9_100.0}
    assert drive.send().signals[0].warming is None


def test_an_organisation_s_counter_is_as_old_as_the_organisation() -> None:
    drive = Drive(bundle(policy(COUNT, key="org")), who=Principal("a", org="o"))
    drive.send()
    drive.now, drive.who = 3600.0, Principal("b", org="o")
    assert drive.send().signals[0].warming is None
    drive.who = Principal("c")
    assert drive.send().signals[0].warming == 0.0


def test_no_clock_that_runs_backwards_makes_a_negative_share() -> None:
    drive = Drive(bundle(policy(COUNT)), now=100.0)
    drive.send()
    drive.now = 50.0
    assert drive.send().signals[0].warming == 0.0


def test_a_tenant_s_floor_is_a_rung_of_its_own_ladder() -> None:
    body = "signals: {canary: {request: {request.echo: true}, points: 1, floor: throttle}}"
    own = LADDER.replace("id: default", "id: own").replace("watch: {at: 20", "watch: {at: 2")
    made = bundle(policy(body), own, tenant("id: t\norgs: [o]\nladder: own"))
    assert Drive(made, who=Principal("p", org="o")).send(ECHO).enforced.rung == "throttle"
