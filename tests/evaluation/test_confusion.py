"""Two judgements side by side."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evaluation.cases import KINDS
from gateway.evaluation.confusion import Placed, confusion, of_bundles, of_tracks
from gateway.evaluation.entries import Stand
from gateway.statistics import mcnemar
from tests.evaluation.support import RUNGS, cases, entry
from tests.support import bundle, policy

LOWER = """
---
kind: ladder
id: default
title: Another
rungs:
  watch: {at: 20, do: [{log: true}]}
  slow: {at: 40, do: [{delay: {by: 1s}}]}
  throttle: {at: 60, do: [{limit: {requests: 6/1m, burst: 2}}]}
"""
placed = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-1, 4), st.integers(-1, 4)), max_size=30)


def test_names_stand_behind_every_cell_off_the_diagonal() -> None:
    made = confusion(
        "active",
        "candidate",
        ("watch", "throttle"),
        [
            Placed("c", "extraction", -1, 1),
            Placed("b", "benign", -1, 0),
            Placed("a", "benign", -1, 0),
            Placed("d", "benign", 1, 1),
            Placed("e", "benign", 1, -1),
        ],
    )
    assert made.rungs == ("none", "watch", "throttle")
    assert made.counts == ((0, 2, 1), (0, 0, 0), (1, 0, 1))
    assert [(cell.before, cell.after, [p.id for p in cell.principals]) for cell in made.moved] == [
        ("none", "watch", ["a", "b"]),
        ("none", "throttle", ["c"]),
        ("throttle", "none", ["e"]),
    ]
    assert (made.worse["benign"], made.better["benign"], made.changed) == (2, 1, 4)
    assert made.benign_p == mcnemar(2, 1)
    throttle = made.shifts[1]
    assert (throttle.new["extraction"], throttle.released["benign"], throttle.p) == (1, 1, 1.0)


@settings(deadline=None)
@given(placed)
def test_nobody_is_lost_between_the_cells(found: list[tuple[str, int, int]]) -> None:
    who = [Placed(f"p{at}", *one) for at, one in enumerate(found)]  # type: ignore[arg-type]
    made = confusion("active", "candidate", RUNGS, who)
    assert sum(map(sum, made.counts)) == len(who)
    assert sum(len(cell.principals) for cell in made.moved) == made.changed
    assert made.changed == sum(one.before != one.after for one in who)


def test_two_tracks_are_two_judgements() -> None:
    made = cases(
        entry("x", score=55, rung="throttle"),
        entry("y", score=55, rung="throttle", enforced=Stand(55, "throttle")),
        labels={"x": "attack"},
    )
    found = of_tracks(made, "enforced", "shadow")
    assert [(cell.before, cell.after) for cell in found.moved] == [("none", "throttle")]
    assert (found.before, found.after, found.worse["extraction"]) == ("enforced", "shadow", 1)


def test_bundles_are_matched_by_the_names_of_their_rungs() -> None:
    other = bundle(policy("signals: {s: {request: {request.n: 1}, points: 9}}"), ladder=LOWER)
    active = cases(entry("x", score=55, rung="throttle"), entry("only-before", score=25, rung="watch"))
    candidate = cases(entry("x", score=45, rung="slow"), entry("only-after"), under=other)
    found = of_bundles(active, candidate, "shadow")
    assert found.rungs == ("none", "watch", "narrow", "slow", "throttle", "perturb", "refuse")
    assert [(cell.before, cell.after) for cell in found.moved] == [("watch", "none"), ("throttle", "slow")]
    assert of_bundles(active, active, "shadow").rungs == ("none", *RUNGS)
    assert of_bundles(active, active, "shadow").changed == 0
