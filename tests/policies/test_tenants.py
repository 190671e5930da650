"""Tenants: other numbers for some customers, checked at load like any policy's own."""
# ruff: noqa: E501 - each message stands on one line, as its author reads it

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.model import Mode
from gateway.policies.bundle import Rollout, Tenant
from gateway.policies.compile import with_mode
from tests.policies.samples import LADDER, PATTERNS, POLICY, compiled

TENANT = """\
kind: tenant
id: labs
title: Independent labs
owner: trust
principals: [key_a, key_b]
orgs: [org_a]
tiers: [research]
mode: shadow
ladder: gentle
set:
  sample.cap: 30
  sample.mode: shadow
  sample.rollout: 10%
  sample.half_life: 2h
  sample.signals.burst.points: 5
  sample.signals.burst.ramp: [600, 3000]
  sample.signals.burst.count.over: 2m
  sample.signals.share.ratio.min: 400
  sample.signals.canary.mode: disabled
"""
GENTLE = """\
kind: ladder
id: gentle
title: Only two rungs
rungs:
  throttle: {at: 90, do: [{limit: {requests: 100/1m, burst: 5}}]}
  watch: {at: 40, do: [{log: true}]}
"""


def tenant(text: str = TENANT) -> Tenant:
    (made,) = compiled(POLICY, PATTERNS, LADDER, text, GENTLE).tenants
    return made


