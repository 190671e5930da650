"""The gateway and the baselines under one ruler."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.detection import compare
from benchmarks.detection.accounts import Account
from benchmarks.detection.baselines import Baseline
from benchmarks.detection.baselines.rate import baselines, counts
from tests.benchmarks.detection.support import account, role


def deployment() -> dict[str, Account]:
    honest = {f"p{at}": account(role(f"p{at}", "chat", benign=True), 30) for at in range(40)}
    return honest | {f"a{at}": account(role(f"a{at}", "sweep"), 30) for at in range(4)}


def rival(values: dict[str, float]) -> Baseline:
    return Baseline("rival", "", {name: [values.get(name, 0.0)] * 30 for name in deployment()})


def test_a_baseline_is_cut_where_it_costs_as_much_as_is_allowed() -> None:
    made = rival({"p0": 9.0, "p1": 5.0, "a0": 7.0, "a1": 4.0})
    (free,) = compare.at_same_cost(deployment(), [made], 0)
    (one,) = compare.at_same_cost(deployment(), [made], 1)
    (two,) = compare.at_same_cost(deployment(), [made], 2)
    assert [(row.honest.hits, row.caught[0].principals.hits) for row in (free, one, two)] == [
        (0, 0), (1, 1), (2, 2),
    ]  # fmt: skip


def test_a_calibrated_baseline_pays_for_a_half_that_looks_like_an_attack() -> None:
    accounts = deployment()
    loud = {name: 5.0 for name, own in accounts.items() if own.role.benign and own.role.fold}
    (row,) = compare.calibrated(accounts, [rival({"a0": 9.0, **loud})], 0.01)
    assert row.honest.hits == len(loud)
    assert row.recall >= 0.25


def test_precision_falls_with_prevalence_and_its_bound_is_below_what_was_seen() -> None:
    (row,) = compare.at_same_cost(deployment(), [rival({"p0": 9.0, "a0": 9.5, "a1": 9.5})], 1)
    bounds = [right.bound or 0.0 for right in row.precision]
    assert bounds == sorted(bounds, reverse=True)
    assert all((right.seen or 0.0) > bound > 0 for right, bound in zip(row.precision, bounds, strict=True))


def test_without_any_alarm_there_is_no_precision() -> None:
    (row,) = compare.at_same_cost(deployment(), [rival({})], 0)
    assert {right.seen for right in row.precision} == {None}


def test_a_sample_takes_the_same_few_of_every_group_and_none_that_sent_too_little() -> None:
    accounts = deployment() | {"short": account(role("short", "other"), 3)}
    drawn = compare.sampled(accounts, 10, 2)
    assert drawn == compare.sampled(accounts, 10, 2)
    assert sorted(own.role.scenario for own in drawn.values()) == ["chat", "chat", "sweep", "sweep"]


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=40).map(sorted), st.floats(0.1, 1e4))
def test_a_rate_is_the_number_of_requests_in_the_window_that_ends_now(
    times: list[float], window: float
) -> None:
    seen = [sum(now - window < other <= now for other in times[: at + 1]) for at, now in enumerate(times)]
    assert counts(times, window) == array("f", seen)


def test_there_is_a_rate_for_every_window() -> None:
    rates = {one.name: one.scores["a0"] for one in baselines(deployment())}
    assert [rates[f"rate per {name}"][-1] for name in ("minute", "hour", "day")] == [
        pytest.approx(1), pytest.approx(1), pytest.approx(24),
    ]  # fmt: skip
