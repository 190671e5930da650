"""The report in words and tables, for the terminal, Markdown and the page alike, which only dress them.

A table is rows of text; what a number means is said beside it, in the section's lead and notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.evaluation.cases import KINDS, Kind
from gateway.evaluation.confusion import Confusion, Named
from gateway.evaluation.findings import Precision, Reached, SignalUse, Spread
from gateway.evaluation.report import Report
from gateway.evaluation.thresholds import Tuning
from gateway.statistics import Share, precision

SHOWN = 20
"""Principals, and names behind a cell, that are shown; the JSON form has all."""

COUNTERFACTUAL = (
    "Counterfactual: behaviour was held fixed. Real throttling makes clients slow down, retry or move "
    "accounts, and a limiter in shadow keeps counting calls that enforcement would have removed. So shadow "
    "overstates later hits of the same principal and says nothing of evasion; a holdout share that is never "
    "enforced measures it."
)
COUNTING = (
    "Counts are principals, not requests: requests of one principal are one observation. Intervals are exact "
    "(Clopper-Pearson, 95%); a bound after ≤ is one-sided at 95%."
)
LABELS = (
    "Labels are biased: mostly the flagged are looked at, so precision can be estimated and what was missed "
    "cannot. With many signals one looks bad by chance; look at intervals."
)
WARMING = (
    "Warm-up: a window of 24 hours is blind for its first 24 hours; verdicts of windows still warming are "
    "counted apart."
)
FOOTER = (COUNTING, LABELS, COUNTERFACTUAL, WARMING)
"""What stands below every report."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under heads; `words` are the columns that are text, the others are numbers."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Section:
    """One part: `id` is an anchor, `lead` one sentence or two."""

    id: str
    title: str
    lead: str
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def percent(rate: float | None) -> str:
    """`0.92%`; a dash for nothing."""
    return "–" if rate is None else f"{100 * rate:.3g}%"  # noqa: RUF001


def stated(found: Share) -> str:
    """`3/300 = 1% [0.21%, 2.89%]`."""
    if found.rate is None:
        return "0/0"
    return (
        f"{found.hits:,}/{found.of:,} = {percent(found.rate)} [{percent(found.low)}, {percent(found.high)}]"
    )


def bounded(found: Share) -> str:
    """`0/300 ≤ 0.99%`: the observed count and its one-sided bound."""
    return f"{found.hits:,}/{found.of:,} ≤ {percent(found.upper)}" if found.of else "0/0: unknown"


def when(ts: float | None) -> str:
    """UTC to the minute."""
    return "" if ts is None else datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M")


def _kinds(counts: dict[Kind, int]) -> tuple[str, ...]:
    return tuple(f"{counts[kind]:,}" for kind in KINDS)


def _spread(found: Spread, of: int, form: str = ",.0f") -> str:
    """Median / 95th percentile / most, of so many principals."""
    if not of:
        return "–"  # noqa: RUF001
    return f"{found.p50:{form}} / {found.p95:{form}} / {found.most:{form}}"


def sections(made: Report) -> tuple[Section, ...]:
    """All parts in the order of reading."""
    parts: tuple[Callable[[Report], Section], ...] = (
        _reached,
        _suspects,
        _signals,
        lambda made: confusion_section(made.confusion),
        _costs,
        _precision,
        _times,
        lambda made: tuning_section(made.tuning),
        _exemptions,
        _readiness,
    )
    found = [part(made) for part in parts]
    return tuple(found if not made.drift else [*found, _drift(made)])


def headline(made: Report) -> tuple[str, ...]:
    """The period in a line, and the findings at the acting rung."""
    period = made.period
    people = ", ".join(f"{period.principals[kind]:,} {kind}" for kind in KINDS if period.principals[kind])
    action = next(row for row in made.precision_by_rung if row.what == made.action)
    total = sum(period.principals.values())
    bundles = ", ".join(period.bundles) or period.policies
    span = f"{when(period.begins)} to {when(period.ends)} UTC"
    lines = [
        f"bundle {bundles} · {period.requests:,} requests · {span}",
        f"{total:,} principals ({people or 'none'}) · {period.orgs:,} organisations",
        f"benign hit at {made.action}: {stated(action.benign)}, so at most {percent(action.benign.upper)}",
        f"caught at {made.action}: {stated(action.caught)}",
    ]
    if list(period.bundles) not in ([], [period.policies]):
        lines.append(f"the records were made under other policies than the ladder here ({period.policies})")
    if period.unscored:
        unscored = ", ".join(f"{why} {count:,}" for why, count in period.unscored.items())
        lines.append(f"not scored: {unscored}")
    return tuple(lines)


def _reached(made: Report) -> Section:
    def row(found: Reached) -> tuple[str, ...]:
        total = sum(found.principals.values())
        numbers = (f"{total:,}", *_kinds(found.principals), f"{found.requests:,}", f"{found.enforced:,}")
        return (found.rung, f"{found.at:g}", *numbers)

    heads = ("rung reached", "at", "principals", *KINDS, "requests", "enforced")
    lead = "Who would have stood on each rung, or above it. A rung includes those below it."
    return Section("reached", "Would have fired", lead, (Table(heads, tuple(map(row, made.reached))),))


