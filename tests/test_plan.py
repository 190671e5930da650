"""Plans: everything that a call looks up by position, worked out once, tenants' variants included."""

from __future__ import annotations

from gateway.model import Mode, Peaks, Principal, Reading, Register
from gateway.plan import FIRST
from gateway.planner import plan
from tests.support import bundle, policy

COUNT = "signals: {burst: {count: {of: requests, over: 1h}, ramp: [0, 10], points: 10}}"
SKETCH = "signals: {sweep: {profile: {metric: skeleton, min: 2}, ramp: [0, 1], points: 10}}"
TENANT = """---
kind: tenant
id: t
title: T
principals: [p]
orgs: [o]
tiers: [free]
mode: shadow
set: {probe.signals.burst.count.over: 2h}
"""


def test_detectors_with_one_counter_share_one_reading() -> None:
    made = plan(bundle(policy(COUNT), policy(COUNT, id="twin")))
    one, other = (planned.signals[0] for planned in made.policies)
    answers = [Reading((float(at),)) for at in range(len(made.batches[0]))]
    assert one.readings(answers) == other.readings(answers)
    counted = made.batches[0][int(one.readings(answers)[0].values[0])].key
    assert [op.key for op in made.batches[0]].count(counted) == 1


def test_what_an_organisation_shares_stands_in_a_batch_of_its_own_with_its_age() -> None:
    assert plan(bundle(policy(COUNT))).batches[1] == ()
    shared = plan(bundle(policy(COUNT, key="org"))).batches[1]
    assert shared[0] is FIRST
    assert len(shared) == 3


def test_a_candidate_has_peaks_and_a_ladder_s_memory_of_its_own() -> None:
    made = bundle(policy(COUNT))
    active, trial = plan(made), plan(made, trial=True)
    kept = {op.key for op in active.batches[0] if isinstance(op, Register | Peaks)}
    tried = {op.key for op in trial.batches[0] if isinstance(op, Register | Peaks)}
    assert kept & tried == {FIRST.key}
    assert active.counters() == trial.counters()


def test_a_window_is_as_long_as_what_it_reads() -> None:
    made = plan(bundle(policy(COUNT), policy(SKETCH, id="other"), policy(
        "signals: {n: {field: request.n, ramp: [0, 1], points: 1}}", id="third")))  # fmt: skip
    assert [planned.signals[0].window for planned in made.policies] == [604800.0, 3600.0, 0.0]


def test_a_disabled_signal_is_not_planned() -> None:
    made = plan(bundle(policy(COUNT.replace("points: 10", "points: 10, mode: disabled"))))
    assert made.policies[0].signals == ()
    assert made.counters() == frozenset()


def test_a_tenant_s_plan_is_found_by_the_closest_name() -> None:
    made = plan(bundle(policy(COUNT), TENANT))
    (own,) = {id(variant): variant for variant in made.variants.values()}.values()
    assert (own.tenant, own.ceiling) == ("t", Mode.SHADOW)
    for who in (Principal("p"), Principal("q", org="o"), Principal("q", tier="free")):
        assert made.concerning(who) is own
    assert made.concerning(Principal("q", org="x", tier="y")) is made
    assert made.concerning(Principal("q")) is made


def test_the_counters_of_a_plan_are_its_tenants_as_well() -> None:
    alone, more = plan(bundle(policy(COUNT))), plan(bundle(policy(COUNT), TENANT))
    assert alone.counters() < more.counters()
    assert len(more.counters()) == 2


def test_a_counter_knows_when_it_began() -> None:
    made = bundle(policy(COUNT))
    (key,) = plan(made).counters()
    assert plan(made, {key: 7.0}).policies[0].signals[0].born == 7.0
    assert plan(made).policies[0].signals[0].born < 0
