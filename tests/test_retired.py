"""Counters out of use: one more window, then they go; and they are back at once if they are asked for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.retired import Retired, windows
from gateway.signals.profile import HALF_LIFE
from tests.support import bundle, policy

SIGNALS = """
signals:
  now: {request: {request.stream: true}, points: 1}
  often: {count: {of: requests, over: %s}, ramp: [1, 2], points: 1}
  alike: {profile: {metric: skeleton, min: 10}, ramp: [0, 1], points: 1}
"""
TENANT = """
---
kind: tenant
id: acme
title: Acme
orgs: [acme]
set: {probe.signals.often.count.over: 3h}
"""


def test_every_counter_is_known_with_its_window_the_tenants_too() -> None:
    common = bundle(policy(SIGNALS % "1h"))
    assert sorted(windows(common, None).values()) == [3600, HALF_LIFE]
    with_tenant = windows(bundle(policy(SIGNALS % "1h"), TENANT))
    assert sorted(with_tenant.values()) == [3600, 3 * 3600, HALF_LIFE]
    assert windows(common, bundle(policy(SIGNALS % "3h"))) == with_tenant
    assert windows(None) == {}


def test_a_counter_goes_one_window_after_it_fell_out_of_use() -> None:
    retired = Retired()
    assert retired.follow({"a": 10.0, "b": 5.0}, {"b": 5.0}, 100.0) == frozenset()
    assert retired.follow({"b": 5.0}, {"b": 5.0}, 109.0) == frozenset()
    assert retired.follow({"b": 5.0}, {"b": 5.0}, 110.0) == {"a"}
    assert retired.follow({"b": 5.0}, {"b": 5.0}, 200.0) == frozenset()


def test_a_rollback_takes_a_counter_back_and_its_time_begins_anew() -> None:
    retired = Retired()
    retired.follow({"a": 10.0}, {}, 100.0)
    assert retired.follow({}, {"a": 10.0}, 109.0) == frozenset()
    assert retired.follow({"a": 10.0}, {"a": 10.0}, 500.0) == frozenset()
    assert retired.follow({"a": 10.0}, {}, 600.0) == frozenset()
    assert retired.follow({}, {}, 609.0) == frozenset()
    assert retired.follow({}, {}, 610.0) == {"a"}


USES = st.lists(st.frozensets(st.sampled_from("abc")), min_size=2, max_size=12)


@given(USES, st.floats(0.5, 5.0))
def test_nothing_in_use_goes_and_nothing_stays_for_ever(uses: list[frozenset[str]], over: float) -> None:
    retired = Retired()
    held: set[str] = set(uses[0])
    for now, (before, after) in enumerate(pairwise(uses)):
        held |= after
        due = retired.follow(dict.fromkeys(before, over), dict.fromkeys(after, over), float(now))
        assert not due & after
        held -= due
    last = dict.fromkeys(uses[-1], over)
    held -= retired.follow(last, last, 1000.0)
    assert held == uses[-1]
