"""Intervals and tests against a table of figures, closed forms and their own definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.statistics import (
    allowed,
    beta,
    clopper_pearson,
    mcnemar,
    needed,
    precision,
    share,
    upper_bound,
    wilson,
)

TABLE = [
    # hits, of, Wilson, Clopper-Pearson, one-sided upper bound; in percent
    (0, 20, (0, 16.1), (0, 16.8), 13.9),
    (0, 50, (0, 7.1), (0, 7.1), 5.8),
    (0, 300, (0, 1.26), (0, 1.22), 0.99),
    (0, 1000, (0, 0.38), (0, 0.37), 0.30),
    (0, 3000, (0, 0.13), (0, 0.12), 0.10),
    (3, 300, (0.34, 2.90), (0.21, 2.89), None),
    (9, 12, (46.8, 91.1), (42.8, 94.5), None),
    (45, 50, (78.6, 95.7), (78.2, 96.7), None),
]
counts = st.integers(0, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


def _tail(hits: int, of: int, rate: float) -> float:
    """P(X <= hits) by adding up."""
    return math.fsum(math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(hits + 1))


def _digits(value: float) -> float:
    return 0.051 if value >= 3 else 0.0051


@pytest.mark.parametrize(("hits", "of", "glance", "exact", "bound"), TABLE)
def test_the_intervals_are_those_of_the_table(
    hits: int, of: int, glance: tuple[float, float], exact: tuple[float, float], bound: float | None
) -> None:
    for found, said in ((wilson(hits, of), glance), (clopper_pearson(hits, of), exact)):
        assert 100 * found[0] == pytest.approx(said[0], abs=_digits(said[0]))
        assert 100 * found[1] == pytest.approx(said[1], abs=_digits(said[1]))
    if bound is not None:
        assert 100 * upper_bound(hits, of) == pytest.approx(bound, abs=_digits(bound))


@pytest.mark.parametrize(("bound", "principals"), [(0.05, 59), (0.01, 299), (0.005, 598), (0.001, 2995)])
def test_so_many_without_a_hit_make_a_claim(bound: float, principals: int) -> None:
    assert needed(bound) == principals
    assert principals == math.ceil(math.log(0.05) / math.log(1 - bound))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 20), st.sampled_from([0.01, 0.05, 0.3, 0.9]))
def test_the_number_needed_is_the_smallest_that_suffices(hits: int, bound: float) -> None:
    found = needed(bound, hits)
    assert upper_bound(hits, found) <= bound
    assert found <= max(1, hits) or upper_bound(hits, found - 1) > bound


@pytest.mark.parametrize("bound", [0.0, 1.0, -1.0])
def test_a_bound_of_nothing_or_everything_cannot_be_reached(bound: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        needed(bound)


@settings(deadline=None, max_examples=50)
@given(counts)
def test_an_exact_limit_is_where_the_tail_is_what_was_asked_for(count: tuple[int, int]) -> None:
    hits, of = count
    low, high = clopper_pearson(hits, of)
    assert low == 0 if hits == 0 else 1 - _tail(hits - 1, of, low) == pytest.approx(0.025, rel=1e-6)
    assert high == 1 if hits == of else _tail(hits, of, high) == pytest.approx(0.025, rel=1e-6)
    if hits < of:
        assert _tail(hits, of, upper_bound(hits, of)) == pytest.approx(0.05, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(counts)
def test_every_interval_holds_what_was_observed(count: tuple[int, int]) -> None:
    found = share(*count)
    glance = wilson(*count)
    if found.rate is None:
        assert (found.low, found.high, found.upper, glance) == (0.0, 1.0, 1.0, (0.0, 1.0))
    else:
        assert found.low <= found.rate <= found.upper <= found.high
        assert glance[0] - 1e-12 <= found.rate <= glance[1] + 1e-12


@settings(deadline=None, max_examples=50)
@given(st.floats(0.001, 0.999), st.integers(1, 60), st.integers(1, 60))
def test_the_beta_function_is_a_binomial_tail(x: float, a: int, b: int) -> None:
    assert beta(x, a, b) == pytest.approx(1 - _tail(a - 1, a + b - 1, x), abs=1e-12)


def test_the_beta_function_ends_at_nought_and_one() -> None:
    assert (beta(0.0, 2, 3), beta(1.0, 2, 3)) == (0.0, 1.0)
    assert beta(0.25, 1, 1) == pytest.approx(0.25)


def test_a_large_count_is_still_exact() -> None:
    assert upper_bound(0, 100_000) == pytest.approx(1 - 0.05 ** (1 / 100_000), rel=1e-9)
    assert clopper_pearson(50_000, 100_000)[0] == pytest.approx(wilson(50_000, 100_000)[0], abs=2e-5)


@pytest.mark.parametrize("hits", [-1, 6])
def test_more_hits_than_observations_are_refused(hits: int) -> None:
    for asked in (share, clopper_pearson, upper_bound, wilson):
        with pytest.raises(ValueError, match="no share"):
            asked(hits, 5)
    with pytest.raises(ValueError, match="no share"):
        mcnemar(-1, 3)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_fair_coin_looked_at_from_both_sides(worse: int, better: int) -> None:
    few, changed = min(worse, better), worse + better
    expected = min(1.0, 2 * _tail(few, changed, 0.5))
    assert mcnemar(worse, better) == pytest.approx(expected)
    assert mcnemar(worse, better) == mcnemar(better, worse)


def test_mcnemar_needs_six_of_six_to_speak_at_five_percent() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(6, 0) == pytest.approx(0.03125)


def test_the_base_rate_decides_how_many_hits_are_right() -> None:
    assert precision(0.8, 0.001, 0.005) == pytest.approx(0.138, abs=0.0005)
    assert precision(0.8, 0.001, 0.001) == pytest.approx(0.445, abs=0.0005)
    assert precision(0.0, 0.5, 0.0) is None


def test_the_most_hits_that_still_prove_a_bound() -> None:
    assert [allowed(of, 0.01) for of in (298, 299, 472, 473)] == [None, 0, 0, 1]
    with pytest.raises(ValueError, match="between 0 and 1"):
        allowed(10, 1.0)


@given(st.integers(0, 900), st.sampled_from([0.003, 0.01, 0.05, 0.2, 0.9]))
def test_more_principals_never_allow_fewer_hits_nor_prove_a_worse_bound(of: int, bound: float) -> None:
    most = allowed(of, bound)
    if most is None:
        assert upper_bound(0, of) > bound
        return
    assert upper_bound(most, of) <= bound
    assert most == of or upper_bound(most + 1, of) > bound
    more = allowed(of + 1, bound)
    assert more is not None
    assert more >= most
    assert upper_bound(most, of + 1) <= upper_bound(most, of) + 1e-12
