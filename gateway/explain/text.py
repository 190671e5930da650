"""An `Explanation` as an operator reads it: tables, totals, what comes next, what would have been done."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.explain.view import Explanation, Need, SignalRow, Standing
from gateway.words import spoken

_WIDTH = 140
_DAY = 86_400.0


def text(found: Explanation, *, color: bool = False) -> str:
    """Head, table of signals and policies, totals, next rung, responses, and a footnote where one is due."""
    out = io.StringIO()
    console = Console(
        file=out, width=_WIDTH, force_terminal=color, color_system="standard" if color else None
    )
    _say(console, [_head(found), *_remarks(found)])
    if found.signals:
        console.print(_signals(found.signals))
    if found.policies:
        console.print(_policies(found))
    _say(console, _totals(found))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _say(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        # As text: names are the client's, and may look like markup.
        console.print(Text(line), soft_wrap=True)


def _head(found: Explanation) -> str:
    who = [f"org {found.org}" if found.org else "", found.tier or "", _age(found.age)]
    if found.tenant:
        who.append(f"tenant {found.tenant}")
    told = ", ".join(part for part in who if part)
    where = [f"bundle {found.bundle}" if found.bundle else "no bundle"]
    if found.offset is not None:
        where.append(f"{spoken(found.offset)} into the trace")
    if found.number is not None:
        where.append(f"request {found.number}")
    where.append(found.id)
    return f"{found.principal}{f' ({told})' if told else ''}   {' · '.join(where)}"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / _DAY:,.0f} days" if seconds >= 2 * _DAY else f"{spoken(seconds)} old"


def _remarks(found: Explanation) -> Iterator[str]:
    asked = " ".join(part for part in (found.route, found.model) if part)
    yield f"{asked or 'unknown route'} → {found.status or 'no answer'}{_refused(found)}"
    if found.unscored:
        yield f"not scored: {found.unscored}"
    for name, error in found.skipped.items():
        yield f"{name} could not run: {error}"
    if not found.known and found.bundle:
        yield "decided by another bundle than the one at hand: ramps and rungs are not known here"
    if found.matched:
        yield f"matches {', '.join(found.matched)}"
    if found.campaign is not None:
        # The detector's own words stand behind those of the policy.
        told = (row.text.partition(f"campaign {found.campaign}: ")[2] for row in found.signals)
        evidence = next(filter(None, told), "")
        yield f"in campaign {found.campaign}{f': {evidence}' if evidence else ''}"
    if not found.signals and not found.unscored:
        yield "no signal gave points on this request"


def _refused(found: Explanation) -> str:
    return f" ({found.refusal}, answered by the gateway)" if found.refusal else ""


def _signals(rows: Iterable[SignalRow]) -> Table:
    table = _table("signal")
    for head in ("value", "harmless → certain", "strength", "points"):
        table.add_column(head, justify="right")
    table.add_column("mode")
    for row in rows:
        table.add_row(
            Text(row.id), _value(row), _ramp(row), f"{row.strength:.2f}", f"{row.points:.1f}", _mode(row)
        )
    return table


def _table(first: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    return table


def _value(row: SignalRow) -> str:
    share = row.ramp is not None and max(row.ramp) <= 1
    number = f"{row.value:.0%}" if share else _number(row.value)
    observed = f" of {row.n:,}" if row.n > 1 else ""
    return f"{number}{observed}{f' in {row.over}' if row.over else ''}"


def _ramp(row: SignalRow) -> str:
    if row.ramp is None:
        return "yes or no" if row.most is not None else "?"
    low, high = row.ramp
    return f"{low:.0%} → {high:.0%}" if max(row.ramp) <= 1 else f"{_number(low)} → {_number(high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _mode(row: SignalRow) -> str:
    notes = [row.because] if row.because else []
    if row.warming is not None:
        notes.append(f"warming {row.warming:.0%}")
    if row.exempted:
        notes.append(f"exempted: {row.exempted:.1f} points less")
    return row.mode + (f" ({'; '.join(notes)})" if notes else "")


def _policies(found: Explanation) -> Table:
    table = _table("policy")
    for head in ("now", "peak", "enforced", "cap"):
        table.add_column(head, justify="right")
    table.add_column("mode")
    for row in found.policies:
        cap = "?" if row.cap is None else f"{row.cap:g}"
        half = "" if row.half_life is None else f" (peak halves in {spoken(row.half_life)})"
        cells = (f"{row.now:.1f}", f"{row.shadow:.1f}", f"{row.enforced:.1f}", cap, row.mode + half)
        table.add_row(Text(row.id), *cells)
    return table


def _totals(found: Explanation) -> Iterator[str]:
    yield f"shadow score   {found.shadow.score:5.1f}  → {_rung(found.shadow)}"
    yield f"enforced score {found.enforced.score:5.1f}  → {_rung(found.enforced)}"
    if found.next is not None:
        yield f"next rung: {found.next.rung} at {found.next.at:g} — {'; '.join(map(_need, found.next.needs))}"
    for tally in found.exemptions:
        yield f"exemption {tally['id']}: {tally['points']:.1f} points less"
    if found.applied:
        yield f"did: {_responses(found.applied, found.responses)}"
    if found.would and found.would != found.applied:
        yield f"would have: {_responses(found.would, found.responses)}"


def _rung(standing: Standing) -> str:
    at = "" if standing.at is None else f" (at {standing.at:g})"
    return f"{standing.rung}{at}" if standing.rung else "none"


def _need(need: Need) -> str:
    told = spoken if need.what in ("account age", "sustained") else _number
    if need.has is None:
        return f"{need.what} {told(need.needs)} (not known here)"
    return f"{need.what} {told(need.needs)} ({'ok' if need.met else f'has {told(need.has)}'})"


def _responses(names: Iterable[str], options: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(" ".join((name, *_options(options.get(name, {})))) for name in names)


def _options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            value = f"{value['count']}/{spoken(value['seconds'])}" if "seconds" in value else value
        if value is not False:
            yield name if value is True else f"{name}={value}"
