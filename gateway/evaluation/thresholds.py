"""Where a rung might stand: flagged, caught and benign principals for every threshold, with bounds.

A tuner that answers "you cannot know that yet" is the feature: too few benign principals prove nothing, and
a threshold fitted on the data it is reported on flatters, so a second period checks it. Scores are those with
as many policies behind them as the rung requires; `principal_age` and `sustained` are not part of the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.evaluation.cases import Case, Cases
from gateway.statistics import Share, needed, share

STEP = 5


@dataclass(frozen=True, slots=True)
class Threshold:
    """One candidate `at`."""

    at: float
    flagged: int
    caught: Share
    benign: Share
    now: bool
    meets: bool
    """The one-sided bound on benign hits is not above what was asked."""


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold on the second period; `unseen`: only principals that the fit had not seen."""

    caught: Share
    benign: Share
    unseen_caught: Share
    unseen_benign: Share
    highest: float
    """The highest score of an extraction principal in that period."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The answer for one rung."""

    rung: str
    now: float
    max_benign: float
    rows: tuple[Threshold, ...]
    suggested: float
    known: bool
    """Whether a threshold meets the bound, on labels of both kinds, and the second period agrees."""
    reasons: tuple[str, ...]
    """Why it is not known, in words."""
    check: Check | None


def _flagged(cases: Sequence[Case], rung: int, at: float) -> int:
    return sum(case.eligible.get(rung, 0.0) >= at for case in cases)


def _row(cases: Cases, rung: int, at: float, max_benign: float) -> Threshold:
    benign, extraction = cases.of("benign"), cases.of("extraction")
    hit = share(_flagged(benign, rung, at), len(benign))
    return Threshold(
        at=at,
        flagged=_flagged(list(cases.cases.values()), rung, at),
        caught=share(_flagged(extraction, rung, at), len(extraction)),
        benign=hit,
        now=at == cases.rungs[rung].at,
        meets=bool(hit.of) and hit.upper <= max_benign,
    )


def _range(cases: Cases, rung: int) -> list[float]:
    """Between the rungs below and above, in steps, and where it stands now."""
    low = cases.rungs[rung - 1].at if rung else 0.0
    high = cases.rungs[rung + 1].at if rung + 1 < len(cases.rungs) else 100.0 + STEP
    steps = {float(at) for at in range(STEP, 100 + STEP, STEP) if low < at < high}
    return sorted(steps | {cases.rungs[rung].at})


def tuning(fit: Cases, rung: int, max_benign: float, check: Cases | None = None) -> Tuning:
    """The table for a rung, and what follows from it. `max_benign` is a share 0…1."""
    step = fit.rungs[rung]
    rows = tuple(_row(fit, rung, at, max_benign) for at in _range(fit, rung))
    suggested = _suggest(rows, step.at)
    checked = None if check is None else _check(fit, check, rung, suggested)
    reasons = (*_unknown(rows, suggested, max_benign), *_unconfirmed(checked, max_benign))
    return Tuning(step.id, step.at, max_benign, rows, suggested, not reasons, reasons, checked)


def _suggest(rows: Sequence[Threshold], now: float) -> float:
    """Of those that meet the bound the one that catches most, then the nearest to `now`, then the higher;
    `now` where none does or nothing is known of what should be caught."""
    good = [row for row in rows if row.meets and row.caught.of]
    if not good:
        return now
    return max(good, key=lambda row: (row.caught.hits, -abs(row.at - now), row.at)).at


def _unknown(rows: Sequence[Threshold], suggested: float, bound: float) -> list[str]:
    reasons = []
    benign, caught = rows[-1].benign.of, rows[-1].caught.of
    if not benign:
        reasons.append("no principal is known to be benign: give labels, or --assume-benign")
    elif not any(row.meets for row in rows):
        reasons.append(_unmet(rows, bound))
    if not caught:
        reasons.append("no principal is known to be extraction: what is caught cannot be known")
    elif not next(row for row in rows if row.at == suggested).caught.hits:
        reasons.append(f"at {suggested:g} nothing is caught: this rung does not find what is labelled")
    return reasons


def _unmet(rows: Sequence[Threshold], bound: float) -> str:
    fewest = min(rows, key=lambda row: (row.benign.hits, row.at))
    hits, benign = fewest.benign.hits, fewest.benign.of
    none = f"no threshold meets {100 * bound:.3g} % on {benign:,} benign principals"
    if fewest.benign.low > bound:
        return f"{none}: at {fewest.at:g} it hits {hits:,} of them, which is no lack of data"
    told = f"{hits:,} hits" if hits else "zero hits"
    return f"{none}: with {told} you need {needed(bound, hits):,} (have {benign:,})"


def _check(fit: Cases, check: Cases, rung: int, at: float) -> Check:
    benign, extraction = check.of("benign"), check.of("extraction")
    fresh = [[case for case in group if case.id not in fit.cases] for group in (benign, extraction)]
    hit, caught, unseen_hit, unseen_caught = (
        share(_flagged(group, rung, at), len(group)) for group in (benign, extraction, *fresh)
    )
    highest = max((case.eligible.get(rung, 0.0) for case in extraction), default=0.0)
    return Check(caught, hit, unseen_caught, unseen_hit, round(highest, 3))


def _unconfirmed(check: Check | None, bound: float) -> list[str]:
    if check is None:
        return ["there is no second period: a threshold reported on the data it was fitted to flatters"]
    if check.benign.of and check.benign.low > bound:
        return [f"the second period contradicts it: {check.benign.hits} of {check.benign.of} benign were hit"]
    if not check.caught.of:
        return ["nothing labelled extraction is in the second period, so what is caught is not confirmed"]
    if not check.caught.hits:
        return [
            f"the second period has no extraction above {check.highest:g}, so what is caught is not confirmed"
        ]
    return []
