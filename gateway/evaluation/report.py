"""The report over a period: its nine parts in one value, which is also its JSON form.

Parts are computed in `findings`, `confusion`, `thresholds` and `readiness`; words and pictures are made in
`sections`. A previous report, read back from its JSON, tells what has drifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from gateway.errors import ConfigError, Place
from gateway.evaluation import findings
from gateway.evaluation.cases import DAY, KINDS, Cases, Kind
from gateway.evaluation.confusion import Confusion, of_tracks
from gateway.evaluation.readiness import Card, Promises, cards
from gateway.evaluation.thresholds import Tuning, tuning
from gateway.statistics import Share, share

RISES = 1.25
"""An exempt principal rises when its later days' unexempted score exceeds the earlier ones' so much."""
UNUSED = 30
"""Days without use after which an exemption should go."""


@dataclass(frozen=True, slots=True)
class Period:
    """What the report is about."""

    bundles: dict[str, int]
    """Calls by bundle hash."""
    policies: str
    """Hash of the bundle whose ladder and numbers the report uses."""
    begins: float
    ends: float
    requests: int
    principals: dict[Kind, int]
    orgs: int
    unscored: dict[str, int]
    activity: tuple[tuple[int, int, int], ...]
    """(hour since the epoch, calls, calls on a rung of the shadow track)."""


@dataclass(frozen=True, slots=True)
class ExemptionUse:
    """One line of the exemption ledger."""

    id: str
    requests: int
    points: float
    principals: tuple[str, ...]
    last: float | None
    rising: tuple[str, ...]
    """Principals whose score without it rises: a stolen batch key looks like that."""
    advice: str


@dataclass(frozen=True, slots=True)
class Drift:
    """A rung's or signal's share of principals, in the previous period and in this one."""

    what: str
    before: Share
    now: Share
    apart: bool
    """The exact intervals do not overlap."""


@dataclass(frozen=True, slots=True)
class Report:
    """All parts."""

    period: Period
    action: str
    """The first rung that acts on people."""
    reached: tuple[findings.Reached, ...]
    suspects: tuple[findings.Suspect, ...]
    signals: tuple[findings.SignalUse, ...]
    confusion: Confusion
    costs: tuple[findings.Cost, ...]
    precision_by_rung: tuple[findings.Precision, ...]
    precision_by_policy: tuple[findings.Precision, ...]
    precision_by_week: tuple[findings.Week, ...]
    times: tuple[findings.TimeToRung, ...]
    tuning: Tuning
    exemptions: tuple[ExemptionUse, ...]
    readiness: tuple[Card, ...]
    drift: tuple[Drift, ...]


def report(
    cases: Cases,
    *,
    promises: Mapping[str, Promises] | None = None,
    max_benign: float = 0.01,
    previous: Report | None = None,
) -> Report:
    """The report over these cases. `max_benign` is the share of benign principals that may be acted on."""
    rung = findings.action_rung(cases.rungs)
    made = Report(
        period=_period(cases),
        action=cases.rungs[rung].id,
        reached=findings.reached(cases),
        suspects=findings.suspects(cases),
        signals=findings.signals(cases),
        confusion=of_tracks(cases, "enforced", "candidate" if cases.has_candidate else "shadow"),
        costs=findings.costs(cases),
        precision_by_rung=findings.precision_by_rung(cases),
        precision_by_policy=findings.precision_by_policy(cases),
        precision_by_week=findings.precision_by_week(cases),
        times=findings.times(cases),
        tuning=tuning(cases, rung, max_benign),
        exemptions=_exemptions(cases),
        readiness=cards(cases, rung, promises or {}, max_benign=max_benign),
        drift=(),
    )
    return made if previous is None else replace(made, drift=_drift(made, previous))


def read_report(path: Path) -> Report:
    """A report from its JSON form. Raises ConfigError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        message = f"not a report in JSON (gateway report -o json): {error}"
        raise ConfigError.at(Place(str(path)), message) from None


def encode(made: object) -> bytes:
    """A report (or comparison, or tuning) as canonical JSON with one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=2) + b"\n"


def _period(cases: Cases) -> Period:
    everybody = cases.cases.values()
    return Period(
        bundles=dict(sorted(cases.bundles.items())),
        policies=cases.bundle.hash,
        begins=min((case.first for case in everybody), default=0.0),
        ends=max((case.last for case in everybody), default=0.0),
        requests=cases.requests,
        principals={kind: len(cases.of(kind)) for kind in KINDS},
        orgs=len({case.unit for case in everybody}),
        unscored=dict(sorted(cases.unscored.items())),
        activity=tuple((hour, calls, standing) for hour, (calls, standing) in sorted(cases.hours.items())),
    )


def _exemptions(cases: Cases) -> tuple[ExemptionUse, ...]:
    """Every exemption of the bundle, used or not, and those that only the records name."""
    last = max((case.last for case in cases.cases.values()), default=0.0)
    names = {*cases.exemptions, *(exemption.id for exemption in cases.bundle.exemptions)}
    return tuple(_exemption(cases, name, last) for name in sorted(names))


def _exemption(cases: Cases, name: str, ends: float) -> ExemptionUse:
    tally = cases.exemptions.get(name)
    users = [case for _, case in sorted(cases.cases.items()) if name in case.forgiven]
    rising = tuple(case.id for case in users if _rises(case.unexempted))
    begins = min((case.first for case in cases.cases.values()), default=0.0)
    idle = ends - (begins if tally is None else tally.last)
    advice = ""
    if rising:
        advice = "look at these principals: what they do without it grows"
    elif idle >= UNUSED * DAY:
        advice = f"not used for {idle / DAY:.0f} days: remove it"
    elif tally is None:
        advice = "not used in this period"
    return ExemptionUse(
        id=name,
        requests=0 if tally is None else tally.requests,
        points=0.0 if tally is None else round(tally.points, 3),
        principals=tuple(case.id for case in users),
        last=None if tally is None else tally.last,
        rising=rising,
        advice=advice,
    )


def _rises(days: Mapping[int, float]) -> bool:
    scores = [days[day] for day in sorted(days)]
    half = len(scores) // 2
    return half > 0 and max(scores[half:]) > RISES * max(scores[:half])


def _drift(now: Report, before: Report) -> tuple[Drift, ...]:
    """Every rung and signal of this period beside the last one."""
    old, new = _hits(before), _hits(now)
    had, have = (sum(found.period.principals.values()) for found in (before, now))
    rows = []
    for name, hits in new.items():
        one, other = share(min(old.get(name, 0), had), had), share(hits, have)
        rows.append(Drift(name, one, other, one.high < other.low or other.high < one.low))
    return tuple(rows)


def _hits(made: Report) -> dict[str, int]:
    rungs = {f"rung {row.rung}": sum(row.principals.values()) for row in made.reached}
    return rungs | {row.id: sum(row.principals.values()) for row in made.signals}
