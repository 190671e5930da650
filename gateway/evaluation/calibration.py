"""From lessons to a calibration: what the benign pay after it, on both periods, and whether that is known.

What a whole ladder makes of several policies no single ramp tells; so the changed policies are replayed
(`measure`, which the caller gives) and judged by the principals they hit. Stricter numbers that would hit
more of the benign on the fit are taken back, and where too many are hit still, caps are lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.evaluation.cases import Case, Cases
from gateway.evaluation.learning import Lesson, Seen, Terms, learn
from gateway.policies.bundle import Bundle, Ladder
from gateway.statistics import Share, allowed, needed, share

STEP = 5.0
"""Points by which caps are lowered."""
LOWEST = 1.0

Periods = tuple[Cases, Cases]
Measure = Callable[[Sequence[Lesson]], Periods]
"""Replays the policies with these changes: the cases of the fit, and of the check."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Benign units that one rung reaches, before and after; `unseen` are none of the fit's."""

    rung: str
    fit_before: Share
    fit: Share
    check_before: Share
    check: Share
    unseen: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that was learned, and what it costs the benign."""

    bound: float
    lessons: tuple[Lesson, ...]
    touched: tuple[Touched, ...]
    known: bool
    """Whether fit and check both prove the bound on the lowest visible rung."""
    reasons: tuple[str, ...]
    """Why it is not known, in words."""
    contradicted: bool
    """The check shows that the bound does not hold."""

    @property
    def changes(self) -> tuple[Lesson, ...]:
        """The lessons that move a number."""
        return tuple(one for one in self.lessons if one.move != "kept")


def calibrate(bundle: Bundle, seen: Seen, terms: Terms, measure: Measure) -> Calibration:
    """Learn, replay, take back or cap what hits too many, and judge the rest on the check."""
    before = measure(())
    first = visible(bundle.ladder)
    replayed = _Replayed(measure, {(): before})
    lessons, after = _learned(bundle, seen, terms, replayed.periods, first)
    if terms.stricter and _worse(before[0], after[0], first):
        looser = replace(terms, stricter=False)
        lessons, after = _learned(bundle, seen, looser, replayed.periods, first)
    rungs = bundle.ladder.rungs
    touched = tuple(_touched(rungs[at].id, at, before, after) for at in range(first, len(rungs)))
    reasons, contradicted = _doubts(touched[0], terms.bound)
    return Calibration(terms.bound, lessons, touched, not reasons, reasons, contradicted)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """Replays each set of changes once."""

    measure: Measure
    known: dict[tuple[Lesson, ...], Periods]

    def periods(self, lessons: Sequence[Lesson]) -> Periods:
        """The cases with these changes."""
        key = tuple(lessons)
        if key not in self.known:
            self.known[key] = self.measure(lessons)
        return self.known[key]


def _learned(
    bundle: Bundle, seen: Seen, terms: Terms, measure: Measure, first: int
) -> tuple[tuple[Lesson, ...], Periods]:
    lessons = tuple(learn(bundle, seen, terms))
    after = measure(_moving(lessons))
    caps = tuple(capped(bundle, after[0], terms, first))
    if caps:
        lessons += caps
        after = measure(_moving(lessons))
    return lessons, after


def _moving(lessons: Iterable[Lesson]) -> list[Lesson]:
    return [one for one in lessons if one.move != "kept"]


def visible(ladder: Ladder) -> int:
    """The lowest rung that does more than log; the highest, if none does."""
    last = len(ladder.rungs) - 1
    return next((at for at, rung in enumerate(ladder.rungs) if rung.actions.keys() - {"log"}), last)


# --- who is hit -------------------------------------------------------------------------------------------


def _units(cases: Iterable[Case]) -> set[str]:
    return {case.unit for case in cases}


def _reached(cases: Iterable[Case], rung: int) -> set[str]:
    return _units(case for case in cases if case.tracks["shadow"].rung >= rung)


def _share(cases: Sequence[Case], rung: int) -> Share:
    return share(len(_reached(cases, rung)), len(_units(cases)))


def _worse(before: Cases, after: Cases, first: int) -> bool:
    """Whether more of the benign reach any visible rung."""
    rungs = range(first, len(before.rungs))
    old, new = before.of("benign"), after.of("benign")
    return any(len(_reached(new, at)) > len(_reached(old, at)) for at in rungs)


def _touched(name: str, rung: int, before: Periods, after: Periods) -> Touched:
    (fit_before, check_before), (fit, check) = (
        tuple(cases.of("benign") for cases in periods) for periods in (before, after)
    )
    known = _units(fit)
    fresh = [case for case in check if case.unit not in known]
    return Touched(
        name,
        _share(fit_before, rung),
        _share(fit, rung),
        _share(check_before, rung),
        _share(check, rung),
        _share(fresh, rung),
    )


def _doubts(found: Touched, bound: float) -> tuple[tuple[str, ...], bool]:
    """Why it cannot be known, judged by one rung; and whether the check says the contrary."""
    if not found.fit.of:
        return ("no principal is known to be benign: give labels, or --assume-benign",), False
    said = []
    if found.fit.upper > bound:
        said.append(_short("the fit", found.fit, found.rung, bound))
    contradicted = [
        f"{where} contradicts it: {hit.hits:,} of {hit.of:,} benign reach {found.rung}"
        for where, hit in (("the check", found.check), ("who was not seen in the fit", found.unseen))
        if hit.low > bound
    ]
    if not contradicted and found.check.upper > bound:
        said.append(_short("the check", found.check, found.rung, bound))
    return (*said, *contradicted), bool(contradicted)


def _short(where: str, found: Share, rung: str, bound: float) -> str:
    has = f"{where} has {found.hits:,} of {found.of:,} benign on {rung}, hence ≤ {100 * found.upper:.3g}%"
    return f"{has}; {100 * bound:.3g}% needs {needed(bound, found.hits):,}"


# --- caps -------------------------------------------------------------------------------------------------


def capped(bundle: Bundle, fit: Cases, terms: Terms, first: int) -> Iterable[Lesson]:
    """Lower caps, until no more of the benign than the bound allows could reach the lowest visible rung.

    By the sum of each unit's highest peaks, so that the true score is never above it.
    """
    benign = fit.of("benign")
    total = len(_units(benign))
    most = allowed(total, terms.bound) or 0
    at = bundle.ladder.rungs[first].at
    reached = _peaks([case for case in benign if case.tracks["shadow"].rung >= first])
    caps = {policy.id: policy.cap for policy in bundle.policies if terms.asks(policy.id)}
    told = dict.fromkeys(caps, 0)
    old = dict(caps)
    while len(hit := [peaks for peaks in reached.values() if _sum(peaks, caps) >= at]) > most:
        given = {name: sum(min(peaks.get(name, 0.0), cap) for peaks in hit) for name, cap in caps.items()}
        name = max(
            (one for one in caps if caps[one] > LOWEST and given[one] > 0), key=given.__getitem__, default=""
        )
        if not name:
            break
        told[name] = max(told[name], len(hit))
        caps[name] = max(LOWEST, caps[name] - STEP)
    for name in [name for name in caps if caps[name] < old[name]]:
        why = (
            f"{told[name]:,} of {total:,} benign principals would reach {bundle.ladder.rungs[first].id} "
            f"({at:g}), {most:,} may; this policy gives them most"
        )
        upper = share(min(most, total), total).upper
        yield Lesson(name, "cap", (old[name],), (caps[name],), "looser", total, upper, why)


def _peaks(cases: Iterable[Case]) -> Mapping[str, Mapping[str, float]]:
    """By unit and policy the highest peak."""
    found: dict[str, dict[str, float]] = {}
    for case in cases:
        mine = found.setdefault(case.unit, {})
        for name, peak in case.policies.items():
            mine[name] = max(peak, mine.get(name, 0.0))
    return found


def _sum(peaks: Mapping[str, float], caps: Mapping[str, float]) -> float:
    return sum(min(peak, caps.get(name, peak)) for name, peak in peaks.items())