def complaints(text: str, gentle: str = GENTLE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compiled(POLICY, PATTERNS, LADDER, text, gentle)
    return str(caught.value).split("\n")


def test_a_tenant_says_who_it_is_and_how_far_anything_may_go() -> None:
    made = tenant()
    assert (made.id, made.ceiling) == ("labs", Mode.SHADOW)
    assert made.principals == {"key_a", "key_b"}
    assert made.orgs == {"org_a"}
    assert made.tiers == {"research"}


def test_a_tenant_has_policies_with_its_own_numbers() -> None:
    (own,) = tenant().policies
    assert (own.cap, own.mode, own.rollout) == (30.0, Mode.SHADOW, Rollout(0.1))
    assert own.half_life == 7200.0
    burst, share, canary = own.signals
    assert (burst.points, burst.ramp, burst.over) == (5.0, (600.0, 3000.0), "2m")
    assert (share.points, share.ramp, canary.mode) == (20.0, (0.5, 0.1), Mode.DISABLED)


def test_the_common_policies_keep_theirs() -> None:
    (common,) = compiled(POLICY, PATTERNS, LADDER, TENANT, GENTLE).policies
    (plain,) = compiled(POLICY, PATTERNS, LADDER).policies
    assert (common.cap, common.signals[0].points, common.signals[0].ramp) == (45.0, 15.0, (60.0, 300.0))
    assert common.signals[0].detector.reads == plain.signals[0].detector.reads


def test_numbers_that_measure_nothing_else_keep_their_counters() -> None:
    (own,), (common,) = tenant().policies, compiled(POLICY, PATTERNS, LADDER).policies
    burst, share, _ = own.signals
    assert share.detector.reads == common.signals[1].detector.reads
    assert burst.detector.reads != common.signals[0].detector.reads


def test_a_tenant_without_changes_shares_everything() -> None:
    bundle = compiled(
        POLICY, PATTERNS, LADDER, "{kind: tenant, id: t, title: T, orgs: [o], principals:, set:}"
    )
    (made,) = bundle.tenants
    assert made.policies[0] is bundle.policies[0]
    assert made.ladder is bundle.ladder
    assert made.ceiling is Mode.ENFORCE


def test_the_ladder_that_no_tenant_names_is_everybody_s() -> None:
    bundle = compiled(POLICY, PATTERNS, TENANT, GENTLE, LADDER)
    assert (bundle.ladder.id, bundle.tenants[0].ladder.id) == ("default", "gentle")
    assert [rung.at for rung in bundle.tenants[0].ladder.rungs] == [40.0, 90.0]
    assert bundle.summary.endswith("ladder 'default' (4 rungs), 1 tenant")


def test_a_tenant_may_name_the_only_ladder() -> None:
    text = "{kind: tenant, id: t, title: T, orgs: [o], ladder: default}"
    bundle = compiled(POLICY, PATTERNS, LADDER, text)
    assert bundle.tenants[0].ladder is bundle.ladder


def test_a_tenant_is_part_of_the_bundle_s_identity() -> None:
    one = compiled(POLICY, PATTERNS, LADDER, TENANT, GENTLE)
    other = compiled(POLICY, PATTERNS, LADDER, TENANT.replace("cap: 30", "cap: 31"), GENTLE)
    assert len({one.hash, other.hash, compiled(POLICY, PATTERNS, LADDER).hash}) == 3


def test_a_bundle_read_in_another_mode_is_so_for_tenants_too() -> None:
    texts = (POLICY, PATTERNS, LADDER, TENANT.replace("sample.mode: shadow", "sample.mode: enforce"), GENTLE)
    (made,) = with_mode(compiled(*texts), Mode.ENFORCE).tenants
    assert (made.ceiling, made.policies[0].mode) == (Mode.ENFORCE, Mode.ENFORCE)
    off = TENANT.replace("mode: shadow", "mode: disabled", 1)
    (made,) = with_mode(compiled(POLICY, PATTERNS, LADDER, off, GENTLE), Mode.ENFORCE).tenants
    assert made.ceiling is Mode.DISABLED


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        (
            "sample.cap",
            "sample.cpa",
            ["3.yaml:11:3: error: set: there is no 'sample.cpa' to set (did you mean 'sample.cap'?)"],
        ),
        (
            "sample.signals.burst.points",
            "sampel.signals.burst.points",
            [
                "3.yaml:15:3: error: set: there is no 'sampel.signals.burst.points' to set (did you mean 'sample.signals.burst.points'?)"
            ],
        ),
        (
            "sample.cap",
            "sample.title",
            ["3.yaml:11:3: error: set: there is no 'sample.title' to set (did you mean 'sample.mode'?)"],
        ),
        (
            "points: 5",
            "points: 500",
            ["3.yaml:15:32: error: signals.burst.points: must be less than or equal to 100"],
        ),
        (
            "[600, 3000]",
            "[600, 600]",
            ["3.yaml:16:30: error: signals.burst.ramp: the two numbers of a ramp must differ"],
        ),
        (
            "over: 2m",
            "over: 2",
            [
                "3.yaml:17:36: error: signals.burst.count.over: write a duration with its unit: 500ms, 30s, 10m, 24h, 7d"
            ],
        ),
        ("principals: [key_a, key_b]\norgs: [org_a]\ntiers: [research]\n", "", [
            "3.yaml:1:1: error: name somebody in principals, orgs or tiers"
        ]),
        ("ladder: gentle", "ladder: gentel", [
            "3.yaml:9:9: error: ladder: no ladder 'gentel' (did you mean 'gentle'?)",
            "4.yaml:1:1: error: kind: a second ladder: there is one already at 2.yaml:2:5",
        ]),
        ("mode: shadow\n", "mode: watch\n", [
            "3.yaml:8:7: error: mode: 'watch' is not one of disabled, shadow, enforce"
        ]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_the_tenant_wrote_it(old: str, new: str, messages: list[str]) -> None:
    broken = TENANT.replace(old, new, 1)
    assert broken != TENANT
    assert complaints(broken) == messages


def test_nobody_is_in_two_tenants_by_the_same_kind_of_name() -> None:
    other = "kind: tenant\nid: other\ntitle: O\norgs: [org_b, org_a]\nprincipals: [research]\n"
    with pytest.raises(ConfigError) as caught:
        compiled(POLICY, PATTERNS, LADDER, TENANT, GENTLE, other)
    assert str(caught.value) == (
        "5.yaml:4:15: error: orgs.1: 'org_a' is in tenant 'labs' already (at 3.yaml:6:8)"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("watch:", "wtach:", "its rung 'wtach' is none of the common ladder's (did you mean 'watch'?)"),
        (
            "at: 40",
            "at: 95",
            "its rungs stand in another order than the common ladder's: watch, narrow, throttle, refuse",
        ),
        ("throttle:", "narrow:", "it has no rung 'throttle', to which sample.canary may lift"),
        (
            "at: 90,",
            "at: 90, requires: {policies: 2},",
            "sample.canary may not lift alone to its rung 'throttle', which needs more policies",
        ),
    ],
)
def test_a_tenant_s_ladder_speaks_of_the_same_rungs(old: str, new: str, message: str) -> None:
    assert complaints(TENANT, GENTLE.replace(old, new)) == [f"3.yaml:9:9: error: ladder: {message}"]


def test_a_ladder_must_be_left_for_everybody() -> None:
    other = TENANT.replace("id: labs", "id: other").replace("gentle", "default")
    for old in ("key_a, key_b", "org_a", "research"):
        other = other.replace(old, f"not-{old}" if "," not in old else "key_c")
    with pytest.raises(ConfigError) as caught:
        compiled(POLICY, PATTERNS, LADDER, TENANT, GENTLE, other)
    assert str(caught.value) == (
        "policies: error: no ladder: write one document of kind 'ladder' that no tenant names"
    )


def test_what_could_not_be_read_is_not_missed() -> None:
    for broken in (POLICY.replace("title:", "titel:"), GENTLE.replace("title:", "titel:")):
        texts = [broken if broken[:20] == text[:20] else text for text in (POLICY, PATTERNS, LADDER, GENTLE)]
        with pytest.raises(ConfigError) as caught:
            compiled(*texts, TENANT)
        assert "labs" not in str(caught.value)
        assert "no ladder" not in str(caught.value)
        assert "to set" not in str(caught.value)
