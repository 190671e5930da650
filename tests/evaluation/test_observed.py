"""The highest values by unit, from records as a replay hands them over."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any, cast

import pytest

from gateway.evaluation.observed import Highest, Observed, measured, probing, rules, together
from gateway.model import Client, Mode, SignalScore, Standing
from gateway.policies.bundle import Bundle
from gateway.records import Record
from tests.support import bundle, policy

SIGNALS = """
signals:
  up: {count: {of: requests, over: 1h}, ramp: [10, 20], points: 30}
  down: {cadence: {metric: interval_cv, over: 6h, min: 3}, ramp: [0.5, 0.1], points: 30}
  flag: {request: {request.n: {gte: 2}}, points: 5}
  off: {count: {of: requests, over: 2h}, ramp: [0, 10], points: 5, mode: disabled}
  single: {field: request.n, ramp: [1, 5], points: 5}
"""


def _bundle(combine: str = "sum", **more: Any) -> Bundle:
    """Any way to combine that is neither sum nor max is a conjunction."""
    made = bundle(policy(SIGNALS, **more))
    return replace(made, policies=(replace(made.policies[0], combine=cast("Any", combine)),))


def _record(who: str, values: dict[str, float], **more: Any) -> Record:
    exempt = more.pop("exempt", None)
    signals = tuple(
        SignalScore(f"probe.{name}", value, 1, 0.0, 0.0, Mode.SHADOW, "", exemption=exempt)
        for name, value in values.items()
    )
    fields: dict[str, Any] = dict.fromkeys(Record.__struct_fields__)
    fields |= {"ts": 0.0, "id": "r", "principal": who, "client": Client(), "enforced": Standing()}
    return Record(**(fields | {"signals": signals, "org": None, "tenant": None} | more))


def _everybody(who: str) -> bool:
    return bool(who)


def test_only_windowed_signals_with_a_ramp_that_are_on_can_be_learned() -> None:
    (made,) = _bundle().policies
    found = rules(made)
    assert [(rule.name, rule.window, rule.sign) for rule in found] == [
        ("probe.up", 3600.0, 1.0),
        ("probe.down", 21600.0, -1.0),
    ]
    assert [rule.along for rule in found] == [(10.0, 20.0), (-0.5, -0.1)]
    assert rules(replace(made, mode=Mode.DISABLED)) == ()
    assert measured(_bundle()) == ("probe.up", "probe.down")
    assert measured(_bundle("all")) == ("probe", "probe.up", "probe.down")


def test_an_organisation_is_one_unit_with_its_highest_value() -> None:
    seen = Observed(_bundle())
    for who, org, up in [
        ("a", "acme", 3),
        ("b", "acme", 9),
        ("b", "acme", 4),
        ("c", None, 5),
        ("d", None, 7),
    ]:
        seen.add(_record(who, {"up": up, "down": up / 10}, org=org))
    assert seen.highest("probe.up", _everybody) == [
        Highest(9, "org:acme"),
        Highest(7, "d"),
        Highest(5, "c"),
    ]
    assert seen.highest("probe.up", lambda who: who in "ac") == [Highest(5, "c"), Highest(3, "org:acme")]
    assert seen.highest("probe.down", _everybody)[0] == Highest(-0.3, "org:acme")
    assert seen.highest("probe.flag", _everybody) == []


def test_who_has_numbers_of_a_tenant_and_what_is_exempt_are_left_out() -> None:
    seen = Observed(_bundle())
    seen.add(_record("t", {"up": 99}, tenant="big"))
    seen.add(_record("e", {"up": 99}, exempt="known"))
    assert seen.highest("probe.up", _everybody) == []
    assert seen.units == {"e": "e"}


@pytest.mark.parametrize(
    ("flag", "strength"), [(1.0, 0.25), (0.0, -inf)], ids=["met", "a condition that is not met"]
)
def test_a_conjunction_is_as_strong_as_its_weakest_part_and_not_cut_off(flag: float, strength: float) -> None:
    seen = Observed(_bundle("all"))
    values = {"up": 40.0, "down": 0.4, "flag": flag, "single": 2.0}
    seen.add(_record("p", values))
    found = seen.highest("probe", _everybody)
    assert [one.value for one in found] == ([] if strength == -inf else [pytest.approx(strength)])
    seen.add(_record("q", {"up": 40.0, "flag": 1.0}))
    assert [one.unit for one in seen.highest("probe", _everybody)] == [one.unit for one in found]


def test_a_probing_bundle_adds_up_every_policy() -> None:
    made = _bundle("all")
    assert together(made.policies[0])
    assert [together(one) for one in probing(made).policies] == [False]
