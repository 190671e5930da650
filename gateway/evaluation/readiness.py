"""Readiness cards: is a policy ready to act on its first few percent, and if not, what is missing.

The rule is fixed here, before anybody looks at a report: peeking until the numbers please inflates error. A
policy's benign hits are the benign principals on the acting rung to whom it gave points that count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.evaluation.cases import DAY, Case, Cases
from gateway.policies.bundle import Policy
from gateway.score import CORROBORATES
from gateway.statistics import Share, needed, share

DAYS = 7
"""Days of traffic: every weekday once."""
LABELS = 10
"""Labelled hits from which precision says anything: 10 of 10 is 69 % or better."""
FIRST_STEP = "5%"


@dataclass(frozen=True, slots=True)
class Promises:
    """What the tests of a policy directory say of one policy."""

    cases: int = 0
    gaps: int = 0
    """Cases with a `known_gap`."""
    honest: int = 0
    """Cases of honest traffic that some rung must `never` be reached by."""


@dataclass(frozen=True, slots=True)
class Card:
    """One policy."""

    policy: str
    mode: str
    rollout: float
    days: float
    benign: Share
    hits: int
    """Principals on the acting rung to whom it gave points that count."""
    labelled: int
    """Of these: principals with a label."""
    tests: int
    gaps: int
    ready: bool
    missing: tuple[str, ...]
    advice: str


def cards(
    cases: Cases, rung: int, promises: Mapping[str, Promises], *, max_benign: float
) -> tuple[Card, ...]:
    """A card for every policy of the bundle; `rung` is the acting rung."""
    days = _days(cases)
    return tuple(
        _card(cases, policy, rung, promises.get(policy.id, Promises()), days, max_benign)
        for policy in cases.bundle.policies
    )


def _days(cases: Cases) -> float:
    firsts = [case.first for case in cases.cases.values()]
    lasts = [case.last for case in cases.cases.values()]
    return (max(lasts) - min(firsts)) / DAY if firsts else 0.0


def _card(cases: Cases, policy: Policy, rung: int, promise: Promises, days: float, max_benign: float) -> Card:
    hits = [case for case in cases.cases.values() if _hit(case, policy.id, rung)]
    benign = share(sum(cases.kind(case) == "benign" for case in hits), len(cases.of("benign")))
    labelled = sum(cases.kind(case) != "unlabelled" for case in hits)
    missing = (
        *_missing_traffic(days, benign, max_benign),
        *_missing_labels(len(hits), labelled),
        *_missing_tests(promise),
    )
    return Card(
        policy=policy.id,
        mode=policy.mode.name.lower(),
        rollout=policy.rollout.share,
        days=round(days, 2),
        benign=benign,
        hits=len(hits),
        labelled=labelled,
        tests=promise.cases,
        gaps=promise.gaps,
        ready=not missing,
        missing=missing,
        advice="not ready" if missing else f"ready to go to {FIRST_STEP}",
    )


def _hit(case: Case, policy: str, rung: int) -> bool:
    return case.tracks["shadow"].rung >= rung and case.policies.get(policy, 0.0) >= CORROBORATES


def _missing_traffic(days: float, benign: Share, bound: float) -> list[str]:
    missing = []
    # Recordings of a week rarely fill their last hour.
    if days < DAYS - 0.1:
        missing.append(f"{DAYS} days of traffic (has {days:.1f})")
    if not benign.of:
        missing.append("principals known to be benign: label some, or --assume-benign")
    elif benign.upper > bound:
        count = needed(bound, benign.hits)
        missing.append(
            f"at most {100 * bound:.3g} % of benign principals hit: {benign.hits} of {benign.of:,} may mean "
            f"{100 * benign.upper:.2g} %"
            + (f" (with as many hits you need {count:,})" if count > benign.of else "")
        )
    return missing


def _missing_labels(hits: int, labelled: int) -> list[str]:
    if not hits:
        return ["anything it would have acted on: nothing is known of its precision"]
    wanted = min(hits, LABELS)
    return [] if labelled >= wanted else [f"labels of {wanted - labelled} more of its {hits} hits"]


def _missing_tests(promise: Promises) -> list[str]:
    missing = [] if promise.cases else ["a test that names it"]
    return missing + ([f"an end to its known gaps ({promise.gaps})"] if promise.gaps else [])
