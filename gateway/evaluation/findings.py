"""What the cases of a period say: who would have fired, which signals work, what it costs, what it caught.

Each function makes one part of the report; all count principals, with exact intervals. Comparing two tracks
or bundles is the business of `gateway.evaluation.confusion`, thresholds that of `thresholds`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.evaluation.cases import HOUR, KINDS, Case, Cases, Kind
from gateway.policies.bundle import Rung
from gateway.score import CORROBORATES
from gateway.statistics import Share, share

FREE = frozenset({"free", "trial"})
"""Tiers that do not pay; nor does a principal without a tier, as far as is known."""
_REASONS = 3


def action_rung(rungs: Sequence[Rung]) -> int:
    """The first rung that does more than log and trim: it limits, delays or refuses; or the last one."""
    for at, rung in enumerate(rungs):
        if {"limit", "reject", "delay"} & set(rung.actions):
            return at
    return len(rungs) - 1


def quantile(values: Sequence[float], q: float) -> float:
    """The nearest-rank quantile; 0 of nothing."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(q * len(ranked)) - 1)] if ranked else 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 95th percentile and maximum."""

    p50: float
    p95: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of some values; zeros of none."""
    return Spread(quantile(values, 0.5), quantile(values, 0.95), max(values, default=0.0))


def _counts(cases: Cases, found: Sequence[Case]) -> dict[Kind, int]:
    counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for case in found:
        counts[cases.kind(case)] += 1
    return counts


def _standing(found: Sequence[Case], at: int) -> list[Case]:
    return [case for case in found if case.tracks["shadow"].rung >= at]


# --- 1: would have fired -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reached:
    """One rung of the shadow track, and how many were there; `enforced` principals in earnest."""

    rung: str
    at: float
    principals: dict[Kind, int]
    enforced: int
    requests: int


def reached(cases: Cases) -> tuple[Reached, ...]:
    """Rungs from the lowest, with principals by kind and calls at or above."""
    everybody = list(cases.cases.values())
    return tuple(
        Reached(
            rung.id,
            rung.at,
            _counts(cases, _standing(everybody, at)),
            sum(case.tracks["enforced"].rung >= at for case in everybody),
            sum(case.tracks["shadow"].requests[at] for case in everybody),
        )
        for at, rung in enumerate(cases.rungs)
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """A signal of the call with the highest score."""

    signal: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """One principal that scored."""

    id: str
    org: str | None
    tier: str | None
    kind: Kind
    label: str | None
    requests: int
    output_tokens: int
    age_days: float
    """Since it was first seen in these records."""
    peak: float
    enforced_peak: float
    rung: str | None
    rung_requests: dict[str, int]
    first: float | None
    """When it stood on a rung first, in seconds since the epoch."""
    reasons: tuple[Reason, ...]
    exempt: tuple[str, ...]


def suspects(cases: Cases) -> tuple[Suspect, ...]:
    """All principals with a score, the highest first."""
    scored = [case for case in cases.cases.values() if case.tracks["shadow"].peak > 0]
    scored.sort(key=lambda case: (-case.tracks["shadow"].peak, case.id))
    return tuple(_suspect(cases, case) for case in scored)


def _suspect(cases: Cases, case: Case) -> Suspect:
    track = case.tracks["shadow"]
    marks = sorted(case.reasons, key=lambda mark: (-mark.points, mark.id))[:_REASONS]
    return Suspect(
        id=case.id,
        org=case.org,
        tier=case.tier,
        kind=cases.kind(case),
        label=case.label,
        requests=case.requests,
        output_tokens=case.output_tokens,
        age_days=round((case.last - case.first) / (24 * HOUR), 2),
        peak=round(track.peak, 3),
        enforced_peak=round(case.tracks["enforced"].peak, 3),
        rung=None if track.rung < 0 else cases.rungs[track.rung].id,
        rung_requests={cases.rungs[at].id: track.requests[at] for at in range(track.rung + 1)},
        first=track.first[0].ts if track.first else None,
        reasons=tuple(Reason(mark.id, mark.points, mark.text) for mark in marks),
        exempt=tuple(sorted(case.forgiven)),
    )


# --- 2: top signals ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignalUse:
    """What one signal did."""

    id: str
    requests: int
    principals: dict[Kind, int]
    points: float
    """Mean, over the calls on which it gave any."""
    standing: int
    """Calls on a rung, with points of it."""
    solo: float | None
    """The part of these on which it alone gave points."""
    redundant: float | None
    """The part of these that would have stood as high without it."""
    warming: int


def signals(cases: Cases) -> tuple[SignalUse, ...]:
    """Every signal of the bundle that is on, by principals that it concerned; then the silent ones."""
    users: dict[str, list[Case]] = defaultdict(list)
    for policy in cases.bundle.policies:
        for signal in policy.signals:
            if min(policy.mode, signal.mode) > 0:
                users[f"{policy.id}.{signal.id}"] = []
    for case in cases.cases.values():
        for name in case.signals:
            users[name].append(case)
    rows = [_signal(cases, name, found) for name, found in users.items()]
    return tuple(sorted(rows, key=lambda row: (-sum(row.principals.values()), -row.requests, row.id)))


def _signal(cases: Cases, name: str, found: Sequence[Case]) -> SignalUse:
    fired = [case.signals[name] for case in found]
    requests, standing = sum(f.requests for f in fired), sum(f.standing for f in fired)
    return SignalUse(
        id=name,
        requests=requests,
        principals=_counts(cases, found),
        points=round(sum(f.points for f in fired) / requests, 3) if requests else 0.0,
        standing=standing,
        solo=sum(f.alone for f in fired) / standing if standing else None,
        redundant=sum(f.spare for f in fired) / standing if standing else None,
        warming=sum(f.warming for f in fired),
    )


# --- 4: cost to benign users ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What one rung would take from benign principals."""

    rung: str
    principals: Share
    orgs: Share
    """The same by organisation; one with many keys counts once."""
    requests: int
    tokens: int
    minutes: Spread
    """Per principal concerned: different minutes with a call on the rung."""
    logprobs: int
    """Principals of the rung that would lose log-probabilities they asked for."""
    paying_orgs: int
    largest: str | None
    """The organisation (or principal) with most calls among those concerned."""


