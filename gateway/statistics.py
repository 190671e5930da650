"""Intervals and tests for counts of principals: what may be claimed from so many hits among so many.

Pure arithmetic, without scipy: everything here is a tail of the binomial distribution, hence one regularised
incomplete beta function and bisection. Exact (Clopper-Pearson) intervals are for gates, Wilson's for glances:
at a true rate of 0.1 % and 1,000 principals Wilson's 95 % covers 92.0 %, the exact one 98.1 %. What is
counted is the business of `gateway.evaluation`; count principals, never requests: they are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

LEVEL = 0.95
"""Confidence of every interval, and of every one-sided bound."""
_Z = 1.959963984540054
"""The normal quantile of 0.975."""
_TINY = 1e-300
_BISECTIONS = 60
"""Halvings of 0…1: the last step is below 1e-18."""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of`, with the exact two-sided interval and the one-sided upper bound, as shares 0…1."""

    hits: int
    of: int
    low: float
    high: float
    upper: float

    @property
    def rate(self) -> float | None:
        """The observed share; None of nothing."""
        return self.hits / self.of if self.of else None


def share(hits: int, of: int) -> Share:
    """The share with its exact intervals; of nothing, anything is possible (0…1). Raises ValueError."""
    low, high = clopper_pearson(hits, of)
    return Share(hits, of, low, high, upper_bound(hits, of))


def beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b) for 0 ≤ x ≤ 1 and positive a, b."""
    if x <= 0.0 or x >= 1.0:
        return min(1.0, max(0.0, x))
    # The continued fraction (Lentz's method; Numerical Recipes 6.4) converges fast on this side of the mean.
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta(1.0 - x, b, a)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    value = d = 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    c, m, step = 1.0, 0, 0.0
    # About sqrt(max(a, b)) rounds are needed: two hundred for a hundred thousand principals.
    while abs(step - 1.0) > 1e-15 and m < 10_000:
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            step = c * d
            value *= step
    return value


def _away(value: float) -> float:
    """Not zero, so that it can be divided by."""
    return value if abs(value) > _TINY else _TINY


def _solve(rises: Callable[[float], bool]) -> float:
    """The point in 0…1 up to which `rises` is true."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) else (low, middle)
    return (low + high) / 2


def _check(hits: int, of: int) -> None:
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")


def _upper(hits: int, of: int, tail: float) -> float:
    # P(X <= hits) at rate p is 1 - I_p(hits + 1, of - hits): the bound is where it falls to `tail`.
    return 1.0 if hits == of else _solve(lambda p: beta(p, hits + 1, of - hits) < 1.0 - tail)


def clopper_pearson(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact two-sided interval (Clopper and Pearson, 1934). Raises ValueError."""
    _check(hits, of)
    tail = (1.0 - level) / 2
    low = 0.0 if hits == 0 else _solve(lambda p: beta(p, hits, of - hits + 1) < tail)
    return low, _upper(hits, of, tail)


def upper_bound(hits: int, of: int, level: float = LEVEL) -> float:
    """The exact one-sided upper bound. Raises ValueError."""
    _check(hits, of)
    return _upper(hits, of, 1.0 - level)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval. Raises ValueError."""
    _check(hits, of)
    if not of:
        return 0.0, 1.0
    rate, z = hits / of, _Z
    middle = rate + z * z / (2 * of)
    half = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def needed(bound: float, hits: int = 0, level: float = LEVEL) -> int:
    """How many must be observed to claim at most `bound` with so many hits. Raises ValueError.

    With none it is log(1 - level) / log(1 - bound): 299 for 1 % at 95 %.
    """
    if not 0.0 < bound < 1.0:
        raise ValueError("a bound is a share between 0 and 1")
    low = high = max(1, hits)
    while upper_bound(hits, high, level) > bound:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if upper_bound(hits, middle, level) > bound else (low, middle)
    return low


def allowed(of: int, bound: float, level: float = LEVEL) -> int | None:
    """The most hits among so many that still prove a share of at most `bound`; None: not even zero do.

    Also an order statistic: with 95 % confidence at most `bound` of all lie beyond the value that so many of
    the observed exceed. Raises ValueError.
    """
    if needed(bound, 0, level) > of:
        return None
    low, high = 0, of
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if upper_bound(middle, of, level) <= bound else (low, middle - 1)
    return low


def mcnemar(worse: int, better: int) -> float:
    """The exact two-sided p of McNemar's test: so many changed one way, so many the other.

    Raises ValueError for negative numbers.
    """
    changed = worse + better
    _check(min(worse, better), changed)
    few = min(worse, better)
    # P(X <= few) of a fair coin; I_½(changed - few, few + 1) is that sum.
    return 1.0 if 2 * few == changed else min(1.0, 2.0 * beta(0.5, changed - few, few + 1))


def precision(detected: float, prevalence: float, false_hits: float) -> float | None:
    """The share of hits that are right, at this detection rate, base rate and benign hit rate (all 0…1)."""
    right = detected * prevalence
    total = right + false_hits * (1.0 - prevalence)
    return right / total if total else None
