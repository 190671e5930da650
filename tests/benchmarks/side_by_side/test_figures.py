"""The arithmetic of the suite: costs, medians, ratios within rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.side_by_side.figures import Figures, Sample
from tests.benchmarks.side_by_side.support import sample

costs = st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=9)


def test_a_cost_is_microseconds_per_request_or_per_event() -> None:
    assert sample("shadow", "J", requests=2000, cpu=0.5).cost == 250.0
    assert sample("shadow", "B", chunks=100_000, requests=500, cpu=0.5).cost == 5.0


def test_the_cost_without_a_proxy_is_the_model_servers() -> None:
    assert sample("direct", "J", requests=1000, cpu=0.0, others=0.01).cost == 10.0


def test_a_window_with_failures_or_without_answers_is_no_measurement() -> None:
    assert sample("shadow", "J", cpu=0.5, errors=1, error="no").cost is None
    assert sample("shadow", "J", cpu=0.5, requests=0).cost is None
    cell = Figures([sample("shadow", "J", cpu=0.5, errors=1, error="no")], {}).cell("shadow", "J")
    assert (cell.cost, cell.rate, cell.errors, cell.error) == (None, None, 1, "no")


def test_a_cell_holds_medians_and_the_spread_of_costs() -> None:
    spent = [0.3, 0.1, 0.2]
    figures = Figures(
        [sample("shadow", "J", at, cpu=cpu, latency=(0.001, 0.004)) for at, cpu in enumerate(spent)], {}
    )
    cell = figures.cell("shadow", "J")
    assert (cell.low, cell.cost, cell.high) == pytest.approx((100, 200, 300))
    assert (cell.rate, cell.core) == pytest.approx((1000, 0.2))
    assert (cell.median_ms, cell.p99_ms, cell.delay_ms) == (1.0, 4.0, None)


@given(costs, st.floats(1.0, 5.0))
def test_neighbours_that_slow_a_round_down_leave_the_ratio_alone(spent: list[float], factor: float) -> None:
    samples: list[Sample] = []
    for at, cpu in enumerate(spent):
        samples += [sample("shadow", "J", at, cpu=cpu), sample("litellm", "J", at, cpu=cpu * factor)]
    figures = Figures(samples, {})
    assert figures.ratio("litellm", "shadow", "J") == pytest.approx(factor)
    assert figures.ratio("shadow", "litellm", "J") == pytest.approx(1 / factor)


def test_a_ratio_uses_only_rounds_that_both_have() -> None:
    figures = Figures(
        [
            sample("shadow", "J", 0, cpu=0.1),
            sample("envoy", "J", 0, cpu=0.2),
            sample("shadow", "J", 1, cpu=0.9),
            sample("envoy", "J", 1, cpu=9.0, errors=3),
            sample("shadow", "J", 2, cpu=0.9),
        ],
        {},
    )
    assert figures.ratio("envoy", "shadow", "J") == pytest.approx(2)
    assert figures.ratio("nginx", "shadow", "J") is None


def test_a_stream_takes_what_the_tree_grows_by_in_the_first_round() -> None:
    samples = [
        sample("shadow", "S500", 1, memory=90_000_000, before=90_000_000),
        sample("shadow", "S500", 0, memory=60_000_000, before=50_000_000),
    ]
    assert Figures(samples, {}).stream_memory("shadow") == 20_000
    assert Figures(samples, {}).stream_memory("envoy") is None
    assert Figures([sample("shadow", "S500")], {}).stream_memory("shadow") is None