def _suspects(made: Report) -> Section:
    rows = tuple(
        (
            found.id,
            found.label or found.kind,
            found.org or "",
            f"{found.requests:,}",
            f"{found.peak:.1f}",
            found.rung or "",
            f"{found.rung_requests.get(found.rung, 0) if found.rung else 0:,}",
            when(found.first),
            "; ".join(f"{reason.signal} {reason.points:.0f}" for reason in found.reasons)
            + (f" (exempt: {', '.join(found.exempt)})" if found.exempt else ""),
        )
        for found in made.suspects[:SHOWN]
    )
    heads = ("principal", "truth", "org", "requests", "peak", "rung", "on it", "first on a rung", "why")
    more = len(made.suspects) - len(rows)
    notes = (f"{more:,} more with a score are in the JSON form.",) if more > 0 else ()
    lead = f"Principals that scored at all: {len(made.suspects):,}. The highest shadow scores come first."
    return Section(
        "principals", "By principal", lead, (Table(heads, rows, frozenset({0, 1, 2, 5, 7, 8})),), notes
    )


def _signals(made: Report) -> Section:
    def row(found: SignalUse) -> tuple[str, ...]:
        numbers = (f"{found.requests:,}", *_kinds(found.principals), f"{found.points:.1f}")
        return (found.id, *numbers, f"{found.standing:,}", percent(found.solo), percent(found.redundant))

    fired = [found for found in made.signals if found.requests]
    silent = [found.id for found in made.signals if not found.requests]
    heads = ("signal", "requests", *KINDS, "mean points", "on a rung", "solo", "redundant")
    idle = [found.id for found in fired if found.standing and found.redundant == 1.0]
    notes = [f"Never fired: {', '.join(silent)}."] if silent else []
    if idle:
        notes.append(f"Never decided a rung, so may be removed: {', '.join(idle)}.")
    if warming := sum(found.warming for found in fired):
        notes.append(f"{warming:,} of these verdicts came from windows still warming up.")
    lead = (
        "Principals by kind to whom each signal gave points. Solo: calls on a rung on which it alone spoke; "
        "redundant: calls on a rung that would have stood as high without it."
    )
    return Section("signals", "Top signals", lead, (Table(heads, tuple(map(row, fired))),), tuple(notes))


def confusion_section(found: Confusion) -> Section:
    """The matrix, with names behind each cell off its diagonal."""
    rows = tuple(
        (name, *(f"{count:,}" for count in counts))
        for name, counts in zip(found.rungs, found.counts, strict=True)
    )
    tables = [Table((f"{found.before} ↓  {found.after} →", *found.rungs), rows)]
    if found.moved:
        cells = tuple(
            (f"{cell.before} → {cell.after}", f"{len(cell.principals):,}", _names(cell.principals))
            for cell in found.moved
        )
        tables.append(Table(("moved", "principals", "who"), cells, frozenset({0, 2})))
    lead = (
        f"Moved: {found.changed:,} principals. Benign for the worse {found.worse['benign']:,}, for "
        f"the better {found.better['benign']:,}: exact McNemar p = {found.benign_p:.3g}."
    )
    title = f"{found.before.capitalize()} against {found.after}"
    return Section("confusion", title, lead, tuple(tables))


def _names(principals: Sequence[Named]) -> str:
    shown = ", ".join(f"{p.id} ({p.kind})" for p in principals[:SHOWN])
    more = len(principals) - SHOWN
    return f"{shown}, and {more:,} more" if more > 0 else shown


def _costs(made: Report) -> Section:
    rows = tuple(
        (
            found.rung,
            bounded(found.principals),
            bounded(found.orgs),
            f"{found.requests:,}",
            f"{found.tokens:,}",
            f"{found.logprobs:,}",
            _spread(found.minutes, found.principals.hits),
            f"{found.paying_orgs:,}",
            (found.largest or "").removeprefix("org:"),
        )
        for found in made.costs
    )
    heads = (
        "rung", "benign principals", "organisations", "requests", "output tokens", "lose logprobs",
        "minutes p50 / p95 / max", "paying orgs", "largest",
    )  # fmt: skip
    lead = "What each rung would take from principals known, or assumed, to be benign."
    return Section("cost", "Cost to benign users", lead, (Table(heads, rows, frozenset({0, 8})),))


def _precision(made: Report) -> Section:
    def rows(found: Sequence[Precision]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (
                row.what,
                stated(row.right),
                percent(row.weighted),
                bounded(row.benign),
                stated(row.caught),
                f"{row.unlabelled:,}",
            )
            for row in found
        )

    heads = ("precision", "weighted", "benign hit", "caught", "unlabelled hits")
    tables = [
        Table(("rung", *heads), rows(made.precision_by_rung)),
        Table(("policy", *heads), rows(made.precision_by_policy)),
    ]
    if len(made.precision_by_week) > 1:
        weeks = tuple((week.begins, stated(week.right)) for week in made.precision_by_week)
        tables.append(Table(("week from", "precision"), weeks))
    lead = "Of the labelled principals that were hit, how many were right; of each kind, how many were hit."
    return Section("precision", "Precision with labels", lead, tuple(tables), tuple(_base_rate(made)))


