"""The rhythm of arrivals."""

from __future__ import annotations

import pytest

from gateway.model import Measure
from tests.signals.support import bench


def test_a_metronome_has_no_variation_and_people_have_much() -> None:
    regular = bench("cadence", {"metric": "interval_cv", "over": "1h", "min": 5})
    for i in range(8):
        regular.now = 10.0 * i
        last = regular.send()
    assert last == Measure(0.0, 6)

    irregular = bench("cadence", {"metric": "interval_cv", "over": "1h", "min": 5})
    for at in (0, 1, 2, 200, 201, 900, 901):
        irregular.now = float(at)
        last = irregular.send()
    assert last is not None
    assert last.value > 1


def test_there_is_no_verdict_before_enough_calls() -> None:
    signal = bench("cadence", {"metric": "interval_cv", "over": "1h", "min": 3})
    assert [signal.send() for _ in range(4)] == [None] * 4
    assert signal.send() is not None


@pytest.mark.parametrize(("hours", "active"), [(1, 1.0), (5, 5.0), (23, 23.0)])
def test_active_hours_count_hours_with_a_call_in_them(hours: int, active: float) -> None:
    signal = bench("cadence", {"metric": "active_hours", "over": "24h", "min": 1})
    for hour in range(hours):
        for minute in (1, 2):
            signal.now = 3600.0 * hour + 60 * minute
            signal.send()
    assert signal.send() == Measure(active, 2 * hours)
