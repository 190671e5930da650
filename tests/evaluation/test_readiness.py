"""Readiness cards: the rule, and every way to miss it."""

from __future__ import annotations

from typing import Any

from gateway.evaluation.cases import DAY, Cases
from gateway.evaluation.readiness import Card, Promises, cards
from tests.evaluation.support import cases, crowd, entry, known

TESTED = {"a": Promises(3, 0)}
HIT: dict[str, Any] = {"score": 55.0, "rung": "throttle", "marks": {"a.one": 50.0}}


def _a(made: Cases, promises: dict[str, Promises] | None = None) -> Card:
    return cards(made, 2, TESTED if promises is None else promises, max_benign=0.01)[0]


def _week(*, benign: int = 300, hits: int = 12) -> Cases:
    return cases(
        *crowd("benign", benign),
        *crowd("attack", hits, ts=7 * DAY, **HIT),
        labels=known("benign", "attack"),
    )


def test_a_policy_with_nothing_missing_is_ready() -> None:
    card = _a(_week())
    assert (card.policy, card.mode, card.rollout, card.days) == ("a", "enforce", 1.0, 7.0)
    assert (card.ready, card.missing, card.advice) == (True, (), "ready to go to 5%")
    assert (card.hits, card.labelled, card.tests) == (12, 12, 3)
    other = cards(_week(), 2, TESTED, max_benign=0.01)[1]
    assert (other.policy, other.mode, other.ready) == ("b", "shadow", False)


def test_a_short_period_is_not_enough() -> None:
    made = cases(*crowd("benign", 300), *crowd("attack", 2, **HIT), labels=known("benign", "attack"))
    assert _a(made).missing == ("7 days of traffic (has 0.0)",)


def test_too_few_benign_principals_are_not_enough() -> None:
    missing = _a(_week(benign=100)).missing[0]
    assert (
        missing
        == "at most 1 % of benign principals hit: 0 of 100 may mean 3 % (with as many hits you need 299)"
    )


def test_too_many_hits_are_told_as_they_are() -> None:
    made = cases(
        *crowd("benign", 20),
        *crowd("attack", 2, ts=7 * DAY, **HIT),
        *crowd("benign-hit", 20, ts=1, **HIT),
        labels=known("benign", "attack", "benign-hit"),
    )
    missing = _a(made).missing[0]
    assert missing.startswith("at most 1 % of benign principals hit: 20 of 40 may mean 64 %")
    card = cards(made, 2, TESTED, max_benign=0.99)[0]
    assert card.ready
    assert (card.benign.hits, card.benign.of) == (20, 40)


def test_unknown_principals_are_not_benign() -> None:
    made = cases(entry("x"), entry("y", ts=7 * DAY, **HIT))
    first, labels = _a(made).missing
    assert first == "principals known to be benign: label some, or --assume-benign"
    assert labels == "labels of 1 more of its 1 hits"


def test_a_policy_that_never_acted_has_no_precision() -> None:
    made = cases(*crowd("benign", 300), entry("benign0000", ts=7 * DAY), labels=known("benign"))
    assert _a(made).missing == ("anything it would have acted on: nothing is known of its precision",)


def test_tests_must_exist_and_gaps_must_be_closed() -> None:
    assert _a(_week(), {}).missing == ("a test that names it",)
    assert _a(_week(), {"a": Promises(3, 2)}).missing == ("an end to its known gaps (2)",)


def test_without_records_there_are_no_days() -> None:
    assert _a(cases()).days == 0
