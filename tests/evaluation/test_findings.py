"""The parts of the report that follow from the cases alone."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.evaluation import findings
from gateway.evaluation.cases import DAY, HOUR, Label
from gateway.evaluation.entries import Stand
from tests.evaluation.support import RUNGS, cases, crowd, entry, known, policies
from tests.support import bundle, policy

LOGGING = """
---
kind: ladder
id: mild
title: Only logs
rungs:
  watch: {at: 20, do: [{log: true}]}
  look: {at: 50, do: [{cap: {n: 1}}]}
"""


def test_the_acting_rung_is_the_first_that_slows_or_refuses() -> None:
    assert findings.action_rung(policies().ladder.rungs) == RUNGS.index("throttle")
    mild = bundle(policy("signals: {s: {request: {request.n: 1}, points: 9}}"), ladder=LOGGING)
    assert findings.action_rung(mild.ladder.rungs) == 1


@pytest.mark.parametrize(
    ("values", "expected"), [((), (0, 0, 0)), ((3,), (3, 3, 3)), (range(1, 101), (50, 95, 100))]
)
def test_a_spread_is_made_of_values_that_occurred(values: list[float], expected: tuple[float, ...]) -> None:
    found = findings.spread(list(values))
    assert (found.p50, found.p95, found.most) == expected


def test_rungs_count_principals_by_kind() -> None:
    made = cases(
        *crowd("benign", 2, score=25, rung="watch"),
        *crowd("attack", 3, score=55, rung="throttle", enforced=Stand(36, "narrow")),
        entry("who", score=25, rung="watch"),
        labels=known("benign", "attack"),
    )
    rows = {row.rung: row for row in findings.reached(made)}
    assert rows["watch"].principals == {"benign": 2, "extraction": 3, "unlabelled": 1}
    assert rows["throttle"].principals == {"benign": 0, "extraction": 3, "unlabelled": 0}
    assert [row.enforced for row in rows.values()] == [3, 3, 0, 0, 0]
    assert [row.requests for row in rows.values()] == [6, 3, 3, 0, 0]


def test_suspects_are_those_with_a_score_and_the_highest_come_first() -> None:
    marks = {"a.one": 50.0, "a.two": 1.0, "b.one": 2.0, "b.two": 3.0}
    made = cases(
        entry("low", score=3),
        entry("none"),
        entry("high", ts=0, org="x"),
        entry("high", ts=DAY, score=55, rung="throttle", marks=marks, forgiven={"nightly": 2.0}),
        labels={"high": "attack:sweep"},
    )
    high, low = findings.suspects(made)
    assert (high.id, low.id, low.rung, low.first) == ("high", "low", None, None)
    assert (high.rung, high.first, high.age_days, high.kind) == ("throttle", DAY, 1.0, "extraction")
    assert high.rung_requests == {"watch": 1, "narrow": 1, "throttle": 1}
    assert [reason.signal for reason in high.reasons] == ["a.one", "b.two", "b.one"]
    assert high.exempt == ("nightly",)


def test_every_signal_is_named_whether_it_fired_or_not() -> None:
    made = cases(
        entry("x", score=50, rung="throttle", marks={"a.one": 50.0}),
        entry("x", ts=1, score=4, marks={"a.one": 4.0}),
        entry("y", score=5, marks={"b.two": 5.0}),
    )
    rows = {row.id: row for row in findings.signals(made)}
    assert list(rows) == ["a.one", "b.two", "a.two", "b.one"]
    assert (rows["a.one"].requests, rows["a.one"].points, rows["a.one"].solo) == (2, 27.0, 1.0)
    assert (rows["a.one"].redundant, rows["b.two"].solo) == (0.0, None)
    assert (rows["b.one"].requests, rows["b.one"].points) == (0, 0.0)


def test_what_is_off_is_no_signal() -> None:
    off = bundle(policy("signals: {s: {request: {request.n: 1}, points: 9, mode: disabled}}", id="off"))
    assert findings.signals(cases(entry(), under=off)) == ()


def test_costs_count_benign_principals_and_their_organisations() -> None:
    hit: dict[str, Any] = {"score": 55, "rung": "throttle", "would": ("logprobs",), "tokens": 7}
    made = cases(
        entry("k1", org="big", tier="paid", **hit),
        entry("k2", org="big", tier="paid", **hit),
        entry("k3", org="big", tier="paid"),
        entry("k4", org="big", tier="paid"),
        entry("k5", tier="trial", ts=0, **hit),
        *(entry("k5", ts=60 * at, **hit) for at in range(1, 3)),
        entry("bad", score=55, rung="throttle"),
        labels={"bad": "attack"} | {f"k{at}": "benign" for at in range(1, 6)},
    )
    cost = {row.rung: row for row in findings.costs(made)}["throttle"]
    assert (cost.principals.hits, cost.principals.of) == (3, 5)
    assert (cost.orgs.hits, cost.orgs.of) == (2, 2)
    assert (cost.requests, cost.tokens, cost.logprobs) == (5, 35, 3)
    assert (cost.minutes.p50, cost.minutes.most) == (1, 3)
    assert (cost.paying_orgs, cost.largest) == (1, "k5")
    assert {row.rung: row for row in findings.costs(made)}["refuse"].largest is None


def test_precision_counts_the_labelled_and_names_the_rest() -> None:
    made = cases(
        *crowd("benign", 10),
        *crowd("attack", 4, score=55, rung="throttle", marks={"a.one": 50.0, "b.one": 4.9}),
        entry("wrong", score=55, rung="throttle", marks={"a.one": 50.0}),
        entry("who", score=55, rung="throttle", marks={"a.one": 50.0}),
        labels=known("benign", "attack") | {"wrong": "benign"},
    )
    rung = findings.precision_by_rung(made)[2]
    assert (rung.what, rung.right.hits, rung.right.of, rung.unlabelled) == ("throttle", 4, 5, 1)
    assert (rung.benign.hits, rung.benign.of, rung.caught.hits, rung.caught.of) == (1, 11, 4, 4)
    assert rung.weighted == 0.8
    a, b = findings.precision_by_policy(made)
    assert (a.what, a.right.of, b.what, b.right.of) == ("a", 5, "b", 0)
    assert b.weighted is None


def test_a_principal_drawn_rarely_weighs_more() -> None:
    made = cases(*(entry(name, score=25, rung="watch") for name in ("x", "y")))
    made.label({"x": Label("extraction", 1.0), "y": Label("benign", 0.25)})
    assert findings.precision_by_rung(made)[0].weighted == 0.2


def test_labels_are_told_by_week() -> None:
    monday = 4 * DAY  # 1970-01-05
    made = cases(
        entry("x", ts=monday, score=25, rung="watch"),
        entry("y", ts=monday + 6 * DAY, score=25, rung="watch"),
        entry("z", ts=monday + 7 * DAY, score=25, rung="watch"),
        entry("who", ts=monday + 14 * DAY, score=25, rung="watch"),
        labels={"x": "attack", "y": "benign", "z": "attack"},
    )
    rows = findings.precision_by_week(made)
    assert [(row.begins, row.right.hits, row.right.of) for row in rows] == [
        ("1970-01-05", 1, 2),
        ("1970-01-12", 1, 1),
    ]


def test_time_to_rung_tells_what_was_given_away_before() -> None:
    made = cases(
        *(entry("fast", ts=at, tokens=100) for at in range(3)),
        entry("fast", ts=HOUR, score=55, rung="throttle", tokens=5),
        entry("never", tokens=1000),
        entry("good", tokens=1),
        labels={"fast": "attack", "never": "attack", "good": "benign"},
    )
    found = findings.times(made)[2]
    assert (found.reached.hits, found.reached.of) == (1, 2)
    assert [(leak.id, leak.requests, leak.tokens, leak.hours) for leak in found.principals] == [
        ("fast", 3, 300, 1.0)
    ]
    assert (found.tokens_before, found.tokens_missed) == (300, 1000)
    assert findings.times(made)[3].tokens_missed == 1305
