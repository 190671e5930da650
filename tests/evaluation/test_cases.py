"""Decisions summed up per principal."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.evaluation.cases import DAY, FLOORED, Label, kind_of
from gateway.evaluation.entries import Mark, Stand
from tests.evaluation.support import cases, entry


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("benign", "benign"),
        ("benign:chat", "benign"),
        ("attack:sweep", "extraction"),
        ("extraction", "extraction"),
        ("abuse: sure", "extraction"),
        ("unclear", "unlabelled"),
        ("", "unlabelled"),
        (None, "unlabelled"),
    ],
)
def test_labels_name_kinds(label: str | None, kind: str) -> None:
    assert kind_of(label) == kind


def test_a_rung_is_reached_with_those_below_and_remembers_what_was_given_before() -> None:
    made = cases(
        entry(ts=0, tokens=100),
        entry(ts=30, score=55, rung="throttle", tokens=10),
        entry(ts=50, score=55, rung="throttle"),
        entry(ts=70, score=20, rung="watch", tokens=1),
    )
    case = made.cases["p"]
    track = case.tracks["shadow"]
    assert (track.peak, track.rung) == (55, 2)
    assert [track.requests[at] for at in range(4)] == [3, 2, 2, 0]
    assert [track.minutes[at] for at in range(4)] == [2, 1, 1, 0]
    assert [track.tokens[at] for at in range(3)] == [11, 10, 10]
    assert (track.first[2].ts, track.first[2].request, track.first[2].tokens) == (30, 2, 100)
    assert 3 not in track.first
    assert (case.requests, case.input_tokens, case.output_tokens) == (4, 30, 111)
    assert (made.requests, made.hours) == (4, {0: [4, 3]})


def test_what_is_told_of_a_principal_once_stays() -> None:
    case = cases(entry(org="x", tier="paid"), entry(ts=9)).cases["p"]
    assert (case.org, case.tier, case.first, case.last) == ("x", "paid", 0, 9)
    assert case.unit == "org:x"
    assert cases(entry()).cases["p"].unit == "p"


def test_the_reasons_are_those_of_the_highest_score() -> None:
    made = cases(
        entry(score=10, marks={"a.one": 10.0}),
        entry(ts=1, score=30, rung="watch", marks={"a.two": 30.0, "b.one": 0.0}),
        entry(ts=2, score=20, rung="watch", marks={"a.one": 20.0}),
    )
    assert made.cases["p"].reasons == (Mark("a.two", 1.0, 30.0, "why"),)


def test_the_unlabelled_are_benign_only_when_asked() -> None:
    found = [entry("x"), entry("y"), entry("z")]
    labels = {"x": "attack", "y": "benign:chat", "stranger": "attack"}
    made = cases(*found, labels=labels)
    assert [len(made.of(kind)) for kind in ("benign", "extraction", "unlabelled")] == [1, 1, 1]
    made = cases(*found, labels=labels, assume_benign=True)
    assert [len(made.of(kind)) for kind in ("benign", "extraction", "unlabelled")] == [2, 1, 0]


def test_who_was_drawn_for_labelling_stands_for_more_than_one() -> None:
    made = cases(entry("x"))
    made.label({"x": Label("benign", 0.25)})
    assert made.cases["x"].weight == 4


def test_a_signal_decides_alone_or_is_spare() -> None:
    both = {"a.one": 50.0, "b.two": 30.0}
    made = cases(
        entry(ts=0, score=50, rung="throttle", marks={"a.one": 50.0}),
        entry(ts=1, score=80, rung="perturb", marks=both),
        entry(ts=2, score=80, rung="throttle", marks=both),
        entry(ts=3, score=10, marks=both),
    )
    one, two = made.cases["p"].signals["a.one"], made.cases["p"].signals["b.two"]
    assert (one.requests, one.standing, one.alone, one.spare, one.points) == (4, 3, 1, 0, 200)
    assert (two.requests, two.standing, two.alone, two.spare) == (3, 2, 0, 1)


def test_a_signal_that_its_policys_cap_swallows_is_spare() -> None:
    marks = {"a.one": 50.0, "a.two": 30.0}
    made = cases(entry(score=60, rung="throttle", marks=marks))
    assert made.cases["p"].signals["a.two"].spare == 1  # cut at 60, without it 50: still throttle
    assert made.cases["p"].signals["a.one"].spare == 0


def test_a_signal_of_a_policy_that_is_gone_counts_with_its_points() -> None:
    made = cases(entry(score=60, rung="throttle", marks={"old.one": 5.0, "a.one": 50.0}))
    assert made.cases["p"].signals["old.one"].spare == 1


def test_verdicts_of_windows_that_warm_are_counted() -> None:
    found = entry(score=5)
    made = cases(
        type(found)(
            ts=0,
            id="i",
            principal="p",
            enforced=Stand(),
            shadow=Stand(5),
            signals=(Mark("a.one", points=5.0, warming=0.4), Mark("a.two", points=1.0)),
        )
    )
    assert [made.cases["p"].signals[name].warming for name in ("a.one", "a.two")] == [1, 0]


def test_a_score_is_eligible_for_a_rung_only_with_the_policies_it_requires() -> None:
    alone = cases(entry(score=90, rung="perturb", marks={"a.one": 90.0}))
    assert alone.cases["p"].eligible == {0: 90, 1: 90, 2: 90, 3: 90}
    two = cases(entry(score=90, rung="refuse", marks={"a.one": 85.0, "b.one": 5.0}))
    assert two.cases["p"].eligible[4] == 90


def test_a_floor_lifts_past_every_threshold() -> None:
    made = cases(entry(score=10, rung="throttle", marks={"a.one": 10.0}))
    assert made.cases["p"].eligible == {0: FLOORED, 1: FLOORED, 2: FLOORED, 3: 10}


def test_a_rung_that_holds_after_the_score_fell_is_no_floor() -> None:
    made = cases(entry(score=45, rung="throttle", marks={"a.one": 45.0}))
    assert made.cases["p"].eligible[2] == 45


def test_rungs_that_no_ladder_has_are_an_error_with_advice() -> None:
    with pytest.raises(ConfigError, match=r"no rung 'gone'.*--policies"):
        cases(entry(score=10, rung="gone"))


def test_a_candidate_is_a_third_track() -> None:
    assert not cases(entry()).has_candidate
    made = cases(
        entry("x", candidate=Stand(70, "perturb")),
        entry("y", candidate=Stand(55, "a-rung-of-its-own")),
        entry("z", candidate=Stand(5)),
    )
    assert made.has_candidate
    assert [made.cases[name].tracks["candidate"].rung for name in "xyz"] == [3, 2, -1]


def test_exemptions_are_tallied_and_put_back() -> None:
    made = cases(
        entry(ts=0, score=5),
        entry(ts=1, score=10, forgiven={"nightly": 20.0}),
        entry(ts=DAY, score=10, forgiven={"nightly": 5.0}),
        entry(ts=DAY + 1, score=12),
    )
    tally, case = made.exemptions["nightly"], made.cases["p"]
    assert (tally.requests, tally.points, tally.last) == (2, 25, DAY)
    assert case.forgiven == {"nightly": 25}
    assert case.unexempted == {0: 30, 1: 15}


def test_records_name_their_bundles_and_why_some_were_not_scored() -> None:
    made = cases(entry(bundle="abc"), entry(bundle="abc"), entry(unscored="unknown_route"))
    assert (made.bundles, made.unscored) == ({"abc": 2}, {"unknown_route": 1})


def test_responses_are_counted_once_a_call() -> None:
    made = cases(entry(applied=("log", "cap"), would=("log",)), entry(would=("log",)))
    assert made.cases["p"].would == {"log": 2, "cap": 1}
