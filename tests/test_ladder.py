"""The ladder: which rung a score leads to, and what holds a principal on it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.ladder import Climb, climb, fresh, held, hold
from gateway.policies.bundle import Ladder, Requires, Rung

LADDER = Ladder(
    "test",
    (
        Rung("watch", 20.0, 20.0, Requires(), {}),
        Rung("throttle", 50.0, 40.0, Requires(), {}),
        Rung("refuse", 85.0, 60.0, Requires(policies=2, principal_age=3600.0, sustained=600.0), {}),
    ),
)


def _at(score: float, now: float = 0.0, policies: int = 2, age: float = 7200.0, floor: int = -1) -> Climb:
    return Climb(score, policies, age, floor, now)


def test_a_score_climbs_to_the_highest_rung_it_reaches() -> None:
    for score, rung in ((0.0, -1), (19.9, -1), (20.0, 0), (49.0, 0), (50.0, 1), (84.0, 1)):
        assert climb(LADDER, (), _at(score))[0] == rung


def test_a_rung_holds_until_the_score_falls_below_clear() -> None:
    _, memory = climb(LADDER, fresh(LADDER), _at(55.0))
    rung, memory = climb(LADDER, memory, _at(41.0))
    assert rung == 1
    rung, memory = climb(LADDER, memory, _at(39.0))
    assert rung == 0
    assert climb(LADDER, memory, _at(41.0))[0] == 0


def test_a_rung_that_asks_for_time_waits_until_the_score_has_stayed() -> None:
    rung, memory = climb(LADDER, fresh(LADDER), _at(90.0, now=100.0))
    assert rung == 1
    rung, memory = climb(LADDER, memory, _at(90.0, now=699.0))
    assert rung == 1
    rung, memory = climb(LADDER, memory, _at(90.0, now=700.0))
    assert rung == 2
    # Once there, falling below `at` but not below `clear` keeps it, without waiting anew.
    assert climb(LADDER, memory, _at(61.0, now=701.0))[0] == 2


def test_a_dip_below_the_rung_starts_the_wait_anew() -> None:
    _, memory = climb(LADDER, fresh(LADDER), _at(90.0, now=0.0))
    _, memory = climb(LADDER, memory, _at(80.0, now=300.0))
    assert math.isnan(memory[3])
    assert climb(LADDER, memory, _at(90.0, now=650.0))[0] == 1


def test_corroboration_and_age_are_required_and_the_rung_below_is_taken_instead() -> None:
    memory = (-1.0, 0.0, 0.0, 0.0)
    assert climb(LADDER, memory, _at(95.0, now=1000.0))[0] == 2
    assert climb(LADDER, memory, _at(95.0, now=1000.0, policies=1))[0] == 1
    assert climb(LADDER, memory, _at(95.0, now=1000.0, age=10.0))[0] == 1


def test_a_floor_lifts_whatever_the_score() -> None:
    assert climb(LADDER, (), _at(0.0, floor=1))[0] == 1
    assert climb(LADDER, (), _at(55.0, floor=0))[0] == 1


def test_the_memory_of_another_ladder_is_forgotten() -> None:
    assert climb(LADDER, (2.0, 0.0), _at(41.0))[0] == 0


@given(st.floats(0, 120), st.floats(0, 120))
def test_a_higher_score_never_leads_to_a_lower_rung(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert climb(LADDER, (), _at(low))[0] <= climb(LADDER, (), _at(high))[0]


# --- hysteresis --------------------------------------------------------------------------------------


@given(st.lists(st.floats(40.0, 60.0), min_size=1), st.booleans())
def test_a_score_between_clear_and_at_never_flaps(scores: list[float], above: bool) -> None:
    """From whichever side the border is met, the rung changes at most once: upwards, at `at`."""
    memory = (1.0, 0.0, 0.0, math.nan) if above else fresh(LADDER)
    seen = []
    for now, score in enumerate(scores):
        rung, memory = climb(LADDER, memory, _at(score, float(now)))
        seen.append(rung)
    assert seen == sorted(seen)
    assert set(seen) <= ({1} if above else {0, 1})


# --- holds -------------------------------------------------------------------------------------------


def test_somebody_who_is_raised_stands_there_at_least_and_until_then() -> None:
    memory = hold(LADDER, (), 50.0, until=100.0)
    rung, memory = climb(LADDER, memory, _at(0.0, now=1.0))
    assert (rung, held(memory)) == (1, True)
    rung, memory = climb(LADDER, memory, _at(90.0, now=2.0))
    assert rung == 1
    rung, memory = climb(LADDER, memory, _at(90.0, now=602.0))
    assert (rung, held(memory)) == (2, False)


def test_what_was_held_by_people_is_not_held_by_hysteresis_afterwards() -> None:
    memory = hold(LADDER, (), 50.0, until=100.0)
    _, memory = climb(LADDER, memory, _at(45.0, now=99.0))
    assert climb(LADDER, memory, _at(45.0, now=100.0))[0] == 0


def test_somebody_who_is_pardoned_for_a_while_stands_nowhere_whatever_is_found() -> None:
    memory = hold(LADDER, (2.0, 0.0, 0.0, 0.0), -1.0, until=100.0)
    rung, memory = climb(LADDER, memory, _at(95.0, now=1.0, floor=2))
    assert (rung, held(memory)) == (-1, True)
    assert climb(LADDER, memory, _at(95.0, now=100.0))[0] == 2


def test_a_hold_does_not_count_where_nothing_may_act_and_is_not_forgotten() -> None:
    memory = hold(LADDER, (), 85.0, until=100.0)
    still = Climb(0.0, 0, 0.0, -1, 1.0, obeys=False)
    rung, memory = climb(LADDER, memory, still)
    assert rung == -1
    assert climb(LADDER, memory, _at(0.0, now=2.0))[0] == 2


def test_a_hold_outlives_a_ladder_that_changes_its_rungs() -> None:
    shorter = Ladder("test", LADDER.rungs[1:])
    assert climb(shorter, hold(LADDER, (), 50.0, until=9.0), _at(0.0))[0] == 0


def test_a_new_hold_takes_the_place_of_the_old_one() -> None:
    memory = hold(LADDER, hold(LADDER, (), 85.0, until=100.0), 20.0, until=50.0)
    assert climb(LADDER, memory, _at(0.0))[0] == 0
    assert len(memory) == len(fresh(LADDER)) + 3


@given(
    st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 100.0), st.integers(0, 3), st.floats(0, 5000)
)
def test_raising_never_lowers(score: float, least: float, now: float, policies: int, age: float) -> None:
    state = _at(score, now, policies, age)
    alone, _ = climb(LADDER, fresh(LADDER), state)
    raised, _ = climb(LADDER, hold(LADDER, fresh(LADDER), least, until=1e9), state)
    assert raised >= alone
