"""Tuning: what is suggested, and what cannot be known yet."""

from __future__ import annotations

from gateway.evaluation.cases import Cases
from gateway.evaluation.thresholds import Tuning, tuning
from tests.evaluation.support import cases, crowd, entry, known

MARKS = {"a.one": 50.0}
THROTTLE = 2


def _fit(benign: int, hit: int = 0, caught: int = 4, score: float = 47) -> Cases:
    return cases(
        *crowd("benign", benign),
        *crowd("benign-hit", hit, score=62, rung="throttle", marks=MARKS),
        *crowd("attack", caught, score=score, rung="narrow", marks=MARKS),
        *crowd("attack-missed", 2),
        labels=known("benign", "benign-hit", "attack", "attack-missed"),
    )


def _check(name: str = "late", score: float = 47, benign: int = 300, hit: int = 0) -> Cases:
    return cases(
        *crowd("benign", benign),
        *crowd("benign-late", hit, score=62, rung="throttle", marks=MARKS),
        entry("attack0000", score=score, marks=MARKS),
        entry(f"attack-{name}", score=score, marks=MARKS),
        labels=known("benign", "benign-late", "attack") | {f"attack-{name}": "attack"},
    )


def _said(found: Tuning) -> str:
    return " ".join(found.reasons)


def test_the_threshold_that_catches_most_within_the_bound_is_suggested() -> None:
    found = tuning(_fit(300), THROTTLE, 0.01, _check())
    assert [row.at for row in found.rows] == [40, 45, 50, 55, 60]
    assert [row.caught.hits for row in found.rows] == [4, 4, 0, 0, 0]
    assert [row.now for row in found.rows] == [False, False, True, False, False]
    assert (found.suggested, found.known, found.reasons) == (45, True, ())
    assert found.check is not None
    assert (found.check.caught.hits, found.check.unseen_caught.hits, found.check.unseen_benign.of) == (
        2,
        1,
        0,
    )


def test_too_few_benign_principals_prove_nothing() -> None:
    found = tuning(_fit(289), THROTTLE, 0.01, _check())
    assert (found.known, found.suggested) == (False, 50)
    assert "no threshold meets 1 % on 289 benign principals: with zero hits you need 299 (have 289)" in _said(
        found
    )


def test_hits_raise_the_number_that_is_needed() -> None:
    found = tuning(_fit(300, hit=2), THROTTLE, 0.01, _check())
    assert "with 2 hits you need 628 (have 302)" in _said(found)


def test_a_rate_that_is_too_high_is_no_lack_of_data() -> None:
    assert tuning(_fit(300, hit=30), THROTTLE, 0.3, _check()).known
    found = tuning(_fit(300, hit=60), THROTTLE, 0.01, _check())
    assert "at 40 it hits 60 of them, which is no lack of data" in _said(found)


def test_without_labels_nothing_is_known() -> None:
    nobody = cases(entry("x", score=60, rung="throttle", marks=MARKS))
    found = tuning(nobody, THROTTLE, 0.01, nobody)
    assert found.suggested == 50
    assert "no principal is known to be benign" in _said(found)
    assert "no principal is known to be extraction" in _said(found)


def test_a_threshold_that_catches_nothing_is_not_known_to_be_right() -> None:
    found = tuning(_fit(300, score=10), THROTTLE, 0.01, _check())
    assert "at 50 nothing is caught" in _said(found)


def test_a_second_period_is_needed_and_must_agree() -> None:
    assert "there is no second period" in _said(tuning(_fit(300), THROTTLE, 0.01))
    silent = cases(*crowd("benign", 300), labels=known("benign"))
    assert "nothing labelled extraction is in the second" in _said(tuning(_fit(300), THROTTLE, 0.01, silent))
    low = tuning(_fit(300), THROTTLE, 0.01, _check(score=30))
    assert "the second period has no extraction above 30" in _said(low)
    wrong = tuning(_fit(300), THROTTLE, 0.01, _check(hit=30))
    assert "the second period contradicts it: 30 of 330 benign were hit" in _said(wrong)


def test_the_lowest_and_the_highest_rung_have_room_on_one_side_only() -> None:
    lowest, highest = tuning(_fit(3), 0, 0.01), tuning(_fit(3), 4, 0.01)
    assert [lowest.rows[0].at, lowest.rows[-1].at] == [5, 30]
    assert [highest.rows[0].at, highest.rows[-1].at] == [70, 100]