def costs(cases: Cases) -> tuple[Cost, ...]:
    """Every rung's cost, from the lowest."""
    benign = cases.of("benign")
    return tuple(_cost(rung.id, _standing(benign, at), benign, at) for at, rung in enumerate(cases.rungs))


def _cost(rung: str, found: Sequence[Case], benign: Sequence[Case], at: int) -> Cost:
    calls: dict[str, int] = defaultdict(int)
    for case in found:
        calls[case.unit] += case.requests
    tracks = [case.tracks["shadow"] for case in found]
    return Cost(
        rung=rung,
        principals=share(len(found), len(benign)),
        orgs=share(len(calls), len({case.unit for case in benign})),
        requests=sum(track.requests[at] for track in tracks),
        tokens=sum(track.tokens[at] for track in tracks),
        minutes=spread([track.minutes[at] for track in tracks]),
        logprobs=sum(case.would["logprobs"] > 0 for case in found),
        paying_orgs=len({case.unit for case in found if case.tier is not None and case.tier not in FREE}),
        largest=min(calls, key=lambda unit: (-calls[unit], unit), default=None),
    )


# --- 5: precision with labels --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Precision:
    """One rung, or one policy with points that count: how many labelled hits were right."""

    what: str
    right: Share
    benign: Share
    caught: Share
    unlabelled: int
    """Hits about which nothing is known."""
    weighted: float | None
    """The share of labelled hits that were right, each weighted by how many principals it was drawn for."""


@dataclass(frozen=True, slots=True)
class Week:
    """Labelled principals that first stood on the lowest rung in the week from `begins` (a Monday)."""

    begins: str
    right: Share


def _precision(cases: Cases, what: str, hits: Sequence[Case]) -> Precision:
    counts = _counts(cases, hits)
    weights: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)
    for case in hits:
        weights[cases.kind(case)] += case.weight
    known = weights["extraction"] + weights["benign"]
    return Precision(
        what=what,
        right=share(counts["extraction"], counts["extraction"] + counts["benign"]),
        benign=share(counts["benign"], len(cases.of("benign"))),
        caught=share(counts["extraction"], len(cases.of("extraction"))),
        unlabelled=counts["unlabelled"],
        weighted=weights["extraction"] / known if known else None,
    )


def precision_by_rung(cases: Cases) -> tuple[Precision, ...]:
    """Every rung, from the lowest."""
    everybody = list(cases.cases.values())
    return tuple(_precision(cases, rung.id, _standing(everybody, at)) for at, rung in enumerate(cases.rungs))


def precision_by_policy(cases: Cases) -> tuple[Precision, ...]:
    """Every policy, over the principals to whom it gave enough points to count as corroboration."""
    return tuple(
        _precision(
            cases,
            policy.id,
            [case for case in cases.cases.values() if case.policies.get(policy.id, 0.0) >= CORROBORATES],
        )
        for policy in cases.bundle.policies
    )


def precision_by_week(cases: Cases) -> tuple[Week, ...]:
    """Whether labels drift."""
    weeks: dict[str, list[Case]] = defaultdict(list)
    for case in _standing(list(cases.cases.values()), 0):
        day = datetime.fromtimestamp(case.tracks["shadow"].first[0].ts, UTC).date()
        weeks[(day - timedelta(days=day.weekday())).isoformat()].append(case)
    rows = []
    for begins, found in sorted(weeks.items()):
        counts = _counts(cases, found)
        rows.append(Week(begins, share(counts["extraction"], counts["extraction"] + counts["benign"])))
    return tuple(row for row in rows if row.right.of)


# --- 6: time to rung -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leak:
    """What one extraction principal had been given before it reached a rung."""

    id: str
    requests: int
    tokens: int
    hours: float


@dataclass(frozen=True, slots=True)
class TimeToRung:
    """One rung: how many of those labelled extraction reached it, and what they had been given before."""

    rung: str
    reached: Share
    requests: Spread
    tokens: Spread
    hours: Spread
    tokens_before: int
    """Output tokens given away before, by all that reached it."""
    tokens_missed: int
    """Output tokens given to those that never reached it."""
    principals: tuple[Leak, ...]


def times(cases: Cases) -> tuple[TimeToRung, ...]:
    """Every rung, from the lowest."""
    known = cases.of("extraction")
    return tuple(_time(rung.id, known, at) for at, rung in enumerate(cases.rungs))


def _time(rung: str, known: Sequence[Case], at: int) -> TimeToRung:
    leaks, missed = [], 0
    for case in known:
        first = case.tracks["shadow"].first.get(at)
        if first is None:
            missed += case.output_tokens
        else:
            hours = round((first.ts - case.first) / HOUR, 3)
            leaks.append(Leak(case.id, first.request - 1, first.tokens, hours))
    return TimeToRung(
        rung=rung,
        reached=share(len(leaks), len(known)),
        requests=spread([leak.requests for leak in leaks]),
        tokens=spread([leak.tokens for leak in leaks]),
        hours=spread([leak.hours for leak in leaks]),
        tokens_before=sum(leak.tokens for leak in leaks),
        tokens_missed=missed,
        principals=tuple(sorted(leaks, key=lambda leak: (leak.requests, leak.id))),
    )
