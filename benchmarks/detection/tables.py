"""The benchmark's figures as tables in a terminal; docs/detection.md explains every column.

Only layout belongs here: what stands in the cells comes from the JSON document's own values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.detection.attacker import TARGETS, Attempt, cheapest
from benchmarks.detection.bar import Read
from benchmarks.detection.compare import Compared, Early, Right
from benchmarks.detection.gateway_results import Result
from benchmarks.detection.mixed import REQUESTS, Mixed
from benchmarks.detection.outcome import Caught, Linked, Spared
from benchmarks.tables import table
from gateway.statistics import Share


def part(value: Share) -> str:
    """`7/8 (47-100 %)`."""
    return f"{value.hits}/{value.of} ({100 * value.low:.0f}-{100 * value.high:.0f} %)" if value.of else "-"


def small(value: Share) -> str:
    """`3/434 ≤ 1.8 %`: the one-sided bound, for what should be nothing."""
    return f"{value.hits}/{value.of} ≤ {100 * value.upper:.1f} %" if value.of else "-"


def number(value: float | None, digits: int = 0) -> str:
    """Thousands apart; a dash for nothing."""
    return "-" if value is None else f"{value:,.{digits}f}"


def show(console: Console, tables: Iterable[Table]) -> None:
    """One after another."""
    for made in tables:
        console.print(made)


def result_tables(result: Result) -> list[Table]:
    """Attackers and honest principals under one setting."""
    steps = list(result.caught)
    last = steps[-1]
    rows = [
        [
            row.scenario,
            *(part(_of(result.caught[step], row.scenario).campaigns) for step in steps),
            part(row.principals),
            number(row.requests),
            number(row.hours, 1),
            number(row.answers),
            number(row.tokens),
            f"{row.given:.0%}",
            f"{result.passed[row.scenario]:.0%}" if result.passed else "-",
        ]
        for row in result.caught[last]
    ]
    heads = [
        "attack",
        *(f"campaigns at {step}" for step in steps),
        f"principals at {last}",
        "requests",
        "hours",
        "answers before",
        "tokens before",
        "given",
        "passed",
    ]
    caught = table(f"{result.name}: {result.about}", heads, rows)
    return [caught, _honest(result, steps)]


def _of(rows: Iterable[Caught], scenario: str) -> Caught:
    return next(row for row in rows if row.scenario == scenario)


def _honest(result: Result, steps: Sequence[str]) -> Table:
    by_kind: dict[str, list[Spared]] = {}
    for step in steps:
        for row in result.spared[step]:
            by_kind.setdefault(row.kind, []).append(row)
    rows = [
        [kind, *(small(row.principals) for row in own), number(own[0].requests), number(own[0].touched)]
        for kind, own in by_kind.items()
    ]
    heads = ["honest", *(f"principals at {step}" for step in steps), "requests", "touched"]
    return table(f"{result.name}: honest principals", heads, rows)


def linking_table(rows: Iterable[Linked]) -> Table:
    """Keys joined into campaigns, by requests per key."""
    heads = ["requests per key", "wrapped members linked", "bare members linked", "innocents among linked"]
    cells = [[str(row.requests), part(row.wrapped), part(row.bare), part(row.innocents)] for row in rows]
    return table("campaign linking", heads, cells)


def bar_table(name: str, rows: Iterable[Read]) -> Table:
    """What was asked and what was seen."""
    said = {True: "yes", False: "no", None: "-"}
    cells = [[row.what, row.asked, _seen(row), said[row.met]] for row in rows]
    return table(f"the bar, {name}", ["what", "asked", "seen", "met"], cells)


def _seen(row: Read) -> str:
    if row.seen is not None:
        return part(row.seen)
    if row.value is None:
        return "-"
    return f"{row.value:.2%}" if row.value < 1 else number(row.value)


def mixed_table(rows: Sequence[Mixed]) -> Table:
    """Keys met, by share of the harvest."""
    scenarios = sorted({name for row in rows for name in row.met})
    cells = [
        [
            f"{row.share:.0%}",
            row.detector,
            *(f"{own.hits}/{own.of}" if (own := row.met.get(name)) else "-" for name in scenarios),
            part(row.whole),
        ]
        for row in rows
    ]
    title = f"mixed keys of {REQUESTS} requests, by share of the harvest: keys met"
    return table(title, ["share", "detector", *scenarios, "all"], cells)


def attacker_table(rows: Sequence[Attempt]) -> Table:
    """What each tactic obtained, and its price."""
    heads = ["tactic", "a day", "accounts", "requests", "throttled", "before", "passed"]
    heads += [f"times for {target:,} (burnt)" for target in TARGETS]
    cells = [
        [
            row.tactic,
            number(row.pace),
            str(row.accounts),
            number(row.requests),
            str(row.throttled),
            number(row.before),
            number(row.passed),
            *(f"{number(one.multiple, 1)} ({one.burnt:,})" for one in row.prices),
        ]
        for row in rows
    ]
    return table("the adaptive attacker: cost in account-days, as a multiple of no gateway", heads, cells)


def choice_table(rows: Sequence[Attempt]) -> Table:
    """What the attacker would choose."""
    cells = []
    for target in TARGETS:
        found = cheapest(rows, target)
        if found is not None:
            own, price = found
            ways = [number(cost) for cost in (price.leaving, price.staying)]
            named = f"{own.tactic}, {own.pace:,.0f} a day"
            cells.append([number(target), named, *ways, number(price.multiple, 1)])
    heads = ["answers", "cheapest", "account-days leaving", "account-days staying", "multiple"]
    return table("the adaptive attacker's choice", heads, cells)


# --- beside the baselines ---------------------------------------------------------------------------------


def compared_tables(title: str, rows: Sequence[Compared]) -> list[Table]:
    """Recall by scenario, recall at equal numbers of requests, and precision."""
    if not rows:
        return []
    return [
        table(f"{title}: principals met", ["", *(row.name for row in rows)], _recalls(rows)),
        table(
            f"{title}: attackers met (honest hit) within so many requests, of those who sent as many",
            ["detector", *(f"{early.requests:,}" for early in rows[0].early)],
            [[row.name, *(_early(early) for early in row.early)] for row in rows],
        ),
        table(
            f"{title}: part of alarms that are right, at the 95 % bound of the benign rate (as seen)",
            ["detector", *(f"1 in {1 / right.prevalence:,.0f}" for right in rows[0].precision)],
            [[row.name, *(_right(right) for right in row.precision)] for row in rows],
        ),
    ]


def _recalls(rows: Sequence[Compared]) -> list[list[str]]:
    """One line a scenario, because there are more scenarios than fit side by side."""
    scenarios = [
        [own[0].scenario, *(f"{one.principals.hits}/{one.principals.of}" for one in own)]
        for own in zip(*(row.caught for row in rows), strict=True)
    ]
    return [
        ["honest principals", *(f"{row.honest.hits}/{row.honest.of}" for row in rows)],
        *scenarios,
        ["mean of scenarios", *(f"{row.recall:.0%}" for row in rows)],
    ]


def _early(early: Early) -> str:
    if not early.attackers.of:
        return "-"
    return f"{early.attackers.rate or 0.0:.0%} ({early.honest.hits}/{early.honest.of})"


def _right(right: Right) -> str:
    seen = "-" if right.seen is None else f"{right.seen:.1%}"
    return f"≥ {right.bound or 0.0:.1%} ({seen})"
