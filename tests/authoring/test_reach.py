"""Reach: whether points and rungs come together, for everybody and before a tenant's own ladder."""

from __future__ import annotations

import pytest

from tests.authoring.test_lint import LADDER, OTHER, POLICY, TENANT, found

OWN = """\
kind: ladder
id: labs
title: For labs
rungs:
  watch:
    at: 20
    do: [{log: true}]
  refuse:
    at: 70
    requires: {policies: 2}
    do: [{reject: {status: 403, code: usage_review}}]
"""
LABS = TENANT.replace("set:", "ladder: labs\nset:")
"""A tenant with a ladder of its own, for whom `probe` gives 30 points at most."""


def test_a_rung_above_what_all_policies_give_is_told() -> None:
    (line,) = found(POLICY, OTHER.replace("cap: 45", "cap: 24"), LADDER)
    assert (
        line
        == "2.yaml:9:5: warning: rungs.refuse.at: no policies reach 85: all together give 84 points at most"
    )


def test_disabled_policies_and_signals_give_nothing() -> None:
    lines = found(POLICY, f"{OTHER}mode: disabled\n", LADDER)
    assert "all together give 60 points" in lines[0]
    assert "asks for 2 policies, but only 1 can give 5 points" in lines[1]
    assert len(lines) == 2
    assert found(POLICY.replace("points: 40", "points: 40\n    mode: disabled"), OTHER, LADDER) == [
        "2.yaml:9:5: warning: rungs.refuse.at: no policies reach 85: all together give 75 points at most"
    ]


def test_of_signals_that_see_the_same_only_the_highest_counts() -> None:
    (line,) = found(f"{POLICY}combine: max\n", OTHER.replace("cap: 45", "cap: 44"), LADDER)
    assert "all together give 84 points at most" in line


@pytest.mark.parametrize("floor", ["refuse", "higher"])
def test_a_rung_to_which_a_floor_lifts_can_be_reached(floor: str) -> None:
    ladder = (
        LADDER.replace("    requires: {policies: 2}\n", "") + "  higher: {at: 95, do: [{delay: {by: 1s}}]}\n"
    )
    lifted = OTHER.replace("points: 45", f"points: 45, floor: {floor}")
    low = POLICY.replace("cap: 60", "cap: 25")
    told = [line for line in found(low, lifted, ladder) if "no policies reach" in line]
    assert ["85" in "".join(told), "95" in "".join(told)] == [False, floor == "refuse"]


def test_a_policy_below_the_first_rung_is_told_unless_a_floor_lifts_it() -> None:
    small = OTHER.replace("id: other", "id: small").replace("cap: 45", "cap: 15")
    (line,) = found(POLICY, OTHER, small, LADDER)
    assert line.startswith("2.yaml:5:1: warning: cap: 15 points at most, below the first rung 'watch' (20)")
    assert found(POLICY, OTHER, small.replace("points: 45", "points: 45, floor: watch"), LADDER) == []
    assert found(POLICY, OTHER, small.replace("points: 45", "points: 45, mode: disabled"), LADDER) == []


# --- tenants -------------------------------------------------------------------------------------------


def test_a_ladder_of_a_tenants_own_that_can_be_climbed_is_not_remarked_on() -> None:
    assert found(POLICY, OTHER, LADDER, LABS, OWN) == []


def test_a_rung_that_a_tenants_own_numbers_do_not_reach_is_told() -> None:
    (line,) = found(POLICY, OTHER, LADDER, LABS, OWN.replace("at: 70", "at: 80"))
    assert line == (
        "4.yaml:9:5: warning: rungs.refuse.at: no policies reach 80 for tenant 'labs': "
        "all together give 75 points at most"
    )


def test_corroboration_that_a_tenants_policies_cannot_give_is_told() -> None:
    lines = found(POLICY, OTHER, LADDER, LABS.replace("probe.cap: 30", "probe.mode: disabled"), OWN)
    assert lines == [
        (
            "4.yaml:9:5: warning: rungs.refuse.at: no policies reach 70 for tenant 'labs': "
            "all together give 45 points at most"
        ),
        (
            "4.yaml:10:16: warning: rungs.refuse.requires.policies: asks for 2 policies, "
            "but only 1 can give 5 points for tenant 'labs'"
        ),
    ]


def test_a_policy_below_the_first_rung_of_a_tenants_own_ladder_is_told_at_the_tenant() -> None:
    (line,) = found(POLICY, OTHER, LADDER, LABS, OWN.replace("at: 20", "at: 40"))
    assert line == (
        "3.yaml:5:1: warning: ladder: probe gives 30 points at most, below the first rung 'watch' (40): "
        "nothing happens unless another policy speaks too"
    )


def test_a_tenant_for_whom_nothing_is_evaluated_climbs_nothing() -> None:
    off = LABS.replace("ladder:", "mode: disabled\nladder:")
    assert found(POLICY, OTHER, LADDER, off, OWN.replace("at: 70", "at: 99")) == []
