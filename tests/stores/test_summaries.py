"""The summaries count what a plain list would, forget what left the window, and merge in any order."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Distinct, Gap, Peaks, Recent, Register, Sum, Take
from gateway.stores.summaries import (
    SKETCH,
    DistinctSketch,
    FadingPeaks,
    GapStatistics,
    LastRegister,
    RecentItems,
    TokenBucket,
    WindowSum,
)

times = st.floats(0, 10_000, allow_nan=False).map(lambda t: round(t, 3))
READ = Sum("k", 120.0, (0.0, 0.0))


def _sum(*amounts: float) -> Sum:
    return Sum("k", 120.0, amounts)


@given(st.lists(st.tuples(times, st.integers(1, 9)), max_size=40))
def test_a_window_sum_is_the_sum_of_its_slices_even_when_events_arrive_out_of_order(
    events: list[tuple[float, int]],
) -> None:
    window = WindowSum(2)
    latest = 0.0
    for at, amount in events:
        latest = max(latest, at)
        window.update(_sum(float(amount), 1.0), at)
    last_slot = math.floor(latest / 10)
    inside = [amount for at, amount in events if last_slot - 12 < math.floor(at / 10)]
    total, count, slices = window.update(READ, latest).values
    assert (total, count) == (sum(inside), len(inside))
    assert slices == len({math.floor(at / 10) for at, _ in events if last_slot - 12 < math.floor(at / 10)})


def test_a_window_sum_forgets_what_left_the_window() -> None:
    window = WindowSum(2)
    window.update(_sum(5.0, 1.0), 0.0)
    assert window.update(READ, 119.0).values == (5.0, 1.0, 1.0)
    assert window.update(READ, 120.0).values == (0.0, 0.0, 0.0)
    assert len(window.rows) == 0


def test_a_late_event_older_than_the_window_is_not_seen_after_the_next_reading() -> None:
    window = WindowSum(1)
    op = Sum("k", 120.0, (1.0,))
    window.update(op, 1000.0)
    window.update(op, 985.0)
    assert window.update(Sum("k", 120.0, (0.0,)), 1000.0).values == (2.0, 2.0)


def test_what_arrives_late_in_a_slice_that_was_forgotten_counts_again() -> None:
    window = WindowSum(1)
    op, read = Sum("k", 120.0, (1.0,)), Sum("k", 120.0, (0.0,))
    window.update(op, 0.0)
    assert window.update(read, 120.0).values == (0.0, 0.0)
    assert window.update(op, 0.0).values == (1.0, 1.0)


@given(st.sets(st.integers(0, 2**64 - 1), max_size=SKETCH - 1))
def test_few_distinct_items_are_counted_exactly(items: set[int]) -> None:
    sketch = DistinctSketch()
    for item in [*items, *items]:
        sketch.update(Distinct("k", 60.0, (item,)), 1.0)
    assert sketch.update(Distinct("k", 60.0), 1.0).values == (len(items),)


def test_many_distinct_items_are_estimated_within_three_standard_errors() -> None:
    sketch = DistinctSketch()
    for i in range(20_000):
        item = (i * 0x9E3779B97F4A7C15) % 2**64
        sketch.update(Distinct("k", 60.0, (item,)), i * 59 / 20_000)
    (estimate,) = sketch.update(Distinct("k", 60.0), 59.0).values
    assert estimate == pytest.approx(20_000, rel=3 * 0.127)


def test_distinct_items_leave_with_their_slice_and_late_ones_find_theirs() -> None:
    sketch = DistinctSketch()
    sketch.update(Distinct("k", 60.0, (7,)), 25.0)
    sketch.update(Distinct("k", 60.0, (8,)), 15.0)
    assert sketch.update(Distinct("k", 60.0), 25.0).values == (2.0,)
    assert sketch.update(Distinct("k", 60.0), 70.0).values == (1.0,)
    assert sketch.update(Distinct("k", 60.0), 80.0).values == (0.0,)


def test_an_item_that_comes_again_later_stays_as_long_as_if_it_had_come_then_only() -> None:
    sketch = DistinctSketch()
    for at in (25.0, 15.0, 25.0, 35.0, 35.0):
        sketch.update(Distinct("k", 60.0, (7,)), at)
    assert sketch.update(Distinct("k", 60.0), 89.0).values == (1.0,)
    assert sketch.update(Distinct("k", 60.0), 90.0).values == (0.0,)


def test_gaps_give_count_mean_and_coefficient_of_variation() -> None:
    gaps = GapStatistics()
    for at in (0.0, 10.0, 20.0, 30.0):
        gaps.update(Gap("k", 3600.0, arrive=True), at)
    assert gaps.update(Gap("k", 3600.0), 30.0).values == (3.0, 10.0, 0.0)
    gaps.update(Gap("k", 3600.0, arrive=True), 60.0)
    n, mean, variation = gaps.update(Gap("k", 3600.0), 60.0).values
    assert (n, mean) == (4.0, 15.0)
    assert variation == pytest.approx(math.sqrt(75) / 15)


def test_simultaneous_arrivals_have_no_variation() -> None:
    gaps = GapStatistics()
    for _ in range(3):
        gaps.update(Gap("k", 3600.0, arrive=True), 5.0)
    assert gaps.update(Gap("k", 3600.0), 5.0).values == (2.0, 0.0, 0.0)
    assert GapStatistics().update(Gap("k", 60.0), 5.0).values == (0.0, 0.0, 0.0)


def test_recent_items_keep_the_last_and_report_those_before() -> None:
    recent = RecentItems()
    op = Recent("k", keep=2, size=1)
    assert recent.update(Recent("k", 2, 1, data=b"ab"), 1.0).data == b""
    assert recent.update(Recent("k", 2, 1, data=b"c"), 2.0).data == b"ab"
    assert recent.update(op, 3.0).data == b"bc"


def _words(*items: int) -> bytes:
    return array("Q", items).tobytes()


def test_a_unique_item_that_comes_again_moves_to_the_end() -> None:
    recent = RecentItems()
    recent.update(Recent("k", 3, 8, unique=True, data=_words(1, 2, 3)), 1.0)
    recent.update(Recent("k", 3, 8, unique=True, data=_words(1, 1)), 2.0)
    assert recent.data == _words(2, 3, 1)
    recent.update(Recent("k", 3, 8, unique=True, data=_words(4)), 3.0)
    assert recent.data == _words(3, 1, 4)


def test_peaks_fade_by_half_per_half_life_and_rise_at_once_each_by_itself() -> None:
    peaks = FadingPeaks(2)
    assert peaks.update(Peaks("k", 60.0, (0.0, 0.0)), 0.0).values == (0.0, 0.0)
    assert peaks.update(Peaks("k", 60.0, (40.0, 0.0)), 0.0).values == (40.0, 0.0)
    assert peaks.update(Peaks("k", 60.0, (10.0, 5.0)), 60.0).values == (20.0, 5.0)
    assert peaks.update(Peaks("k", 60.0, (30.0, 0.0)), 60.0).values == (30.0, 5.0)
    assert peaks.update(Peaks("k", 60.0, (0.0, 0.0)), 0.0).values == (30.0, 5.0)


def test_a_register_returns_what_stood_before_and_ignores_writes_from_the_past() -> None:
    register = LastRegister()
    assert register.update(Register("k", (1.0,)), 5.0).values == ()
    assert register.update(Register("k"), 6.0).values == (1.0,)
    register.update(Register("k", (2.0,)), 4.0)
    assert register.values == (1.0,)


def test_a_bucket_grants_its_burst_then_one_per_interval() -> None:
    bucket, op = TokenBucket(), Take("k", interval=3.0, burst=2)
    assert [bucket.update(op, 0.0).values for _ in range(3)] == [(1.0, 0.0), (1.0, 0.0), (0.0, 3.0)]
    assert bucket.update(op, 2.0).values == (0.0, 1.0)
    assert bucket.update(op, 3.0).values == (1.0, 0.0)


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=60), st.integers(1, 5))
def test_a_bucket_never_grants_more_than_rate_and_burst_allow(arrivals: list[float], burst: int) -> None:
    bucket = TokenBucket()
    granted = [at for at in sorted(arrivals) if bucket.update(Take("k", 10.0, burst), at).values[0]]
    for i, at in enumerate(granted):
        inside = [other for other in granted[: i + 1] if other > at - 10.0]
        assert len(inside) <= burst + 1


def _fill(kind: str, events: list[tuple[float, int]]) -> Any:
    makers: dict[str, tuple[Callable[[], Any], Callable[[int], Any]]] = {
        "sum": (lambda: WindowSum(2), lambda i: _sum(float(i), 1.0)),
        "distinct": (DistinctSketch, lambda i: Distinct("k", 600.0, (i * 2**58,))),
        "register": (LastRegister, lambda i: Register("k", (float(i),))),
        "bucket": (TokenBucket, lambda i: Take("k", 5.0, 2)),
    }
    make, op = makers[kind]
    summary = make()
    for at, item in events:
        summary.update(op(item), at)
    return summary


def _state(kind: str, summary: Any) -> Any:
    if kind == "sum":
        return list(summary.rows), summary.reading
    if kind == "distinct":
        return [(slot, list(hashes)) for slot, hashes in summary.slices]
    return (summary.values, summary.at) if kind == "register" else summary.arrival


side = st.lists(st.tuples(st.floats(500, 560).map(lambda t: round(t, 1)), st.integers(1, 9)), max_size=8)


@pytest.mark.parametrize("kind", ["sum", "distinct", "register", "bucket"])
@given(a=side, b=side, c=side)
def test_merging_is_commutative_and_associative(
    kind: str, a: list[tuple[float, int]], b: list[tuple[float, int]], c: list[tuple[float, int]]
) -> None:
    left = _fill(kind, a)
    left.merge(_fill(kind, b))
    left.merge(_fill(kind, c))
    inner = _fill(kind, c)
    inner.merge(_fill(kind, b))
    right = _fill(kind, a)
    right.merge(inner)
    assert _state(kind, left) == _state(kind, right)


def test_replicas_that_merge_see_what_one_replica_would_have_seen() -> None:
    whole, one, two = WindowSum(1), WindowSum(1), WindowSum(1)
    for i in range(100):
        op = Sum("k", 120.0, (float(i),))
        whole.update(op, float(i))
        (one if i % 3 else two).update(op, float(i))
    one.merge(two)
    read = Sum("k", 120.0, (0.0,))
    assert one.update(read, 100.0) == whole.update(read, 100.0)


def test_gaps_merge_by_addition_and_the_latest_arrival() -> None:
    one, two = GapStatistics(), GapStatistics()
    for at in (0.0, 10.0):
        one.update(Gap("k", 3600.0, arrive=True), at)
    for at in (5.0, 25.0):
        two.update(Gap("k", 3600.0, arrive=True), at)
    one.merge(two)
    assert one.update(Gap("k", 3600.0), 30.0).values[:2] == (2.0, 15.0)
    assert one.last == 25.0


def test_recent_items_merge_by_recency() -> None:
    op = Recent("k", 3, 8, unique=True)

    def side(at: float, *items: int) -> RecentItems:
        made = RecentItems()
        made.update(Recent("k", 3, 8, unique=True, data=_words(*items)), at)
        return made

    one, other = side(5.0, 1, 2), side(1.0, 2, 3)
    one.merge(side(1.0, 2, 3), op)
    other.merge(side(5.0, 1, 2), op)
    assert one.data == other.data == _words(3, 1, 2)


def test_peaks_merge_to_the_higher_at_the_later_time() -> None:
    read = Peaks("k", 60.0, (0.0,))
    for first, second in (((40.0, 0.0), (30.0, 60.0)), ((30.0, 60.0), (40.0, 0.0))):
        one, two = FadingPeaks(1), FadingPeaks(1)
        one.update(Peaks("k", 60.0, (first[0],)), first[1])
        two.update(Peaks("k", 60.0, (second[0],)), second[1])
        one.merge(two, read)
        assert one.update(read, 60.0).values == (30.0,)
    empty = FadingPeaks(1)
    one.merge(empty, read)
    empty.merge(one, read)
    assert empty.peaks == one.peaks
