"""A run as tables in a terminal; docs/performance.md explains every column. Only layout belongs here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.table import Table

from benchmarks.side_by_side.bar import Verdict
from benchmarks.side_by_side.figures import OURS, Figures
from benchmarks.side_by_side.scenarios import Scenario
from benchmarks.side_by_side.targets import Target
from benchmarks.tables import table


def number(value: float | None, digits: int | None = None) -> str:
    """Three significant digits, or so many behind the point; a dash for nothing."""
    if value is None:
        return "-"
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def scenario_table(figures: Figures, scenario: Scenario, targets: Iterable[Target]) -> Table:
    """Every target under one load."""
    unit = "event" if scenario.stream else "request"
    heads = ["", f"CPU µs/{unit}", "low-high", f"{OURS}/this", f"{unit}s/s", "core"]
    heads += ["first ms", "delay ms", "p99"] if scenario.stream else ["p50 ms", "p99"]
    rows = []
    for target in targets:
        if not figures.measured(target.name, scenario.name):
            continue
        cell = figures.cell(target.name, scenario.name)
        if cell.cost is None:
            said = f"{cell.errors} errors" if cell.errors else "nothing came"
            rows.append([target.name, said, cell.error[:40], *[""] * (len(heads) - 3)])
            continue
        ratio = figures.ratio(OURS, target.name, scenario.name)
        row = [target.name, number(cell.cost), f"{number(cell.low)}-{number(cell.high)}"]
        row += [number(ratio), number(cell.rate), number(cell.core, 2)]
        if scenario.stream:
            row += [number(cell.first_ms, 2), number(cell.delay_ms, 2), number(cell.delay_p99_ms, 2)]
        else:
            row += [number(cell.median_ms, 2), number(cell.p99_ms, 2)]
        rows.append(row)
    return table(f"{scenario.name}: {scenario.about}", heads, rows)


def memory_table(figures: Figures, targets: Iterable[Target], versions: Mapping[str, str]) -> Table:
    """What stands where, in which version, and its memory."""
    rows = [
        [
            target.name,
            target.about,
            number(figures.idle[target.name] / 1e6, 0) if target.name in figures.idle else "-",
            number(each / 1e3, 0) if (each := figures.stream_memory(target.name)) is not None else "-",
            versions[target.name],
        ]
        for target in targets
        if target.name in versions
    ]
    return table("targets", ["", "what", "idle MB", "kB/stream", "version"], rows)


def bar_table(rows: Iterable[Verdict]) -> Table:
    """What was asked and what was seen."""
    cells = [[row.what, row.asked, row.stretch, _seen(row), row.met] for row in rows]
    return table(f"the bar, {OURS}", ["against", "goal", "stretch", "seen", "met"], cells)


def _seen(row: Verdict) -> str:
    if row.seen == float("inf"):
        return "load not held"
    return "-" if row.seen is None else f"{number(row.seen)} {row.unit}"


def missing_table(missing: Mapping[str, str]) -> Table:
    """Who did not run, and why."""
    return table("not run", ["", "why"], [[name, why] for name, why in missing.items()])
