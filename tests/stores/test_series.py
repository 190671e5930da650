"""Amounts per period against their own past: order and replicas make no difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Reading
from gateway.observations import Series
from gateway.stores.series import FEW, SLACK, SeriesRows

DAY = 86400.0
events = st.lists(st.tuples(st.integers(0, 80), st.integers(1, 500)), max_size=60)


def op(amount: float = 0.0, calls: float = 0.0, *, share: bool = False, least: float = 10.0) -> Series:
    return Series("k", 56 * DAY, 14, least, share, (amount, calls))


def filled(*given: tuple[float, float], share: bool = False, calls: float = 1.0) -> SeriesRows:
    made = SeriesRows()
    for day, amount in given:
        made.update(op(amount, calls, share=share), day * DAY)
    return made


def regular(days: int, amount: float = 100.0) -> list[tuple[float, float]]:
    return [(float(day), amount) for day in range(days)]


def test_before_anything_there_is_nothing() -> None:
    assert SeriesRows().update(op(), 5 * DAY) == Reading((0.0, 10.0, 0.0))


def test_who_stays_as_he_was_has_no_excess() -> None:
    assert filled(*regular(40)).update(op(), 40 * DAY).values == pytest.approx((40.0, 100.0, 0.0))


def test_an_excess_shows_on_its_day_and_stays_when_it_has_ended() -> None:
    made = filled(*regular(20), (20.5, 1000.0))
    assert made.update(op(), 20.9 * DAY).values == pytest.approx((20.0, 100.0, 10 - 1 - SLACK))
    active, usual, excess = made.update(op(), 21.1 * DAY).values
    assert active == 21.0
    assert excess == pytest.approx(8.5)
    assert 100.0 < usual < 106.0  # it learns of at most twice itself


def test_quiet_days_take_off_what_a_busy_one_added() -> None:
    made = filled(*regular(20), (20.0, 500.0))
    assert [round(made.update(op(), day * DAY).values[2], 1) for day in (21, 22, 23, 24)] == [
        3.5,
        2.0,
        0.5,
        0.0,
    ]


def test_the_first_periods_make_the_usual_and_never_an_excess() -> None:
    wild = [(float(day), 1.0 + 999.0 * (day == 13)) for day in range(14)]
    assert filled(*wild).update(op(), 14 * DAY).values == pytest.approx((14.0, 1013 / 14, 0.0))


def test_the_usual_is_never_less_than_the_least() -> None:
    made = filled(*regular(20, 1.0), (20.0, 25.0))
    assert made.update(op(), 20.5 * DAY).values == pytest.approx((20.0, 10.0, 1.0))


def test_a_period_without_calls_counts_as_nothing_and_is_not_active() -> None:
    made = filled(*((float(day), 70.0) for day in range(0, 35, 7)))
    active, usual, excess = made.update(op(), 35 * DAY).values
    assert active == 5.0
    assert usual == pytest.approx(10.0, abs=3)
    assert excess == 0.0


def test_what_is_older_than_all_periods_is_forgotten() -> None:
    made = filled(*regular(20))
    assert made.update(op(), 76 * DAY).values == (0.0, 10.0, 0.0)
    assert len(made.rows) == 0


def test_a_share_is_compared_where_there_are_calls_enough() -> None:
    made = SeriesRows()
    for day in range(20):
        made.update(op(2.0, FEW, share=True, least=0.05), day * DAY)
    made.update(op(1.0, 1.0, share=True, least=0.05), 20 * DAY)
    quiet = made.update(op(share=True, least=0.05), 20.5 * DAY)
    assert quiet.values == pytest.approx((20.0, 0.1, 0.0))
    made.update(op(39.0, 39.0, share=True, least=0.05), 20.6 * DAY)
    busy = made.update(op(share=True, least=0.05), 20.7 * DAY)
    assert busy.values == pytest.approx((20.0, 0.1, 1.0 / 0.1 - 1 - SLACK))
    made.update(op(1.0, 1.0, share=True, least=0.05), 21.5 * DAY)
    assert made.update(op(share=True, least=0.05), 22.5 * DAY).values[0] == 21.0


@given(events, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(given: list[tuple[int, int]], dice: object) -> None:
    mixed = list(given)
    dice.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    # The latest first sets the window for both.
    one, other = (filled((80.0, 1.0), *order).update(op(), 80.5 * DAY) for order in (given, mixed))
    assert one.values == pytest.approx(other.values)


@given(events, events)
def test_replicas_that_merge_see_what_one_would_have_seen(
    a: list[tuple[int, int]], b: list[tuple[int, int]]
) -> None:
    whole = filled((80.0, 1.0), *a, *b).update(op(), 80.5 * DAY)
    for first, second in ((a, b), (b, a)):
        half, other = filled((80.0, 1.0), *first), filled(*second)
        half.merge(other)
        assert half.update(op(), 80.5 * DAY).values == pytest.approx(whole.values)


@given(events)
def test_reading_once_or_often_gives_the_same(given: list[tuple[int, int]]) -> None:
    ordered = sorted(given)
    often = SeriesRows()
    for day, amount in ordered:
        often.update(op(), day * DAY)
        often.update(op(float(amount), 1.0), day * DAY)
    assert often.update(op(), 81 * DAY) == filled(*ordered).update(op(), 81 * DAY)


def test_it_stays_small() -> None:
    assert filled(*regular(200)).nbytes() < 2000