def _base_rate(made: Report) -> Iterator[str]:
    found = next(row for row in made.precision_by_rung if row.what == made.action)
    if found.caught.rate and found.benign.of:
        at = precision(found.caught.rate, 0.001, found.benign.upper)
        caught, wrong = percent(found.caught.rate), percent(found.benign.upper)
        yield (
            f"Base rate at {made.action}: if 1 principal in 1,000 extracts, {caught} caught and up to "
            f"{wrong} benign hits make a precision of {percent(at)} or more."
        )


def _times(made: Report) -> Section:
    rows = tuple(
        (
            found.rung,
            stated(found.reached),
            _spread(found.requests, found.reached.hits),
            _spread(found.tokens, found.reached.hits),
            _spread(found.hours, found.reached.hits, ",.1f"),
            f"{found.tokens_before:,}",
            f"{found.tokens_missed:,}",
        )
        for found in made.times
    )
    heads = (
        "rung", "reached", "requests before", "tokens before", "hours before", "tokens given away",
        "tokens never stopped",
    )  # fmt: skip
    lead = (
        "What principals labelled extraction had been given before they reached a rung "
        "(median / 95th percentile / most). Tokens leaked before action are what a defender cares about."
    )
    counted = any(found.tokens_before or found.tokens_missed for found in made.times)
    notes = () if counted else ("These records hold no token counts of such principals.",)
    return Section("time", "Time to rung", lead, (Table(heads, rows),), notes)


def tuning_section(found: Tuning) -> Section:
    """Thresholds of one rung, and what is known of them."""
    rows = tuple(
        (
            f"{row.at:g}",
            f"{row.flagged:,}",
            f"{row.caught.hits:,}/{row.caught.of:,}",
            f"{row.benign.hits:,}/{row.benign.of:,}",
            percent(row.benign.upper),
            "← now" if row.now else "",
        )
        for row in found.rows
    )
    table = Table(
        ("at", "flagged", "caught", "benign", "upper bound (one-sided 95%)", ""), rows, frozenset({5})
    )
    suggestion = f"keep {found.now:g}" if found.suggested == found.now else f"{found.suggested:g}"
    notes = [f"You cannot know that yet: {reason}." for reason in found.reasons]
    if found.check is not None:
        check = found.check
        notes.append(
            f"On the second period: {check.benign.hits:,}/{check.benign.of:,} benign, "
            f"{check.caught.hits:,}/{check.caught.of:,} caught; among principals not seen in the first: "
            f"{check.unseen_benign.hits:,}/{check.unseen_benign.of:,} benign, "
            f"{check.unseen_caught.hits:,}/{check.unseen_caught.of:,} caught."
        )
    bound = percent(found.max_benign)
    lead = f"Suggested for {found.rung}: {suggestion} (at most {bound} of benign principals)."
    return Section("thresholds", f"Thresholds for {found.rung}", lead, (table,), tuple(notes))


def _exemptions(made: Report) -> Section:
    rows = tuple(
        (
            found.id,
            f"{found.requests:,}",
            f"{found.points:,.0f}",
            f"{len(found.principals):,}",
            when(found.last),
            found.advice + (f" ({', '.join(found.rising)})" if found.rising else ""),
        )
        for found in made.exemptions
    )
    heads = ("exemption", "requests", "points forgiven", "principals", "last used", "advice")
    tables = (Table(heads, rows, frozenset({0, 4, 5})),) if rows else ()
    lead = "What each exemption forgave." if rows else "No exemption exists or was used."
    return Section("exemptions", "Exemption ledger", lead, tables)


def _readiness(made: Report) -> Section:
    rows = tuple(
        (
            card.policy,
            card.mode,
            f"{card.days:.1f}",
            bounded(card.benign),
            f"{card.labelled:,}/{card.hits:,}",
            f"{card.tests:,}" + (f" ({card.gaps:,} gaps)" if card.gaps else ""),
            card.advice + "".join(f"; needs {word}" for word in card.missing),
        )
        for card in made.readiness
    )
    heads = ("policy", "mode", "days", "benign hits", "labelled hits", "tests", "verdict")
    lead = (
        f"May a policy act on its first few percent? A hit is a principal on {made.action} or above with "
        "points of this policy that count. The rule was fixed before looking."
    )
    return Section("readiness", "Readiness", lead, (Table(heads, rows, frozenset({0, 1, 6})),))


def _drift(made: Report) -> Section:
    rows = tuple(
        (row.what, stated(row.before), stated(row.now), "moved" if row.apart else "") for row in made.drift
    )
    table = Table(("what", "previous period", "this period", ""), rows, frozenset({0, 3}))
    lead = "Principals hit, as a share of all. Moved: the two exact intervals do not overlap."
    return Section("drift", "Since the previous period", lead, (table,))
