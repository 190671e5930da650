"""Sums that fade exactly, less what came again: against a plain list, and merged in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observations import Fresh
from gateway.stores.fresh import KEPT, FreshSums

DAY = 86400.0
READ = Fresh("k", 28 * DAY)
SPREAD = 0x9E3779B97F4A7C15
events = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100), st.integers(1, 9)), max_size=40)


def write(item: int, amount: float = 1.0) -> Fresh:
    return Fresh("k", 28 * DAY, (amount, 1.0), (item * SPREAD % 2**64,))


def filled(*given: tuple[int, float, float]) -> FreshSums:
    made = FreshSums(2)
    for item, day, amount in given:
        made.update(write(item, amount), day * DAY)
    return made


@given(events)
def test_the_sums_are_those_of_a_list_whatever_the_order(given: list[tuple[int, int, int]]) -> None:
    share, amount, count = filled(*given).update(READ, 100 * DAY).values
    faded = [0.5 ** ((100 - day) / 28) for _, day, _ in given]
    assert count == pytest.approx(sum(faded))
    assert amount == pytest.approx(sum(f * one[2] for f, one in zip(faded, given, strict=True)))
    assert 0.0 <= share <= 1.0


@given(events)
def test_reading_changes_nothing(given: list[tuple[int, int, int]]) -> None:
    made = filled(*given)
    first = made.update(READ, 300 * DAY)
    made.update(READ, 500 * DAY)
    assert made.update(READ, 300 * DAY) == first


@given(st.lists(st.integers(0, 30), min_size=1, max_size=KEPT))
def test_up_to_the_sample_the_share_of_different_inputs_is_exact(items: list[int]) -> None:
    share = filled(*((item, 1.0, 1.0) for item in items)).update(READ, DAY).values[0]
    assert share == pytest.approx(len(set(items)) / len(items))


def test_what_never_comes_again_is_counted_exactly_however_much_it_is() -> None:
    made = filled(*((item, 1.0, 3.0) for item in range(5000)))
    assert made.update(READ, DAY).values == (1.0, 15000.0, 5000.0)


def test_beyond_the_sample_the_share_is_near_the_truth() -> None:
    made = filled(*((item, 1.0, 1.0) for _ in range(4) for item in range(2000)))
    assert made.update(READ, DAY).values[0] == pytest.approx(0.25, abs=0.1)
    assert len(made.items) <= KEPT


def test_a_suite_that_is_run_every_eight_weeks_stays_one_suite() -> None:
    made = filled(*((item, 56.0 * run, 1.0) for run in range(5) for item in range(20)))
    assert made.update(READ, 230 * DAY).values[0] < 0.6


def test_how_often_one_input_came_has_a_bound() -> None:
    made = filled((1, 1.0, 1.0))
    made.times[0] = 65535
    made.update(write(1), DAY)
    assert made.times[0] == 65535


@given(events, events, events)
def test_merging_in_any_order_and_grouping_gives_the_same(
    a: list[tuple[int, int, int]], b: list[tuple[int, int, int]], c: list[tuple[int, int, int]]
) -> None:
    def merged(*parts: FreshSums) -> FreshSums:
        first, *others = parts
        for other in others:
            first.merge(other, READ)
        return first

    left = merged(filled(*a), filled(*b), filled(*c))
    right = merged(filled(*c), merged(filled(*b), filled(*a)))
    one, other = (made.update(READ, 200 * DAY).values[1:] for made in (left, right))
    assert one == pytest.approx(other)
    assert one == pytest.approx(filled(*a, *b, *c).update(READ, 200 * DAY).values[1:])
    assert left.items == right.items


@given(st.lists(st.integers(0, 40), max_size=60), st.lists(st.integers(0, 40), max_size=60))
def test_replicas_that_merge_know_what_came_again_at_the_other(one: list[int], two: list[int]) -> None:
    whole = filled(*((item, 1.0, 1.0) for item in one + two))
    half = filled(*((item, 1.0, 1.0) for item in one))
    half.merge(filled(*((item, 1.0, 1.0) for item in two)), READ)
    assert half.update(READ, DAY).values == pytest.approx(whole.update(READ, DAY).values)


def test_merging_nothing_changes_nothing() -> None:
    empty = FreshSums(2)
    empty.merge(FreshSums(2), READ)
    assert empty.update(READ, DAY).values == (0.0, 0.0, 0.0)


def test_it_stays_small() -> None:
    assert filled(*((item, 1.0, 1.0) for item in range(10_000))).nbytes() < 1200
