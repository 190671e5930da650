"""Detectors are built from their options; whatever they refuse is told at their place."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from gateway.errors import ConfigError
from gateway.signals.base import Context, Detector, Options
from tests.policies.samples import LADDER, POLICY, compiled


class EchoOptions(Options):
    """Options of a detector that stands in for one from outside."""

    over: str = "1m"
    fail: bool = False
    deep: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Echo(Detector):
    """Asks its context for conditions that stand at several depths of its options."""

    name = "echo"
    options_type = EchoOptions

    def __init__(self, options: EchoOptions, context: Context) -> None:
        if options.fail:
            raise ValueError("cannot be built so")
        self.conditions = [context.condition(spec) for spec in options.deep.values()]
        self.population = context.population


def policy(echo: str) -> str:
    return (
        "kind: policy\nid: p\ntitle: t\nsignals:\n  s:\n"
        f"    echo: {echo}\n    ramp: [0, 1]\n    points: 5\n    why: 'plain {{{{words}}}}'"
    )


def built(echo: str) -> Any:
    return compiled(policy(echo), LADDER, detectors={"echo": Echo}).policies[0].signals[0]


def test_a_detector_from_outside_is_built_with_its_options_and_context() -> None:
    signal = built("{over: 2m, deep: {a: {request.n: 1}}}")
    assert (signal.detector.name, signal.over, signal.why) == ("echo", "2m", "plain {{words}}")
    assert signal.detector.conditions[0].fields == {"request.n"}
    assert signal.detector.population == '["principal", ""]'


@pytest.mark.parametrize(
    ("echo", "message"),
    [
        ("{fail: true}", "0.yaml:6:5: error: signals.s.echo: cannot be built so"),
        # A condition is looked for among the options themselves; deeper ones are told at the detector.
        ("{deep: {a: {request.m: 1}}}", "0.yaml:6:5: error: signals.s.echo: unknown field 'request.m'"),
        ("[]", "0.yaml:6:11: error: signals.s.echo: write a mapping (key: value)"),
    ],
)
def test_what_a_detector_refuses_is_told_at_its_place(echo: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(echo)
    assert str(caught.value).startswith(message)


def test_a_pattern_set_may_be_missing_while_other_files_cannot_be_read() -> None:
    unreadable = "kind: policy\n"
    with pytest.raises(ConfigError) as caught:
        compiled(POLICY, LADDER, unreadable)
    assert {place.file for place, _ in caught.value.problems} == {"2.yaml"}
    with pytest.raises(ConfigError, match="no pattern set '@words'"):
        compiled(POLICY, LADDER)


@pytest.mark.parametrize("signals", ["[1]", "{s: 1}", "7"])
def test_signals_of_the_wrong_kind_are_an_error(signals: str) -> None:
    with pytest.raises(ConfigError, match="write a mapping"):
        compiled(f"kind: policy\nid: p\ntitle: t\nsignals: {signals}", LADDER)


def test_a_slip_in_one_key_hides_no_slip_in_the_others() -> None:
    broken = """\
kind: policy
id: bad
title: Bad
mode: off
match: {request.ednpoint: chat}
signals:
  probes:
    ratio: {where: {request.max_token: {lte: 2}}, over: 60, min: 50}
    ramp: [0.3, 0.9]
    points: 25
  burst:
    request: {request.echo: true}
    count: {of: requests, over: 1m}
    points: 5
  tiny:
    field: request.top_logprob
    pionts: 5
    ramp: [5, 20]
  late: 7
rollout: {percent: 250%}
"""
    with pytest.raises(ConfigError) as caught:
        compiled(broken, LADDER)
    assert [(place.line, place.column) for place, _ in caught.value.problems] == [
        (4, 7), (5, 9), (8, 21), (8, 57), (11, 3), (15, 3), (16, 12), (17, 5), (19, 9), (20, 20),
    ]  # fmt: skip


def test_an_empty_or_missing_condition_in_broken_options_is_told_once() -> None:
    for where in ("{}", "7"):
        with pytest.raises(ConfigError) as caught:
            compiled(
                POLICY.replace("{prompt.user: {matches: '@words'}}, over: 1h", f"{where}, over: 1"), LADDER
            )
        places = [(place.file, place.line, place.column) for place, _ in caught.value.problems]
        assert len(places) == len(set(places)), places


def test_a_broken_policy_without_signals_is_told_so_alone() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled("kind: policy\nid: p\ntitle: t\nmatch: 7\n", LADDER)
    messages = [message for _, message in caught.value.problems]
    assert messages == ["missing key 'signals'", "match: write a mapping (key: value)"]
