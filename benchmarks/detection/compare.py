"""The gateway beside the baselines: at the same cost to honest customers, and at equal numbers of requests.

The benign cost of a detector is the number of honest principals with an alarm. Every baseline gets the
threshold that costs as much as the gateway does, chosen on the very principals that are judged: that
flatters the baselines, and spares the comparison an argument. Beside it stands the cross-fitted threshold
for 1 %, which is what an operator could really set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.detection.accounts import Accounts
from benchmarks.detection.baselines import Baseline
from benchmarks.detection.calibrate import cross_fitted, cut, honest
from benchmarks.detection.corpus import FOLDS, fraction
from benchmarks.detection.outcome import (
    Alarms,
    Caught,
    caught,
    threshold,
    within,
)
from gateway.statistics import Share, precision, share, upper_bound

REQUESTS = (20, 50, 100, 200, 500, 1500)
PREVALENCES = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, slots=True)
class Early:
    """Who had been met after so many requests, of those who sent as many."""

    requests: int
    attackers: Share
    honest: Share


@dataclass(frozen=True, slots=True)
class Right:
    """The part of alarms that are right, where so many principals attack."""

    prevalence: float
    seen: float | None
    """With the benign rate as it was seen; None without any alarm."""
    bound: float | None
    """With the one-sided 95 % bound of the benign rate, which is what may be claimed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One detector at one benign cost."""

    name: str
    about: str
    how: str
    honest: Share
    caught: list[Caught]
    early: list[Early]
    precision: list[Right]
    recall: float
    """The mean over scenarios of the part of principals that were met."""


def sampled(accounts: Accounts, least: int, each: int) -> Accounts:
    """At most `each` principals of every scenario and class, of those with at least so many requests."""
    groups: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for name, account in accounts.items():
        if len(account) >= least:
            groups[account.role.benign, account.role.scenario].append(name)
    drawn = {
        name for own in groups.values() for name in sorted(own, key=lambda who: fraction(f"d:{who}"))[:each]
    }
    return {name: account for name, account in accounts.items() if name in drawn}


def compared(name: str, about: str, how: str, accounts: Accounts, alarms: Alarms) -> Compared:
    """A detector's figures from its alarms."""
    names = honest(accounts)
    rows = caught(accounts, alarms)
    hit = share(sum(alarms.get(who) is not None for who in names), len(names))
    recall = fmean(row.principals.rate or 0.0 for row in rows) if rows else 0.0
    early = [Early(count, *within(accounts, alarms, count)) for count in REQUESTS]
    right = [
        Right(
            prevalence,
            precision(recall, prevalence, hit.rate or 0.0),
            precision(recall, prevalence, upper_bound(hit.hits, hit.of)),
        )
        for prevalence in PREVALENCES
    ]
    return Compared(name, about, how, hit, rows, early, right, recall)


def at_same_cost(accounts: Accounts, baselines: Iterable[Baseline], allowed: int) -> list[Compared]:
    """Every baseline where it alarms on at most so many honest principals."""
    made = []
    for baseline in baselines:
        bar = threshold(baseline.scores, honest(accounts), allowed)
        made.append(_compared(accounts, baseline, f"at most {allowed} honest principals", (bar,) * FOLDS))
    return made


def calibrated(accounts: Accounts, baselines: Iterable[Baseline], bound: float) -> list[Compared]:
    """Every baseline at the threshold that the other half's honest principals allow."""
    how = f"cross-fitted for {bound:.0%}"
    made = []
    for baseline in baselines:
        bars = cross_fitted(accounts, baseline.scores, bound=bound)
        made.append(_compared(accounts, baseline, how, bars))
    return made


def _compared(accounts: Accounts, baseline: Baseline, how: str, bars: Sequence[float]) -> Compared:
    alarms = cut(accounts, baseline.scores, bars)
    return compared(baseline.name, baseline.about, how, accounts, alarms)
