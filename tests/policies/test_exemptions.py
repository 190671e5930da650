"""Exemptions: narrow, with a reason, an owner and an end, and named after what is there."""
# ruff: noqa: E501 - each message stands on one line, as its author reads it

from __future__ import annotations

import math

import pytest

from gateway.errors import ConfigError
from gateway.policies.bundle import Bundle, Effect
from gateway.policies.exemptions import DAY, expiry
from gateway.units import day
from tests.policies.samples import LADDER, PATTERNS, POLICY, compiled

EXEMPTION = """\
kind: exemption
id: nightly
title: Nightly batch
reason: Contract 12
owner: jane
expires: 2027-02-28
match: {principal.id: key_batch, request.batch: true}
applies_to: [sample.burst, sample.share]
effect: {ramp: 10x}
until_score: 80
"""
LAST = day("2027-02-28")


def bundle(text: str = EXEMPTION, today: float | None = None) -> Bundle:
    return compiled(POLICY, PATTERNS, LADDER, text, today=today)


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        bundle(text)
    return str(caught.value).split("\n")


def test_an_exemption_is_compiled_with_its_numbers() -> None:
    (made,) = bundle().exemptions
    assert (made.id, made.reason, made.owner) == ("nightly", "Contract 12", "jane")
    assert (made.effect, made.until_score) == (Effect(ramp=10.0), 80.0)
    assert made.signals == {"sample.burst", "sample.share"}
    assert made.match.fields == {"principal.id", "request.batch"}
    assert made.expires == LAST + DAY


def test_a_policy_s_name_means_all_its_signals() -> None:
    text = EXEMPTION.replace("[sample.burst, sample.share]", "[sample]").replace("until_score: 80\n", "")
    (made,) = bundle(text).exemptions
    assert made.signals == {"sample.burst", "sample.share", "sample.canary"}
    assert made.until_score == math.inf


@pytest.mark.parametrize(
    ("written", "effect"),
    [
        ("skip", Effect(points=0.0)),
        ("{points: 0.5x}", Effect(points=0.5)),
        ("{points: 0x}", Effect(points=0.0)),
        ("{ramp: 2.5x}", Effect(ramp=2.5)),
    ],
)
def test_effects_are_factors_or_a_skip(written: str, effect: Effect) -> None:
    (made,) = bundle(EXEMPTION.replace("{ramp: 10x}", written)).exemptions
    assert made.effect == effect


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("[sample.burst, sample.share]", "['*']", [
            "3.yaml:8:14: error: applies_to.0: may not apply to '*': name the policies or signals"
        ]),
        ("sample.share]", "sample.shar]", [
            "3.yaml:8:28: error: applies_to.1: no policy or signal 'sample.shar' (did you mean 'sample.share'?)"
        ]),
        ("sample.share]", "sample.canary]", [
            "3.yaml:8:28: error: applies_to.1: 'sample.canary' is yes or no and has no ramp to move: use skip or points"
        ]),
        ("{ramp: 10x}", "{ramp: 0.1x}", ["3.yaml:9:16: error: effect.ramp: must be greater than or equal to 1"]),
        ("{ramp: 10x}", "{points: 2x}", ["3.yaml:9:18: error: effect.points: must be less than or equal to 1"]),
        ("{ramp: 10x}", "{ramp: 10}", ["3.yaml:9:16: error: effect.ramp: write a factor: 10x, 0.5x"]),
        ("{ramp: 10x}", "skpi", ["3.yaml:9:9: error: effect: write skip, {ramp: 10x} or {points: 0.5x}"]),
        ("{ramp: 10x}", "{ramp: 10x, points: 0.5x}", [
            "3.yaml:9:1: error: effect: write skip, {ramp: 10x} or {points: 0.5x}"
        ]),
        ("reason: Contract 12\n", "", ["3.yaml:1:1: error: missing key 'reason'"]),
        ("owner: jane\n", "", ["3.yaml:1:1: error: missing key 'owner'"]),
        ("2027-02-28", "2027-02-29", ["3.yaml:6:10: error: expires: write a day that exists: 2027-02-28"]),
        ("match: {principal.id: key_batch, request.batch: true}\n", "", [
            "3.yaml:1:1: error: missing key 'match'"
        ]),
        ("principal.id:", "principal.di:", [
            "3.yaml:7:9: error: match: unknown field 'principal.di' (did you mean 'principal.id'?)"
        ]),
        ("request.batch: true", "usage.output_tokens: {gt: 1}", [
            "3.yaml:7:1: error: match: reads the answer, but an exemption is asked for before it"
        ]),
        ("request.batch: true", "prompt.user: {matches: '@wrods'}", [
            "3.yaml:7:57: error: match.prompt.user.matches: no pattern set '@wrods' (did you mean '@words'?)"
        ]),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(old: str, new: str, messages: list[str]) -> None:
    broken = EXEMPTION.replace(old, new, 1)
    assert broken != EXEMPTION
    assert complaints(broken) == messages


def test_what_could_not_be_read_is_not_missed() -> None:
    text = EXEMPTION.replace("request.batch: true", "prompt.user: {matches: '@words'}")
    for broken in (
        (POLICY.replace("title:", "titel:"), PATTERNS),
        (POLICY, PATTERNS.replace("title:", "titel:")),
    ):
        with pytest.raises(ConfigError) as caught:
            compiled(*broken, LADDER, text)
        assert "3.yaml" not in str(caught.value)


def test_an_exemption_without_a_date_of_today_is_not_warned_of() -> None:
    assert bundle().warnings == ()


@pytest.mark.parametrize(
    ("today", "message"),
    [
        (LAST - 20 * DAY, None),
        (LAST - 13 * DAY, "expires in 14 days, after which it is not applied"),
        (LAST + DAY / 2, "expires in 1 day, after which it is not applied"),
        (LAST + DAY, "has expired and is not applied: remove it, or review it and set a new day"),
    ],
)
def test_an_exemption_is_warned_of_before_its_end_and_after(today: float, message: str | None) -> None:
    warned = [str(advice) for advice in bundle(today=today).warnings]
    assert warned == ([] if message is None else [f"3.yaml:6:1: warning: expires: {message}"])
    assert expiry(LAST + DAY, today) == message
