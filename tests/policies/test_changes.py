"""Bundles made from bundles: every policy changes, the tenants' variants too, and nothing else does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policies.bundle import Bundle
from gateway.policies.changes import enforced, next_epochs, windowed, with_epochs
from tests.support import bundle, policy

SIGNALS = """
match: {request.messages: {gte: 2}}
signals:
  now: {request: {request.stream: true}, points: 1}
  size: {field: request.bytes, ramp: [1, 2], points: 1}
  often: {count: {of: requests, over: 1h}, ramp: [1, 2], points: 1}
"""
TENANT = """
---
kind: tenant
id: acme
title: Acme
orgs: [acme]
set: {probe.mode: %s}
"""


def modes(**policies: str) -> Bundle:
    return bundle(*(policy(SIGNALS, id=name, mode=mode) for name, mode in policies.items()))


def test_what_is_left_can_be_read_from_the_store_alone() -> None:
    whole = bundle(policy(SIGNALS), TENANT % "shadow")
    left = windowed(whole)
    for policies in (left.policies, left.tenants[0].policies):
        (one,) = policies
        assert [signal.id for signal in one.signals] == ["often"]
        assert one.match is None
    assert (left.hash, left.ladder) == (whole.hash, whole.ladder)


def test_a_policy_is_enforced_if_it_may_act_on_anybody() -> None:
    assert enforced(modes(a="enforce", b="shadow", c="disabled")) == {"a"}
    assert enforced(bundle(policy(SIGNALS, mode="shadow"), TENANT % "enforce")) == {"probe"}


def test_epochs_are_given_to_all_variants_of_a_policy() -> None:
    changed = with_epochs(bundle(policy(SIGNALS), TENANT % "shadow"), {"probe": "abc", "gone": "xyz"})
    assert [one.epoch for one in (*changed.policies, *changed.tenants[0].policies)] == ["abc", "abc"]
    back = with_epochs(changed, {})
    assert [one.epoch for one in (*back.policies, *back.tenants[0].policies)] == ["", ""]


@given(st.lists(st.sampled_from(["enforce", "shadow", "disabled"]), min_size=2, max_size=6))
def test_an_epoch_begins_just_where_enforcement_begins_again(course: list[str]) -> None:
    epochs: dict[str, str] = {}
    ever: frozenset[str] = frozenset()
    before = modes(a=course[0])
    for at, mode in enumerate(course[1:], 1):
        ever |= enforced(before)
        after = modes(a=mode)
        following = next_epochs(epochs, ever, before, after)
        again = mode == "enforce" and course[at - 1] != "enforce" and "enforce" in course[: at - 1]
        assert following == ({"a": after.hash} if again else epochs)
        epochs, before = following, after


def test_what_is_carried_begins_no_epoch() -> None:
    before, after = modes(a="shadow"), bundle(policy(SIGNALS, id="a", carry=True))
    assert next_epochs({}, {"a"}, before, after) == {}
    assert next_epochs({"a": "abc"}, {"a"}, before, after) == {"a": "abc"}
